package filter

import (
	"bytes"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/easel-go/easel/dataset"
	"github.com/easel-go/easel/internal/golden"
)

// outcome is what one run made of a case, sample by sample.
type outcome struct {
	rec     *Recipe
	err     error
	loaded  map[string]*dataset.Sample // by ID
	results map[string][]*Result
	files   map[string][]byte
}

// TestGoldenRules runs every recipe in the default mode too, and checks that the rules
// predict each sample, and each file, that comes out otherwise than in strict mode. Rule
// "alone" is held to more: what strict mode does with batches of one.
func TestGoldenRules(t *testing.T) {
	used := map[string]bool{}
	root := caseRoot(t)
	for name, c := range e2eCases(t) {
		t.Run(name, func(t *testing.T) {
			strict := outcomeOf(t, root, name, c, "strict", 0)
			single := outcomeOf(t, root, name, c, "strict", 1)
			easy := outcomeOf(t, root, name, c, "", 0)
			if easy.rec == nil {
				if ExitCode(easy.err) != c.Exit {
					t.Errorf("error %v, want exit code %d", easy.err, c.Exit)
				}
				return
			}
			for id := range union(strict, single, easy) {
				d := departure{rec: easy.rec, sample: strict.loaded[id], plain: easy.loaded[id], err: strict.err}
				if rs := strict.results[id]; len(rs) > 0 {
					d.strict = rs[0]
				}
				want := textOfAll(strict, id)
				if alone := textOfAll(single, id); alone != want {
					mustHold(t, used, d, id, "alone")
					want = alone
				}
				if have := textOfAll(easy, id); have != want {
					mustHold(t, used, d, id, "")
				}
				checkReject(t, easy, id)
			}
			checkFiles(t, used, strict, easy)
		})
	}
	t.Logf("rules used: %v", slices.Sorted(maps.Keys(used)))
}

func outcomeOf(t *testing.T, root, name string, c e2eCase, compat string, batch int) outcome {
	t.Helper()
	dir := caseDir(t, root, name)
	o := outcome{loaded: map[string]*dataset.Sample{}, results: map[string][]*Result{}}
	args := c.Args
	if compat != "" {
		args = append(slices.Clone(args), "--compat", compat)
	}
	rec, err := ParseArgs(args)
	if o.err = err; err != nil {
		return o
	}
	o.rec, rec.CPUs = rec, c.CPUs
	for i := range rec.Steps {
		if batch > 0 {
			rec.Steps[i].BatchSize = batch
		}
	}
	if src, err := rec.open(); err == nil {
		for s := range src.samples(t.Context()) {
			o.loaded[s.ID] = s.Clone()
		}
		src.close()
	}
	rec.OnSample = func(r *Result) { o.results[r.Sample.ID] = append(o.results[r.Sample.ID], r) }
	_, o.err = rec.Run(t.Context())
	o.files = written(t, dir)
	for name := range o.files {
		o.files[name] = bytes.ReplaceAll(o.files[name], []byte(dir), []byte("@DIR@"))
		o.files[name] = bytes.ReplaceAll(o.files[name], []byte(strings.ReplaceAll(dir, "/", `\/`)), []byte("@DIR_ESC@"))
	}
	for _, rs := range o.results {
		for _, r := range rs {
			localise(r.Sample, dir)
		}
	}
	return o
}

// localise takes the case's folder out of paths.
func localise(s *dataset.Sample, dir string) {
	for i, f := range s.Fields {
		if list, ok := f.Value.([]any); ok {
			list = slices.Clone(list)
			for k := range list {
				if p, ok := list[k].(string); ok {
					list[k] = strings.ReplaceAll(p, dir, "@DIR@")
				}
			}
			s.Fields[i].Value = list
		}
	}
}

func union(all ...outcome) map[string]bool {
	ids := map[string]bool{}
	for _, o := range all {
		for id := range o.loaded {
			ids[id] = true
		}
	}
	return ids
}

// textOfAll spells what is left of a sample, "" if nothing.
func textOfAll(o outcome, id string) string {
	var b []byte
	for _, r := range o.results[id] {
		if r.Kept {
			b = dataset.AppendJSON(b, r.Sample.Fields)
			b = dataset.AppendJSON(b, r.Stats.Fields())
		}
	}
	return string(b)
}

func mustHold(t *testing.T, used map[string]bool, d departure, id, only string) {
	t.Helper()
	found := false
	for _, r := range rules {
		if r.holds(d) && (only == "" || only == r.ID) {
			used[r.ID] = true
			found = true
		}
	}
	if !found {
		t.Errorf("%s: the default mode departs, and no rule (%s) says so", id, only)
	}
}

// checkReject looks for a failed sample among the rejects.
func checkReject(t *testing.T, o outcome, id string) {
	t.Helper()
	for _, r := range o.results[id] {
		if r.Err != nil && o.err == nil && !bytes.Contains(o.files["rejects.jsonl"], []byte(`"id": "`+id+`"`)) {
			t.Errorf("%s failed (%v) and is not in rejects.jsonl", id, r.Err)
		}
	}
}

// checkFiles compares errors and files of runs whose samples all came out the same.
func checkFiles(t *testing.T, used map[string]bool, strict, easy outcome) {
	t.Helper()
	d := departure{rec: easy.rec, err: strict.err}
	if (strict.err == nil) != (easy.err == nil) {
		mustHold(t, used, d, "the run", "")
		return
	}
	for id := range union(strict, easy) {
		if textOfAll(strict, id) != textOfAll(easy, id) {
			return
		}
	}
	for name, want := range strict.files {
		if have := easy.files[name]; !bytes.Equal(have, want) && !strings.HasSuffix(name, ".parquet") && !strings.Contains(name, "trace/") {
			mustHold(t, used, d, name, "")
		}
	}
	for name := range easy.files {
		if _, ok := strict.files[name]; !ok && name != "rejects.jsonl" && !strings.Contains(name, "trace/") {
			mustHold(t, used, d, name, "")
		}
	}
}

// TestGoldenOpRules does the same for the tables of ops.
func TestGoldenOpRules(t *testing.T) {
	dir := golden.Part(t, "datajuicer/ops")
	used := map[string]bool{}
	for _, path := range golden.Glob(t, dir, "*.json") {
		table := golden.JSON[hashTable](t, path)
		if _, ok := lookup(table.Op); !ok {
			continue
		}
		for _, set := range table.Sets {
			step, err := New(table.Op, bytes.ReplaceAll(set.Params, []byte("@ASSETS@"), []byte(dir+"/assets")))
			if err != nil {
				continue // a model's folder; the tables of package filtertest see to them
			}
			if _, ok := step.Op.(modelled); ok {
				continue
			}
			step.Keys.Image = "image"
			run := func(strict bool) map[int]*Result {
				out := map[int]*Result{}
				src := func(yield func(*dataset.Sample, error) bool) {
					for _, raw := range table.Rows {
						v, err := dataset.ParseJSON(bytes.ReplaceAll(raw, []byte("@IMG@"), []byte(dir+"/img")))
						if err != nil {
							t.Fatal(err)
						}
						if !yield(&dataset.Sample{Fields: v.(dataset.Struct)}, nil) {
							return
						}
					}
				}
				for r, err := range Apply(t.Context(), src, Options{Strict: strict, Workers: 1}, step) {
					if err == nil {
						out[r.Index] = r
					}
				}
				return out
			}
			strict, easy := run(true), run(false)
			for i, r := range easy {
				s := strict[i]
				if s == nil || s.Kept == r.Kept && bytes.Equal(dataset.AppendJSON(nil, s.Sample.Fields), dataset.AppendJSON(nil, r.Sample.Fields)) {
					continue
				}
				mustHold(t, used, departure{rec: &Recipe{Steps: []Step{step}}, sample: s.Sample, plain: r.Sample, strict: s}, table.Op+" "+string(set.Params)+" "+s.Sample.ID, "")
			}
		}
	}
	t.Logf("rules used: %v", slices.Sorted(maps.Keys(used)))
}

func TestRulesAreWhole(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range Rules() {
		if seen[r.ID] || r.ID == "" || r.When == "" || r.Then == "" || r.Not == "" || r.holds == nil {
			t.Errorf("rule %q lacks a part, or comes twice", r.ID)
		}
		seen[r.ID] = true
	}
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	for id := range seen {
		if !bytes.Contains(doc, []byte("//	"+id)) {
			t.Errorf("doc.go does not name rule %q", id)
		}
	}
}
