package clip

import (
	"context"
	"encoding/json"
	"image"
	"path/filepath"
	"strings"
	"testing"

	"github.com/easel-go/easel/internal/golden"
	"github.com/easel-go/easel/internal/imageio"
)

// opTable is a table of datajuicer/ops, as far as models matter to it.
type opTable struct {
	Op        string          `json:"op"`
	Kind      string          `json:"kind"`
	Batched   bool            `json:"batched"`
	Params    json.RawMessage `json:"params"`
	Rows      []opRow         `json:"rows"`
	Sets      []opSet         `json:"sets"`
	StatsKeys []string        `json:"stats_keys"`
}

type opRow struct {
	ID     int      `json:"id"`
	Text   string   `json:"text"`
	Images []string `json:"image"`
}

type opSet struct {
	Params map[string]any    `json:"params"`
	Raw    []json.RawMessage `json:"raw"`
	Stats  json.RawMessage   `json:"stats"`
	Keep   json.RawMessage   `json:"keep"`
	Error  json.RawMessage   `json:"error"`
}

// measures say what a model gives for a row of each op that needs one. The rules of
// Data-Juicer around it are package filter's.
var measures = map[string]func(ctx context.Context, m *Models, name string, pics []image.Image) ([]float32, error){
	"image_aesthetics_filter": func(ctx context.Context, m *Models, name string, pics []image.Image) ([]float32, error) {
		r, err := m.Aesthetics(ctx, name)
		if err != nil {
			return nil, err
		}
		marks, err := r.Rate(ctx, pics)
		for i := range marks {
			marks[i] /= 10 // as Data-Juicer has them
		}
		return marks, err
	},
	"image_nsfw_filter":      classOne,
	"image_watermark_filter": classOne,
	"image_pair_similarity_filter": func(ctx context.Context, m *Models, name string, pics []image.Image) ([]float32, error) {
		s, err := m.Scorer(ctx, name)
		if err != nil {
			return nil, err
		}
		c, err := s.Similarity(ctx, pics[0], pics[1])
		return []float32{c}, err
	},
}

func classOne(ctx context.Context, m *Models, name string, pics []image.Image) ([]float32, error) {
	c, err := m.Classifier(ctx, name)
	if err != nil {
		return nil, err
	}
	rows, err := c.Classify(ctx, pics)
	var out []float32
	for _, r := range rows {
		out = append(out, r[1])
	}
	return out, err
}

// TestGoldenModels measures the pictures of Data-Juicer's tables with the models that
// they name.
func TestGoldenModels(t *testing.T) {
	dir := golden.Part(t, "datajuicer/ops")
	models := &Models{}
	defer models.Close()
	for op, measure := range measures {
		path := filepath.Join(dir, op+".json")
		if found, _ := filepath.Glob(path); found == nil {
			continue // another tree may lack an op
		}
		table := golden.JSON[opTable](t, path)
		for _, set := range table.Sets {
			for i, row := range table.Rows {
				if len(row.Images) == 0 || set.Raw[i][0] == '"' {
					continue // the reference has no number for these
				}
				var stats map[string][]float32
				if err := json.Unmarshal(set.Raw[i], &stats); err != nil {
					t.Fatal(err)
				}
				have, err := measure(t.Context(), models, modelOf(dir, set), rowPictures(t, dir, row))
				if err != nil {
					t.Fatalf("%s row %d: %v", op, row.ID, err)
				}
				golden.Close(t, op, have, stats[table.StatsKeys[0]], golden.Tol{Abs: 1e-4, From: "datajuicer's README: model scores"})
			}
		}
	}
}

func modelOf(dir string, set opSet) string {
	for name, v := range set.Params {
		if s, ok := v.(string); ok && strings.HasPrefix(name, "hf_") {
			return strings.ReplaceAll(s, "@MODELS@", filepath.Join(dir, "models"))
		}
	}
	return ""
}

// rowPictures reads pictures as Data-Juicer does: turned upright.
func rowPictures(t *testing.T, dir string, row opRow) (pics []image.Image) {
	for _, name := range row.Images {
		p, err := imageio.DecodeRGB(golden.Bytes(t, strings.ReplaceAll(name, "@IMG@", filepath.Join(dir, "img"))), imageio.Tolerant)
		if err != nil {
			t.Fatal(err)
		}
		pics = append(pics, p.RGBAImage())
	}
	return pics
}
