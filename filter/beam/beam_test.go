package beam

import (
	"bytes"
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

func TestMain(m *testing.M) { ptest.Main(m) }

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

// TestGoldenRuns runs every recipe that succeeds, on Prism and locally, and compares the
// lines of results and statistics.
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
			recipe, err := os.ReadFile("config.yaml")
			if err != nil {
				t.Fatal(err)
			}
			compare(t, recipe)
		})
	}
}

func compare(t *testing.T, recipe []byte) {
	rec, err := filter.ParseRecipe(bytes.NewReader(recipe))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.EqualFold(filepath.Ext(rec.ExportPath), ".jsonl") || rec.ShardSize > 0 {
		t.Skip("Skipped: the result is no plain .jsonl, which is what a pipeline writes")
	}
	if _, err := rec.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	base := strings.TrimSuffix(rec.ExportPath, filepath.Ext(rec.ExportPath))
	want, wantStats := lines(t, rec.ExportPath), lines(t, base+"_stats.jsonl")
	p, s := beam.NewPipelineWithRoot()
	if err := Run(s, recipe, Shards(3)); err != nil {
		t.Fatal(err)
	}
	if err := ptest.Run(p); err != nil {
		t.Fatal(err)
	}
	golden.Equal(t, "result", lines(t, base+"-*-of-*.jsonl"), want)
	golden.Equal(t, "statistics", lines(t, base+"_stats-*-of-*.jsonl"), wantStats)
}

// lines returns the sorted lines of the files that match.
func lines(t *testing.T, pattern string) (all []string) {
	paths, err := filepath.Glob(pattern)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range paths {
		b, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(b)) {
			all = append(all, line)
		}
	}
	slices.Sort(all)
	return all
}

func TestStrictIsRefused(t *testing.T) {
	_, s := beam.NewPipelineWithRoot()
	if err := Run(s, []byte("dataset_path: x.jsonl\ncompat: strict\n")); err == nil {
		t.Error("no error")
	}
}

func TestCodec(t *testing.T) {
	v := dataset.Struct{{Name: "a", Value: nil}, {Name: "b", Value: []any{true, false, int64(-3), uint64(1 << 63), 1.5, "x", []byte{0}, dataset.JSON("[]")}}, {Name: "c", Value: dataset.Struct{{Name: "d", Value: float32(2)}}}}
	have, rest, err := decode(encode(nil, v))
	if err != nil || len(rest) > 0 || !bytes.Equal(dataset.AppendJSON(nil, have), dataset.AppendJSON(nil, v)) {
		t.Errorf("%v, %v left, %v", have, rest, err)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(encode(nil, dataset.Struct{{Name: "a", Value: []any{"x", int64(1)}}}))
	f.Fuzz(func(t *testing.T, b []byte) { decode(b) })
}
