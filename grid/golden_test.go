package grid

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"image/png"
	"path/filepath"
	"testing"

	"github.com/easel-go/easel/internal/golden"
)

// resizeTable is goldens/image's list of calls of Pillow's Image.resize.
type resizeTable struct {
	Pillow     string          `json:"pillow"`
	Thumbnails json.RawMessage `json:"thumbnail_default_bicubic_gap2"` // imageio's
	Rows       []struct {
		Src     string          `json:"src"`
		Mode    string          `json:"mode"`
		From    [2]int          `json:"from"`
		To      [2]int          `json:"to"`
		Filter  string          `json:"filter"`
		Box     json.RawMessage `json:"box"`
		Gap     float64         `json:"reducing_gap"`
		SHA256  string          `json:"sha256"`
		OutMode string          `json:"out_mode"`
		PNG     string          `json:"png"`
		Error   string          `json:"error"`
	} `json:"rows"`
}

// TestGoldenResize compares whole pictures in the modes that an image.Image has.
func TestGoldenResize(t *testing.T) {
	dir := golden.Part(t, "image")
	channels := map[string][]int{"RGB": {0, 1, 2}, "L": {0}, "RGBA": {0, 1, 2, 3}}
	names := map[string]Filter{"default": Bicubic, "NEAREST": Nearest, "BOX": Box, "BILINEAR": Bilinear, "HAMMING": Hamming, "BICUBIC": Bicubic, "LANCZOS": Lanczos}
	n := 0
	for i, c := range golden.JSON[resizeTable](t, filepath.Join(dir, "resize.json")).Rows {
		keep, ok := channels[c.Mode]
		if !ok || c.Box != nil || c.Gap != 0 || c.Error != "" {
			continue // imageio's own cases
		}
		f, ok := names[c.Filter]
		if !ok {
			t.Fatalf("row %d: filter %s", i, c.Filter)
		}
		m, err := png.Decode(bytes.NewReader(golden.Bytes(t, filepath.Join(dir, "resize_src", c.Src+".png"))))
		if err != nil {
			t.Fatal(err)
		}
		q, err := Resize(m, c.To[0], c.To[1], f)
		if err != nil {
			t.Fatal(err)
		}
		var have []byte
		for p := q.Pix; len(p) > 0; p = p[4:] {
			for _, k := range keep {
				have = append(have, p[k])
			}
		}
		if s := sha256.Sum256(have); hex.EncodeToString(s[:]) != c.SHA256 {
			t.Errorf("row %d: %s %v to %v, %s: other pixels", i, c.Src, c.From, c.To, c.Filter)
		}
		n++
	}
	if n == 0 {
		t.Error("no case in a mode of image.Image")
	}
}
