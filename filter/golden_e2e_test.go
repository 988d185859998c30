package filter

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/easel-go/easel/dataset"
	"github.com/easel-go/easel/internal/golden"
)

// e2eCase is a run of dj-process.
type e2eCase struct {
	What  string   `json:"what"`
	Args  []string `json:"args"`
	CPUs  int      `json:"cpus"`
	Exit  int      `json:"exit"`
	Error []string `json:"error"` // kind, text
	Files []string `json:"files"`
	Log   []string `json:"log"`
	Note  string   `json:"note"`
	Runs  int      `json:"runs"`
}

// TestGoldenRuns runs every recipe in strict mode and compares what it writes.
func TestGoldenRuns(t *testing.T) {
	root := caseRoot(t)
	for name, c := range e2eCases(t) {
		t.Run(name, func(t *testing.T) {
			dir := caseDir(t, root, name)
			_, err := runCase(c, "strict")
			if have := ExitCode(err); have != c.Exit {
				t.Fatalf("exit code %d, want %d: %v", have, c.Exit, err)
			}
			if len(c.Error) > 0 && Exception(err) != c.Error[0] {
				t.Errorf("error %v (%s), want %v", err, Exception(err), c.Error)
			}
			sameFiles(t, written(t, dir), expected(t, dir))
		})
	}
}

func e2eCases(t *testing.T) map[string]e2eCase {
	dir := golden.Part(t, "datajuicer/e2e")
	cases := map[string]e2eCase{}
	for _, name := range golden.JSON[[]string](t, dir+"/index.json") {
		cases[name] = golden.JSON[e2eCase](t, filepath.Join(dir, name, "case.json"))
	}
	return cases
}

// caseRoot makes a folder with the cases' pictures.
func caseRoot(t *testing.T) string {
	root := t.TempDir()
	if err := os.CopyFS(filepath.Join(root, "img"), os.DirFS(filepath.Join(golden.Part(t, "datajuicer/e2e"), "img"))); err != nil {
		t.Fatal(err)
	}
	return root
}

// caseDir copies a case beside its pictures, afresh, and makes it the working directory.
func caseDir(t *testing.T, root, name string) string {
	dir := filepath.Join(root, name)
	t.Chdir(root)
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(dir, os.DirFS(filepath.Join(golden.Part(t, "datajuicer/e2e"), name))); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	return dir
}

// runCase does what dj-process does with the case's arguments.
func runCase(c e2eCase, compat string) (*Report, error) {
	rec, err := ParseArgs(c.Args)
	if err != nil {
		return nil, err
	}
	if compat != "" {
		rec, err = ParseArgs(append(c.Args, "--compat", compat))
		if err != nil {
			return nil, err
		}
	}
	rec.CPUs = c.CPUs
	return rec.Run(context.Background())
}

var jobID = regexp.MustCompile(`\d{8}_\d{6}_[0-9a-f]{6}`)

// written reads what lies in out/, with the job's name replaced.
func written(t *testing.T, dir string) map[string][]byte {
	return fileTree(t, filepath.Join(dir, "out"), dir)
}

func expected(t *testing.T, dir string) map[string][]byte {
	return fileTree(t, filepath.Join(dir, "expected", "out"), dir)
}

func fileTree(t *testing.T, root, dir string) map[string][]byte {
	files := map[string][]byte{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		b, err := os.ReadFile(path)
		escaped := strings.ReplaceAll(dir, "/", `\/`)
		b = bytes.ReplaceAll(b, []byte("@DIR@"), []byte(dir))
		b = bytes.ReplaceAll(b, []byte("@DIR_ESC@"), []byte(escaped))
		files[jobID.ReplaceAllString(filepath.ToSlash(rel), "JOB")] = b
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// sorted returns the lines of a trace in one order. The reference's own is that of its
// processes, as they come, and of its sets.
func sorted(b []byte) []byte {
	return bytes.Join(slices.SortedFunc(bytes.Lines(b), bytes.Compare), nil)
}

func sameFiles(t *testing.T, have, want map[string][]byte) {
	for name, w := range want {
		if plain, ok := strings.CutSuffix(name, ".parquet.json"); ok {
			sameParquet(t, plain+".parquet", w)
			delete(have, plain+".parquet")
			continue
		}
		h, ok := have[name]
		if !ok {
			t.Errorf("%s is not written", name)
		} else if !bytes.Equal(h, w) && !(strings.Contains(name, "/trace/") && bytes.Equal(sorted(h), sorted(w))) {
			t.Errorf("%s is\n%s\nwant\n%s", name, h, w)
		}
	}
	for name, h := range have {
		if _, ok := want[name]; !ok {
			t.Errorf("%s is written, want no such file:\n%s", name, h)
		}
	}
}

func sameParquet(t *testing.T, name string, want []byte) {
	w := golden.Decode[struct {
		Schema [][2]string       `json:"schema"`
		Rows   []json.RawMessage `json:"rows"`
	}](t, name, want)
	d, err := dataset.Open(filepath.Join("out", name))
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if len(d.Columns()) != len(w.Schema) {
		t.Fatalf("%d columns, want %d", len(d.Columns()), len(w.Schema))
	}
	for i, c := range d.Columns() {
		if c.Name != w.Schema[i][0] || arrowType(c.Type) != w.Schema[i][1] {
			t.Errorf("column %s %s, want %v", c.Name, arrowType(c.Type), w.Schema[i])
		}
	}
	var rows []string
	for s, err := range d.All(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		for i, f := range s.Fields {
			if j, ok := f.Value.(dataset.JSON); ok {
				s.Fields[i].Value = string(j)
			}
		}
		rows = append(rows, string(dataset.AppendJSON(nil, s.Fields)))
	}
	var wants []string
	for _, r := range w.Rows {
		v, err := dataset.ParseJSON(r)
		if err != nil {
			t.Fatal(err)
		}
		wants = append(wants, string(dataset.AppendJSON(nil, v)))
	}
	golden.Equal(t, name, rows, wants)
}

// arrowType spells a type as Arrow does.
func arrowType(t dataset.Type) string {
	switch t.Kind {
	case dataset.Float64:
		return "double"
	case dataset.Raw:
		return "extension<arrow.json>"
	case dataset.List:
		return "list<element: " + arrowType(*t.Elem) + ">"
	case dataset.Record:
		var fields []string
		for _, f := range t.Fields {
			fields = append(fields, f.Name+": "+arrowType(f.Type))
		}
		return "struct<" + strings.Join(fields, ", ") + ">"
	}
	return t.Kind.String()
}
