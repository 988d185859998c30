// Package filtertest holds ops of package filter to the tables that Data-Juicer's own
// ops wrote: what they measured of each row, and which rows they kept. Packages that
// register ops, or implement filter.Models, call it from their tests.
package filtertest

import (
	"bytes"
	"context"
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/easel-go/easel/dataset"
	"github.com/easel-go/easel/filter"
	"github.com/easel-go/easel/internal/golden"
)

// Table is what an op did to some rows, for several sets of parameters.
type Table struct {
	Op        string            `json:"op"`
	Kind      string            `json:"kind"`
	Batched   bool              `json:"batched"`
	Params    [][3]any          `json:"params"` // name, type, default
	Rows      []json.RawMessage `json:"rows"`
	Sets      []Set             `json:"sets"`
	StatsKeys []string          `json:"stats_keys"`
}

// Set is what came out for one set of parameters.
type Set struct {
	Params json.RawMessage              `json:"params"`
	Raw    []json.RawMessage            `json:"raw"`   // measured; a string is an exception
	Stats  json.RawMessage              `json:"stats"` // as the data set holds them: "as raw", or a list
	Keep   []int64                      `json:"keep"`
	Out    json.RawMessage              `json:"out"`
	Hash   map[string][]json.RawMessage `json:"hash"`
	Hashed []int64                      `json:"hashed"`
	Error  []string                     `json:"error"`
}

// Tables runs every table in strict mode. Those of ops that need models are run only if
// there are some, and then alone; they are named skips otherwise.
func Tables(t *testing.T, models filter.Models) {
	dir := golden.Part(t, "datajuicer/ops")
	for _, path := range golden.Glob(t, dir, "*.json") {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".json"), func(t *testing.T) {
			table := golden.JSON[Table](t, path)
			needs := needsModel(table)
			switch {
			case needs && models == nil:
				t.Skipf("Skipped: %s needs models, which package clip has; its tests run this table", table.Op)
			case !needs && models != nil:
				t.SkipNow()
			}
			for _, set := range table.Sets {
				t.Run(string(set.Params), func(t *testing.T) { check(t, dir, table, set, models) })
			}
		})
	}
}

// needsModel tells by the error of a run without models.
func needsModel(table Table) bool {
	if table.Kind != "filter" {
		return false
	}
	s, err := filter.New(table.Op, nil)
	if err != nil {
		return false
	}
	for _, err := range filter.Apply(context.Background(), each(nil), filter.Options{}, s) {
		return filter.NeedsModels(err)
	}
	return false
}

// Expand replaces the tables' names of folders.
func Expand(dir string, b []byte) []byte {
	for _, name := range []string{"IMG", "ASSETS", "MODELS"} {
		b = bytes.ReplaceAll(b, []byte("@"+name+"@"), []byte(filepath.ToSlash(filepath.Join(dir, strings.ToLower(name)))))
	}
	return b
}

// Samples returns fresh rows of a table.
func Samples(t *testing.T, dir string, table Table) (rows []*dataset.Sample) {
	for _, raw := range table.Rows {
		v, err := dataset.ParseJSON(Expand(dir, raw))
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, &dataset.Sample{Fields: v.(dataset.Struct)})
	}
	return rows
}

func each(rows []*dataset.Sample) func(func(*dataset.Sample, error) bool) {
	return func(yield func(*dataset.Sample, error) bool) {
		for _, s := range rows {
			if !yield(s, nil) {
				return
			}
		}
	}
}

func check(t *testing.T, dir string, table Table, set Set, models filter.Models) {
	step, err := filter.New(table.Op, Expand(dir, set.Params))
	step.Keys.Image = "image"
	results := map[int]*filter.Result{}
	var kept []*filter.Result
	if err == nil {
		for r, e := range filter.Apply(t.Context(), each(Samples(t, dir, table)), filter.Options{Workers: 1, Strict: true, Models: models}, step) {
			if e != nil {
				err = e
				break
			}
			results[r.Index] = r
			if r.Kept {
				kept = append(kept, r)
			}
		}
	}
	if f, ok := step.Op.(filter.Filter); ok && err == nil {
		measured(t, dir, table, set, step, f)
		if set.Error == nil {
			stats(t, table, set, results)
		}
	}
	switch {
	case table.Kind == "filter" && set.Error != nil && set.Raw != nil:
		return // Data-Juicer could not store what it measured
	case set.Error != nil:
		if filter.Exception(err) != set.Error[0] {
			t.Errorf("error %v (%s), want %v", err, filter.Exception(err), set.Error)
		}
		return
	case err != nil:
		t.Fatal(err)
	case table.Kind == "mapper":
		out(t, set, Samples(t, dir, table), kept)
	default:
		golden.Equal(t, "keep", ids(kept), set.Keep)
	}
	if table.Kind == "deduplicator" && set.Out != nil {
		golden.Equal(t, "texts", texts(kept), golden.Decode[[]string](t, "out", set.Out))
	}
}

func ids(rows []*filter.Result) (out []int64) {
	for _, r := range rows {
		v, _ := r.Sample.Get("id")
		out = append(out, v.(int64))
	}
	return out
}

func texts(rows []*filter.Result) (out []string) {
	for _, r := range rows {
		v, _ := r.Sample.Get("text")
		out = append(out, v.(string))
	}
	return out
}

// measured compares what the op measures of a fresh row, before any rounding.
func measured(t *testing.T, dir string, table Table, set Set, step filter.Step, f filter.Filter) {
	for i, s := range Samples(t, dir, table) {
		r := filter.NewRow(s, step.Keys)
		r.Strict = true
		err := f.Measure(t.Context(), r)
		same(t, table, i, "raw", r.Stats, err, set.Raw[i])
	}
}

// stats compares the statistics that the data set holds after the op.
func stats(t *testing.T, table Table, set Set, results map[int]*filter.Result) {
	want := set.Raw
	if !bytes.Equal(set.Stats, []byte(`"as raw"`)) {
		want = golden.Decode[[]json.RawMessage](t, "stats", set.Stats)
	}
	for i, w := range want {
		r := results[i]
		switch lost := bytes.Equal(w, []byte(`"LOST"`)); {
		case lost && r.Err == nil:
			t.Errorf("row %d: came through, want it lost", i)
		case !lost && r.Err != nil:
			t.Errorf("row %d: lost: %v", i, r.Err)
		case !lost:
			same(t, table, i, "stats", r.Stats, nil, w)
		}
	}
}

// same compares statistics by their JSON text; those of models to 1e-4.
func same(t *testing.T, table Table, i int, what string, have *filter.Stats, err error, want json.RawMessage) {
	if len(want) > 0 && want[0] == '"' {
		if err == nil {
			t.Errorf("row %d: no error, want %s", i, want)
		}
		return
	}
	if err != nil {
		t.Errorf("row %d: %v", i, err)
		return
	}
	ws := golden.Decode[map[string]json.RawMessage](t, what, want)
	if len(ws) != len(have.Fields()) {
		t.Errorf("row %d %s: %s, want %s", i, what, dataset.AppendJSON(nil, have.Fields()), want)
		return
	}
	for name, w := range ws {
		v, _ := have.Get(name)
		if needsModel(table) {
			near(t, i, v, w)
			continue
		}
		wv, err := dataset.ParseJSON(w)
		if err != nil {
			t.Fatal(err)
		}
		if h, w := string(dataset.AppendJSON(nil, v)), string(dataset.AppendJSON(nil, wv)); h != w {
			t.Errorf("row %d %s %s: %s, want %s", i, what, name, h, w)
		}
	}
}

func near(t *testing.T, i int, have any, want json.RawMessage) {
	v, err := dataset.ParseJSON(want)
	if err != nil {
		t.Fatal(err)
	}
	var h, w filter.Stats
	h.Set("x", have)
	w.Set("x", v)
	a, _ := h.Numbers("x")
	b, _ := w.Numbers("x")
	golden.Close(t, "row", a, b, golden.Tol{Abs: 1e-4, From: "the table's own README: scores of models"})
}

// out compares what a mapper made of each row; "=" is a row it left as it was.
func out(t *testing.T, set Set, rows []*dataset.Sample, kept []*filter.Result) {
	want := golden.Decode[[]json.RawMessage](t, "out", set.Out)
	have, id := texts(kept), ids(kept)
	if len(want) != len(kept) {
		t.Fatalf("%d rows, want %d", len(kept), len(want))
	}
	for i, raw := range want {
		if raw[0] == '[' {
			pair := golden.Decode[[2]any](t, "out", raw)
			if !slices.Equal([]any{float64(id[i]), have[i]}, pair[:]) {
				t.Errorf("row %d: id %d %q, want %v", i, id[i], have[i], pair)
			}
			continue
		}
		before, _ := rows[i].Get("text")
		w := golden.Decode[string](t, "out", raw)
		if w == "=" {
			w = before.(string)
		}
		if have[i] != w {
			t.Errorf("row %d: %q becomes\n%q, want\n%q", i, before, have[i], w)
		}
	}
}
