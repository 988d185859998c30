package filter

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/easel-go/easel/dataset"
	"github.com/easel-go/easel/internal/golden"
)

// TestGoldenBlur compares the pictures of image_blur_mapper with Pillow's, byte for byte.
func TestGoldenBlur(t *testing.T) {
	dir := golden.Part(t, "datajuicer/ops") + "/blur"
	for _, c := range golden.JSON[[]struct {
		In      string          `json:"in"`
		Params  json.RawMessage `json:"params"`
		Out     string          `json:"out"`
		Written string          `json:"written_as"`
	}](t, dir+"/index.json") {
		step, err := New("image_blur_mapper", c.Params)
		if err != nil {
			t.Fatal(err)
		}
		op := step.Op.(*imageBlur)
		out := t.TempDir()
		op.P, op.Dir = 1, &out
		r := NewRow(&dataset.Sample{Fields: dataset.Struct{{Name: "image", Value: []any{filepath.Join(dir, c.In)}}}}, Keys{Image: "image"})
		if _, err := op.Map(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		v, _ := r.Sample.Get("image")
		path := v.([]any)[0].(string)
		if name := regexp.MustCompile(`[0-9a-f]{64}`).ReplaceAllString(filepath.Base(path), "@SHA256@"); name != c.Written {
			t.Errorf("%s is written as %s, want %s", c.In, name, c.Written)
		}
		_, _, have := golden.PNG(t, path)
		_, _, want := golden.PNG(t, filepath.Join(dir, c.Out))
		if !bytes.Equal(have, want) {
			db, same := golden.PSNR(have, want)
			t.Errorf("%s: %.1f dB, %.3f of the bytes equal", c.Out, db, same)
		}
		if _, err := os.Stat(filepath.Join(dir, "__dj__produced_data__")); err == nil {
			t.Fatal("the picture was written beside its source")
		}
	}
}
