package beam

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/testing/ptest"
	"github.com/easel-go/easel/dataset"
	"github.com/easel-go/easel/filter"
	"github.com/easel-go/easel/internal/golden"
)

// TestMain gives the SDK a folder for temporary files, of which it leaves one a run.
func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "easelbeam-*")
	if err != nil {
		panic(err)
	}
	os.Setenv("TMPDIR", dir)
	os.Setenv("TMP", dir)
	code := ptest.MainRet(m)
	os.RemoveAll(dir)
	os.Exit(code)
}

// e2eCase is the part of a case that says whether it can be run here.
type e2eCase struct {
	What  string   `json:"what"`
	Args  []string `json:"args"`
	CPUs  int      `json:"cpus"`
	Exit  int      `json:"exit"`
	Error []string `json:"error"`
	Files []string `json:"files"`
	Log   []string `json:"log"`
	Note  string   `json:"note"`
	Runs  int      `json:"runs"`
}

// TestGoldenRuns runs every recipe that succeeds on Prism: in strict mode against what
// dj-process wrote, and in the default mode against the local runner.
func TestGoldenRuns(t *testing.T) {
	from := golden.Part(t, "datajuicer/e2e")
	root := t.TempDir()
	if err := os.CopyFS(filepath.Join(root, "img"), os.DirFS(filepath.Join(from, "img"))); err != nil {
		t.Fatal(err)
	}
	for i, name := range golden.JSON[[]string](t, from+"/index.json") {
		c := golden.JSON[e2eCase](t, filepath.Join(from, name, "case.json"))
		if c.Exit != 0 || testing.Short() && i%8 != 0 {
			continue
		}
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(root, name)
			if err := os.CopyFS(dir, os.DirFS(filepath.Join(from, name))); err != nil {
				t.Fatal(err)
			}
			t.Chdir(dir)
			r := recipeOf(t, c.Args)
			rec := r.parse(t)
			if ext := strings.ToLower(filepath.Ext(rec.ExportPath)); ext != ".jsonl" && ext != ".parquet" || rec.ExportType != "" && rec.ExportType != ext[1:] {
				t.Skip("Skipped: the result is neither .jsonl nor .parquet, which is what a pipeline writes")
			}
			strict(t, dir, r.with("--compat", "strict"), CPUs(c.CPUs))
			local(t, nil, r)
		})
	}
}

// recipe is a YAML file and settings from a command line.
type recipe struct {
	yaml []byte
	args []string
}

func recipeOf(t *testing.T, args []string) (r recipe) {
	for i := 0; i < len(args); i++ {
		if args[i] != "--config" {
			r.args = append(r.args, args[i])
			continue
		}
		i++
		b, err := os.ReadFile(args[i])
		if err != nil {
			t.Fatal(err)
		}
		r.yaml = b
	}
	return r
}

func (r recipe) with(args ...string) recipe {
	return recipe{r.yaml, append(slices.Clone(r.args), args...)}
}

func (r recipe) parse(t *testing.T) *filter.Recipe {
	rec, err := filter.ParseRecipe(bytes.NewReader(r.yaml), r.args...)
	if err != nil {
		t.Fatal(err)
	}
	return rec
}

// run runs a recipe on Prism.
func (r recipe) run(t *testing.T, opts ...Option) {
	p, s := beam.NewPipelineWithRoot()
	if err := Run(s, r.yaml, append(opts, Args(r.args...), Shards(3))...); err != nil {
		t.Fatal(err)
	}
	if err := ptest.Run(p); err != nil {
		t.Fatal(err)
	}
}

// strict compares with the files that dj-process wrote.
func strict(t *testing.T, dir string, r recipe, opts ...Option) {
	r.run(t, opts...)
	rec := r.parse(t)
	defer os.RemoveAll(filepath.Dir(rec.ExportPath))
	expected := filepath.Join("expected", rec.ExportPath)
	if strings.EqualFold(filepath.Ext(rec.ExportPath), ".parquet") {
		sameParquet(t, dir, expected+".json", shardsOf(rec.ExportPath))
	} else {
		pattern := expected
		if rec.ShardSize > 0 {
			pattern = shardsOf(expected)
		}
		golden.Equal(t, "strict result", lines(t, "", shardsOf(rec.ExportPath)), lines(t, dir, pattern))
	}
	if stats := statsOf(expected); exists(stats) {
		golden.Equal(t, "strict statistics", lines(t, "", shardsOf(statsOf(rec.ExportPath))), lines(t, dir, stats))
	}
}

// local compares with what the local runner writes: all recipes in one pipeline.
func local(t *testing.T, opts []Option, recipes ...recipe) {
	p, s := beam.NewPipelineWithRoot()
	for _, r := range recipes {
		r.runLocally(t, opts)
		if err := Run(s, r.yaml, append(slices.Clone(opts), Args(r.args...), Shards(3))...); err != nil {
			t.Fatal(err)
		}
	}
	if err := ptest.Run(p); err != nil {
		t.Fatal(err)
	}
	for _, r := range recipes {
		r.same(t)
	}
}

func (r recipe) runLocally(t *testing.T, opts []Option) {
	rec := r.with("--export_shard_size", "0").parse(t)
	j := jobOf(opts)
	rec.CPUs = j.CPUs
	if j.Models != "" {
		o, err := find(j.Models)
		if err == nil {
			rec.Models, err = o.open()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := rec.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// same compares shards with the files beside them.
func (r recipe) same(t *testing.T) {
	path := r.parse(t).ExportPath
	if strings.EqualFold(filepath.Ext(path), ".parquet") {
		have, want := table(t, shardsOf(path)), table(t, path)
		golden.Equal(t, path+" columns", have.columns, want.columns)
		golden.Equal(t, path+" rows", have.rows, want.rows)
	} else {
		golden.Equal(t, path, lines(t, "", shardsOf(path)), lines(t, "", path))
	}
	for _, beside := range []string{statsOf(path), filepath.Join(filepath.Dir(path), "rejects.jsonl")} {
		golden.Equal(t, beside, lines(t, "", shardsOf(beside)), lines(t, "", beside))
	}
}

func jobOf(opts []Option) (j Job) {
	for _, o := range opts {
		o(&j)
	}
	return j
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func shardsOf(path string) string {
	ext := filepath.Ext(path)
	return strings.TrimSuffix(path, ext) + "-*-of-*" + ext
}

func statsOf(path string) string {
	return strings.TrimSuffix(path, filepath.Ext(path)) + "_stats.jsonl"
}

// lines returns the sorted lines of the files that match, with dir for the goldens' name
// of it.
func lines(t *testing.T, dir, pattern string) (all []string) {
	for _, p := range glob(t, pattern) {
		b, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(b)) {
			if dir != "" {
				line = strings.ReplaceAll(line, "@DIR@", dir)
			}
			all = append(all, line)
		}
	}
	slices.Sort(all)
	return all
}

func glob(t *testing.T, pattern string) []string {
	paths, err := filepath.Glob(pattern)
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

// parquet is what some Parquet files of one schema hold.
type parquet struct{ columns, rows []string }

func table(t *testing.T, pattern string) (all parquet) {
	for _, p := range glob(t, pattern) {
		d, err := dataset.Open(p)
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		var columns []string
		for _, c := range d.Columns() {
			columns = append(columns, fmt.Sprintf("%s %s", c.Name, c.Type))
		}
		if all.columns != nil {
			golden.Equal(t, p+" columns", columns, all.columns)
		}
		all.columns = columns
		for s, err := range d.All(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			all.rows = append(all.rows, row(s.Fields))
		}
	}
	slices.Sort(all.rows)
	return all
}

// row spells JSON columns as the text that they are stored as.
func row(s dataset.Struct) string {
	for i, f := range s {
		if j, ok := f.Value.(dataset.JSON); ok {
			s[i].Value = string(j)
		}
	}
	return string(dataset.AppendJSON(nil, s))
}

func sameParquet(t *testing.T, dir, expected, pattern string) {
	w := golden.JSON[struct {
		Schema [][2]string `json:"schema"`
		Rows   []any       `json:"rows"`
	}](t, expected)
	b, err := os.ReadFile(expected)
	if err != nil {
		t.Fatal(err)
	}
	v, err := dataset.ParseJSON(bytes.ReplaceAll(b, []byte("@DIR@"), []byte(dir)))
	if err != nil {
		t.Fatal(err)
	}
	rows, _ := v.(dataset.Struct).Get("rows")
	var want []string
	for _, r := range rows.([]any) {
		want = append(want, row(r.(dataset.Struct)))
	}
	slices.Sort(want)
	have := table(t, pattern)
	golden.Equal(t, "strict rows", have.rows, want)
	for i, c := range w.Schema {
		if i >= len(have.columns) || !strings.HasPrefix(have.columns[i], c[0]+" ") {
			t.Errorf("column %d of %q, want %s", i, have.columns, c[0])
		}
	}
}
