package imageio

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/easel-go/easel/internal/golden"
)

// encodeTable is a list of JPEGs that Pillow wrote.
type encodeCases struct {
	Rows []struct {
		Src      string `json:"src"`
		File     string `json:"file"`
		SaveArgs struct {
			Quality     int  `json:"quality"`
			Subsampling *int `json:"subsampling"`
		} `json:"save_args"`
		Bytes  int             `json:"bytes"`
		PSNR   float64         `json:"psnr"`
		Tables json.RawMessage `json:"tables"` // in the file, which must be the same
	} `json:"rows"`
}

func TestGoldenEncode(t *testing.T) {
	dir := golden.Part(t, "image")
	for _, c := range golden.JSON[encodeCases](t, filepath.Join(dir, "encode.json")).Rows {
		p, err := Decode(golden.Bytes(t, filepath.Join(dir, c.Src)), Strict)
		if err != nil {
			t.Fatal(err)
		}
		o := JPEGOptions{Quality: c.SaveArgs.Quality}
		if s := c.SaveArgs.Subsampling; s != nil {
			if *s != 0 {
				t.Fatalf("%s: subsampling %d", c.File, *s)
			}
			o.Full = true
		}
		var b bytes.Buffer
		if err := EncodeJPEG(&b, p, o); err != nil {
			t.Fatal(err)
		}
		want := golden.Bytes(t, filepath.Join(dir, c.File))
		if !bytes.Equal(b.Bytes(), want) {
			t.Errorf("%s: %d bytes, want %d: %s", c.File, b.Len(), len(want), firstDifference(b.Bytes(), want))
		}
	}
}

func firstDifference(a, b []byte) string {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return fmt.Sprintf("byte %d is %#02x, want %#02x", i, a[i], b[i])
		}
	}
	return "one goes on longer"
}
