package filter

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/easel-go/easel/dataset"
	"github.com/easel-go/easel/internal/golden"
)

// opTable is what Data-Juicer's op did to some rows, for several sets of parameters.
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
	Params json.RawMessage              `json:"params"`
	Raw    []json.RawMessage            `json:"raw"`   // measured; a string is an exception
	Stats  json.RawMessage              `json:"stats"` // as the data set holds them: "as raw", or a list
	Keep   []int64                      `json:"keep"`
	Out    json.RawMessage              `json:"out"`
	Hash   map[string][]json.RawMessage `json:"hash"`
	Hashed []int64                      `json:"hashed"`
	Error  []string                     `json:"error"`
}

func TestGoldenOps(t *testing.T) {
	dir := golden.Part(t, "datajuicer/ops")
	for _, path := range golden.Glob(t, dir, "*.json") {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".json"), func(t *testing.T) {
			table := golden.JSON[opTable](t, path)
			checkTable(t, dir, table, nil)
		})
	}
}

func checkTable(t *testing.T, dir string, table opTable, models Models) {
	make, ok := lookup(table.Op)
	if !ok {
		t.Fatalf("no op %s", table.Op)
	}
	op := make()
	if kindOf(op) != table.Kind {
		t.Errorf("kind %s, want %s", kindOf(op), table.Kind)
	}
	if _, single := op.(alone); table.Kind == "filter" && single == table.Batched {
		t.Errorf("batched is %v, want %v", !single, table.Batched)
	}
	if _, needs := op.(modelled); needs && models == nil {
		t.Skipf("Skipped: %s needs models; package clip runs its rows", table.Op)
	}
	params := paramsOf(op)
	for _, p := range table.Params {
		if params[p[0].(string)] == nil {
			t.Errorf("no parameter %v", p)
		}
	}
	for _, set := range table.Sets {
		t.Run(string(set.Params), func(t *testing.T) { checkSet(t, dir, table, set, models) })
	}
}

func expand(dir string, b []byte) []byte {
	for _, name := range []string{"IMG", "ASSETS", "MODELS"} {
		b = bytes.ReplaceAll(b, []byte("@"+name+"@"), []byte(filepath.ToSlash(filepath.Join(dir, strings.ToLower(name)))))
	}
	return b
}

func tableRows(t *testing.T, dir string, table opTable) (rows []*Row) {
	for i, raw := range table.Rows {
		v, err := dataset.ParseJSON(expand(dir, raw))
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, newRow(&dataset.Sample{Fields: v.(dataset.Struct)}, i))
	}
	return rows
}

func checkSet(t *testing.T, dir string, table opTable, set opSet, models Models) {
	args := expand(dir, set.Params)
	step, err := New(table.Op, args)
	if err == nil {
		if m, ok := step.Op.(modelled); ok {
			err = m.prepare(t.Context(), models)
		}
	}
	step.Keys.Image = "image"
	x := &strictly{workers: 1, report: &Report{}, trace: &tracer{}}
	var kept []*Row
	rows := tableRows(t, dir, table)
	if err == nil {
		if f, ok := step.Op.(Filter); ok {
			checkMeasured(t, dir, table, set, step, f)
		}
		kept, err = x.step(t.Context(), 0, step, rows)
	}
	if table.Op == "image_pair_similarity_filter" {
		return // 1.6.1 cannot store this statistic: only what was measured is recorded
	}
	if set.Error != nil {
		if Exception(err) != set.Error[0] {
			t.Errorf("error %v (%s), want %v", err, Exception(err), set.Error)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	switch table.Kind {
	case "mapper":
		checkOut(t, set, tableRows(t, dir, table), kept)
	case "deduplicator":
		checkHashes(t, dir, table, set, step)
		fallthrough
	default:
		golden.Equal(t, "keep", ids(kept), set.Keep)
	}
	if table.Kind == "deduplicator" && set.Out != nil {
		golden.Equal(t, "texts", texts(kept), golden.Decode[[]string](t, "out", set.Out))
	}
}

func ids(rows []*Row) (out []int64) {
	for _, r := range rows {
		v, _ := r.Sample.Get("id")
		out = append(out, v.(int64))
	}
	return out
}

func texts(rows []*Row) (out []string) {
	for _, r := range rows {
		v, _ := r.Sample.Get("text")
		out = append(out, v.(string))
	}
	return out
}

func checkMeasured(t *testing.T, dir string, table opTable, set opSet, step Step, f Filter) {
	for i, r := range tableRows(t, dir, table) {
		r.keys = &step.Keys
		err := f.Measure(context.Background(), r)
		checkStats(t, table, i, "raw", r, err, set.Raw[i])
	}
	stats := set.Raw
	if !bytes.Equal(set.Stats, []byte(`"as raw"`)) && set.Stats != nil {
		stats = golden.Decode[[]json.RawMessage](t, "stats", set.Stats)
	}
	if set.Stats == nil {
		return
	}
	x := &strictly{workers: 1, report: &Report{}, trace: &tracer{}}
	rows := tableRows(t, dir, table)
	for _, r := range rows {
		r.keys = &step.Keys
	}
	kept, err := x.measure(t.Context(), step, f, rows)
	if err != nil {
		t.Fatal(err)
	}
	byID := map[*Row]bool{}
	for _, r := range kept {
		byID[r] = true
	}
	for i, r := range rows {
		if bytes.Equal(stats[i], []byte(`"LOST"`)) {
			if byID[r] {
				t.Errorf("row %d: came through, want it lost", i)
			}
			continue
		}
		if !byID[r] {
			t.Errorf("row %d: lost", i)
		}
		checkStats(t, table, i, "stats", r, nil, stats[i])
	}
}

// checkStats compares statistics as their JSON text; those of models to 1e-4.
func checkStats(t *testing.T, table opTable, i int, what string, r *Row, err error, want json.RawMessage) {
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
	if string(want) == "null" {
		want = []byte("{}")
	}
	v, perr := dataset.ParseJSON(want)
	if perr != nil {
		t.Fatal(perr)
	}
	ws := v.(dataset.Struct)
	if len(ws) != len(r.Stats.fields) {
		t.Errorf("row %d %s: %s, want %s", i, what, dataset.AppendJSON(nil, r.Stats.fields), want)
		return
	}
	for _, f := range ws {
		have, _ := r.Stats.Get(f.Name)
		if _, needs := newOp(table.Op).(modelled); needs {
			closeStats(t, i, have, f.Value)
			continue
		}
		if h, w := string(dataset.AppendJSON(nil, have)), string(dataset.AppendJSON(nil, f.Value)); h != w {
			t.Errorf("row %d %s %s: %s, want %s", i, what, f.Name, h, w)
		}
	}
}

func newOp(name string) Op {
	f, _ := lookup(name)
	return f()
}

func closeStats(t *testing.T, i int, have, want any) {
	h, w := &Stats{}, &Stats{}
	h.Set("x", have)
	w.Set("x", want)
	a, _ := h.Numbers("x")
	b, _ := w.Numbers("x")
	golden.Close(t, "row "+string(rune('0'+i)), a, b, golden.Tol{Abs: 1e-4, From: "decisions 26: model scores"})
}

func checkOut(t *testing.T, set opSet, rows, kept []*Row) {
	column := "text"
	out := golden.Decode[[]json.RawMessage](t, "out", set.Out)
	if len(out) != len(kept) {
		t.Fatalf("%d rows, want %d", len(kept), len(out))
	}
	for i, raw := range out {
		have, _ := kept[i].Sample.Get(column)
		id := ids(kept[i : i+1])[0]
		if raw[0] == '[' {
			pair := golden.Decode[[2]any](t, "out", raw)
			if int64(pair[0].(float64)) != id || pair[1] != have {
				t.Errorf("row %d: id %d %q, want %v", i, id, have, pair)
			}
			continue
		}
		want := golden.Decode[string](t, "out", raw)
		if want == "=" {
			want = texts(rows)[i]
		}
		if have != want {
			t.Errorf("row %d: %q becomes\n%q, want\n%q", i, texts(rows)[i], have, want)
		}
	}
}

func checkHashes(t *testing.T, dir string, table opTable, set opSet, step Step) {
	d := step.Op.(Deduplicator)
	var hashed []*Row
	for _, r := range tableRows(t, dir, table) {
		r.keys = &step.Keys
		if err := d.Hash(t.Context(), r); err == nil {
			hashed = append(hashed, r)
		}
	}
	golden.Equal(t, "hashed", ids(hashed), set.Hashed)
	for name, want := range set.Hash {
		for i, r := range hashed {
			have := hashText(r, name)
			if strings.HasPrefix(string(want[i]), "[") && name == minhashColumn {
				if w := compact(t, want[i]); have != w {
					t.Errorf("row %d %s: %s, want %s", i, name, have, w)
				}
				continue
			}
			if w := compact(t, want[i]); have != w {
				t.Errorf("row %d %s: %s, want %s", i, name, have, w)
			}
		}
	}
}

func compact(t *testing.T, b []byte) string {
	v, err := dataset.ParseJSON(b)
	if err != nil {
		t.Fatal(err)
	}
	return string(dataset.AppendJSON(nil, v))
}

// hashText spells a row's hash as the table has it: minhashes as their number, the
// first 32 digits and the start of the hash of all.
func hashText(r *Row, name string) string {
	v, ok := r.Sample.Get(name)
	if !ok {
		v, _ = r.hidden.Get(name)
	}
	if bands, ok := v.([]string); ok && name == minhashColumn {
		hexes := make([]string, len(bands))
		for i := range bands {
			hexes[i] = hex.EncodeToString([]byte(bands[i]))
		}
		sum := sha256.Sum256([]byte(strings.Join(hexes, "")))
		return string(dataset.AppendJSON(nil, []any{int64(len(bands)), hexes[0][:min(32, len(hexes[0]))], hex.EncodeToString(sum[:])[:16]}))
	}
	return string(dataset.AppendJSON(nil, v))
}
