package filter

import (
	"cmp"
	"context"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/easel-go/easel/dataset"
)

// tracer writes what ops changed and dropped into a folder, a file an op, in
// Data-Juicer's form and under its names. A nil tracer writes nothing.
type tracer struct {
	mu    sync.Mutex // of files and count: ops on both sides of one that sees all samples write
	ops   []string   // none means all
	most  int        // lines an op
	keys  []string
	files map[string][]byte // by name: what is to be written
	count map[writer]int
}

// writer is an op and, in strict mode, the process among np in which it sees a row.
type writer struct {
	op      string
	process int
}

func (rec *Recipe) newTracer() *tracer {
	if !rec.Trace {
		return nil
	}
	return &tracer{ops: rec.TraceOps, most: rec.TraceNum, keys: rec.TraceKeys, files: map[string][]byte{}, count: map[writer]int{}}
}

func (t *tracer) wants(s Step, process int) bool { return t.room(s, process) > 0 }

// room returns how many lines more an op may have.
func (t *tracer) room(s Step, process int) int {
	if t == nil || len(t.ops) > 0 && !slices.Contains(t.ops, s.Name) {
		return 0
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return max(0, t.most-t.count[writer{s.Name, process}])
}

func (t *tracer) line(file string, by writer, v dataset.Struct) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.count[by]++
	t.files[file] = append(appendPandas(t.files[file], v), '\n')
}

// dropped writes a row that a filter dropped.
func (t *tracer) dropped(s Step, r *Row) {
	if t.wants(s, r.process) {
		t.line("sample_trace-"+s.Name+".jsonl", writer{s.Name, r.process}, r.columns())
	}
}

// change is what a mapper did to a row's text.
type change struct {
	step, process int
	before, after any
	keys          dataset.Struct
}

// mapped writes what a mapper changed, if it changed the text.
func (t *tracer) mapped(s Step, c change) {
	if t.wants(s, c.process) && c.before != c.after {
		line := append(dataset.Struct{}, c.keys...)
		line = append(line, dataset.Field{Name: "original_text", Value: c.before}, dataset.Field{Name: "processed_text", Value: c.after})
		t.line("sample_trace-"+s.Name+".jsonl", writer{s.Name, c.process}, line)
	}
}

// changed writes what mappers did to a row so far.
func (t *tracer) changed(steps []Step, r *Row) {
	for _, c := range r.changes {
		t.mapped(steps[c.step], c)
	}
	r.changes = nil
}

// row writes what became of a row that went through all steps.
func (t *tracer) row(steps []Step, r *Row) {
	if t == nil {
		return
	}
	t.changed(steps, r)
	if n := len(r.verdicts); r.dropped && r.err == nil && n > 0 && r.verdicts[n-1].Step >= 0 {
		if s := steps[r.verdicts[n-1].Step]; kindOf(s.Op) == "filter" {
			t.dropped(s, r)
		}
	}
}

// before returns that a change is made of, before it is made.
func (t *tracer) before(step int, s Step, r *Row) (c change) {
	c.step, c.process = step, r.process
	c.before, _ = r.Get(s.Keys.withDefaults().Text)
	for _, k := range t.keys {
		v, _ := r.Get(k)
		c.keys = append(c.keys, dataset.Field{Name: k, Value: v})
	}
	return c
}

// twins writes the first two of the rows of each group of duplicates: of exact ones the
// largest groups first, of near ones those that were found first.
func (t *tracer) twins(ctx context.Context, s Step, like []int, rows *spool) error {
	if !t.wants(s, 0) {
		return nil
	}
	groups := groupsOf(like)
	switch s.Op.(type) {
	case exact:
		slices.SortFunc(groups, func(a, b *group) int { return cmp.Or(cmp.Compare(b.size, a.size), cmp.Compare(a.first, b.first)) })
	case *simhash:
		if rows.strict {
			groups = unlike(ctx, groups, like, rows, &s.Keys)
		}
	}
	for _, g := range groups[:min(len(groups), t.room(s, 0))] {
		var pair dataset.Struct
		for i, k := range []int{g.first, g.second} {
			r, err := rows.at(k, &s.Keys)
			if err != nil {
				return err
			}
			pair = append(pair, dataset.Field{Name: dupNames[i], Value: r.columns()})
		}
		t.line("duplicate-"+s.Name+".jsonl", writer{op: s.Name}, pair)
	}
	return nil
}

// group is a group of duplicates: its size without the first, and its first two.
type group struct{ size, first, second int }

// groupsOf returns the groups in the order in which their second rows come.
func groupsOf(like []int) (order []*group) {
	groups := map[int]*group{}
	for i, first := range like {
		if first == i {
			continue
		}
		if groups[first] == nil {
			groups[first] = &group{first: first, second: i}
			order = append(order, groups[first])
		}
		groups[first].size++
	}
	return order
}

// unlike leaves out groups whose rows all have one simhash: Data-Juicer traces what lies
// within the distance, but not what is equal.
func unlike(ctx context.Context, groups []*group, like []int, rows *spool, keys *Keys) []*group {
	mixed, firsts := map[int]bool{}, map[int]any{}
	for _, g := range groups {
		firsts[g.first] = nil
	}
	i := -1
	for r := range rows.all(ctx, keys) {
		i++
		h, _ := r.Sample.Get(simhashColumn)
		if _, ok := firsts[i]; ok {
			firsts[i] = h
		} else if like[i] != i && firsts[like[i]] != h {
			mixed[like[i]] = true
		}
	}
	return slices.DeleteFunc(groups, func(g *group) bool { return !mixed[g.first] })
}

var dupNames = [2]string{"dup1", "dup2"}

// lines writes pairs of texts that have a line in common. Data-Juicer collects them in
// another process, from where they never come back, and ends.
func (t *tracer) lines(s Step, pairs [][]string, strict bool) error {
	if strict && len(pairs) > 0 {
		return as("IndexError", fail(Unsupported, "%s and open_tracer: Data-Juicer 1.6.1 cannot trace lines", s.Name))
	}
	for _, p := range pairs {
		if len(p) == 2 {
			t.line("duplicate-"+s.Name+".jsonl", writer{op: s.Name}, dataset.Struct{{Name: dupNames[0], Value: p[0]}, {Name: dupNames[1], Value: p[1]}})
		}
	}
	return nil
}

// write makes the files.
func (t *tracer) write(dir string) error {
	if t == nil {
		return nil
	}
	dir = filepath.Join(dir, "trace")
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return &Error{Kind: Invalid, Op: "filter", What: "trace", Err: err}
	}
	for name, b := range t.files {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o666); err != nil {
			return &Error{Kind: Invalid, Op: "filter", What: "trace", Err: err}
		}
	}
	return nil
}

// columns returns the row's columns with the statistics in their place.
func (r *Row) columns() dataset.Struct {
	out := slices.Clone(r.Sample.Fields)
	for i := range out {
		if out[i].Name == statsColumn {
			out[i].Value = r.Stats.fields
		}
	}
	return out
}
