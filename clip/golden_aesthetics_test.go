package clip

import (
	"encoding/json"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/easel-go/easel/internal/golden"
)

// aestheticsTable is aesthetics/aesthetics.json.
type aestheticsTable struct {
	Versions map[string]string `json:"versions"`
	Seed     int               `json:"seed"`
	Config   json.RawMessage   `json:"config"`
	Models   []struct {
		Folder   string           `json:"folder"`
		Class    string           `json:"class"`
		Stored   string           `json:"stored"`
		Computed string           `json:"computed"`
		Scores   []float32        `json:"scores"`
		Keys     map[string][]int `json:"head_keys"`
	} `json:"models"`
	Real []struct {
		Head   string             `json:"head"`
		SHA    string             `json:"sha256"`
		Keys   map[string][]int   `json:"keys"`
		Scores map[string]float32 `json:"scores_of_real_embeddings"`
	} `json:"real"`
}

// TestGoldenAesthetics rates pictures with predictors of every kind.
func TestGoldenAesthetics(t *testing.T) {
	dir := golden.Part(t, "aesthetics")
	pics := pictures(t, "", golden.Glob(t, dir, "images/*.png"))
	for _, c := range golden.JSON[aestheticsTable](t, filepath.Join(dir, "aesthetics.json")).Models {
		t.Run(c.Folder, func(t *testing.T) {
			a, err := OpenAesthetics(filepath.Join(dir, c.Folder))
			if err != nil {
				t.Fatal(err)
			}
			defer a.Close()
			f := golden.Tensors(t, filepath.Join(dir, c.Folder+".safetensors"))
			checkPixels(t, a.look, f.Get(t, "in.pixel_values").Float32s(), pics)
			embeds, err := a.look.rows(t.Context(), pics)
			if err != nil {
				t.Fatal(err)
			}
			golden.Close(t, "image_embeds_before_norm", flat(embeds), f.Get(t, "image_embeds_before_norm").Float32s(), stateTol)
			if err := unit(embeds); err != nil {
				t.Fatal(err)
			}
			golden.Close(t, "image_embeds", flat(embeds), f.Get(t, "image_embeds").Float32s(), embedTol)
			marks, err := a.Rate(t.Context(), pics)
			if err != nil {
				t.Fatal(err)
			}
			golden.Close(t, "scores", marks, c.Scores, markTol)
			golden.Close(t, "logits", marks, f.Get(t, "logits").Float32s(), markTol)
		})
	}
}

// TestGoldenHeads applies LAION's published heads to LAION's embeddings, and the head
// of a predictor by itself to what its tower gives.
func TestGoldenHeads(t *testing.T) {
	dir := golden.Part(t, "aesthetics")
	table := golden.JSON[aestheticsTable](t, filepath.Join(dir, "aesthetics.json"))
	for _, path := range golden.Glob(t, dir, "*-head.pth") {
		name := strings.TrimSuffix(filepath.Base(path), "-head.pth")
		for _, c := range table.Models {
			if c.Folder == name {
				f := golden.Tensors(t, filepath.Join(dir, name+".safetensors"))
				checkHead(t, path, f.Get(t, "image_embeds"), c.Scores)
			}
		}
	}
	if table.Real == nil {
		t.Log("this tree has no scores of LAION's heads")
		return
	}
	f := golden.Tensors(t, filepath.Join(dir, "real-embeddings.safetensors"))
	for _, r := range table.Real {
		if strings.Contains(r.Head, "MSE") {
			continue // LAION's v2 heads are not part of the tree
		}
		for name, score := range r.Scores {
			checkHead(t, golden.Data(t, "aesthetics/"+r.Head), f.Get(t, name), []float32{score})
		}
	}
}

func checkHead(t *testing.T, path string, embeds golden.Tensor, want []float32) {
	t.Helper()
	h, err := OpenHead(path)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := rowsOf("embeddings", embeds.Float32s(), h.Dim())
	if err != nil {
		t.Fatal(err)
	}
	have, err := h.Rate(rows)
	if err != nil {
		t.Fatal(err)
	}
	golden.Close(t, filepath.Base(path), have, want, markTol)
}

// TestGoldenHeadWidth spoils predictors: a head of another width, and one without.
func TestGoldenHeadWidth(t *testing.T) {
	dir := golden.Part(t, "aesthetics")
	for _, c := range golden.JSON[aestheticsTable](t, filepath.Join(dir, "aesthetics.json")).Models {
		fsys := fstest.MapFS{}
		for _, name := range []string{"config.json", "model.safetensors", "preprocessor_config.json"} {
			fsys["m/"+name] = &fstest.MapFile{Data: golden.Bytes(t, filepath.Join(dir, c.Folder, name))}
		}
		change(t, fsys, "m/config.json", func(v map[string]any) { v["projection_dim"] = 7 })
		if _, err := OpenAesthetics("m", WithFS(fsys)); !errors.Is(err, Shape) {
			t.Errorf("%s with a tower of 7 numbers: %v, want %q", c.Folder, err, Shape)
		}
	}
}
