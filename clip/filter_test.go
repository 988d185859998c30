package clip_test

import (
	"bytes"
	"encoding/json"
	"iter"
	"path/filepath"
	"strings"
	"testing"

	"github.com/easel-go/easel/clip"
	"github.com/easel-go/easel/dataset"
	"github.com/easel-go/easel/filter"
	"github.com/easel-go/easel/internal/golden"
)

var _ filter.Models = (*clip.Models)(nil)

// opTable is a table of datajuicer/ops: what Data-Juicer's op measured of some rows and
// which it kept, for several sets of parameters.
type opTable struct {
	Op        string            `json:"op"`
	Kind      string            `json:"kind"`
	Batched   bool              `json:"batched"`
	Params    [][3]any          `json:"params"` // name, type, default
	Rows      []json.RawMessage `json:"rows"`
	Sets      []opSet           `json:"sets"`
	StatsKeys []string          `json:"stats_keys"`
}

type opSet struct {
	Params json.RawMessage   `json:"params"`
	Raw    []json.RawMessage `json:"raw"`   // measured; a string is an exception
	Stats  json.RawMessage   `json:"stats"` // raw, as the data set holds it
	Keep   []int64           `json:"keep"`
	Out    json.RawMessage   `json:"out"`
	Hash   json.RawMessage   `json:"hash"`
	Hashed json.RawMessage   `json:"hashed"`
	Error  []string          `json:"error"` // of the run as a whole, when it cannot store what it measured
}

// usesModel says whether an op is one that asks for a network.
func (o opTable) usesModel() bool {
	for _, p := range o.Params {
		if name := p[0].(string); strings.HasPrefix(name, "hf_") && name != "hf_tokenizer" {
			return true
		}
	}
	return false
}

// TestGoldenFilters runs the ops that need a model as a recipe does.
func TestGoldenFilters(t *testing.T) {
	dir := golden.Part(t, "datajuicer/ops")
	models := &clip.Models{}
	defer models.Close()
	for _, path := range golden.Glob(t, dir, "*.json") {
		table := golden.JSON[opTable](t, path)
		if !table.usesModel() {
			continue
		}
		for _, set := range table.Sets {
			t.Run(table.Op+"/"+string(set.Params), func(t *testing.T) {
				checkMeasured(t, dir, table, set, models)
				checkKept(t, dir, table, set, models)
			})
		}
	}
}

// checkMeasured compares the numbers of each row. Where the reference failed on a
// picture it took for another, ours may have one.
func checkMeasured(t *testing.T, dir string, table opTable, set opSet, models filter.Models) {
	stat := table.StatsKeys[0]
	for r, err := range filter.Apply(t.Context(), rows(t, dir, table), filter.Options{Models: models}, step(t, dir, table, set)) {
		if err != nil {
			t.Fatal(err)
		}
		raw := set.Raw[r.Index]
		if raw[0] == '"' {
			continue
		}
		want := golden.Decode[map[string][]float64](t, "raw", raw)[stat]
		have, _ := r.Stats.Numbers(stat)
		golden.Close(t, stat, have, want, golden.Tol{Abs: 1e-4, From: "the tables' README: scores of models"})
	}
}

// checkKept compares which rows stay, with the reference's failures among them.
func checkKept(t *testing.T, dir string, table opTable, set opSet, models filter.Models) {
	if set.Error != nil {
		return // nothing but the numbers is known
	}
	var kept []int64
	for r, err := range filter.Apply(t.Context(), rows(t, dir, table), filter.Options{Models: models, Strict: true}, step(t, dir, table, set)) {
		if err != nil {
			t.Fatal(err)
		}
		if id, _ := r.Sample.Get("id"); r.Kept {
			kept = append(kept, id.(int64))
		}
	}
	golden.Equal(t, "keep", kept, set.Keep)
}

func step(t *testing.T, dir string, table opTable, set opSet) filter.Step {
	s, err := filter.New(table.Op, expand(dir, set.Params))
	if err != nil {
		t.Fatal(err)
	}
	s.Keys.Image = "image"
	return s
}

func rows(t *testing.T, dir string, table opTable) iter.Seq2[*dataset.Sample, error] {
	return func(yield func(*dataset.Sample, error) bool) {
		for _, raw := range table.Rows {
			v, err := dataset.ParseJSON(expand(dir, raw))
			if err != nil {
				t.Fatal(err)
			}
			if !yield(&dataset.Sample{Fields: v.(dataset.Struct)}, nil) {
				return
			}
		}
	}
}

// expand puts paths for the tables' placeholders.
func expand(dir string, b []byte) []byte {
	for _, name := range []string{"IMG", "ASSETS", "MODELS"} {
		b = bytes.ReplaceAll(b, []byte("@"+name+"@"), []byte(filepath.ToSlash(filepath.Join(dir, strings.ToLower(name)))))
	}
	return b
}
