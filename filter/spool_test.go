package filter

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/easel-go/easel/dataset"
	"github.com/easel-go/easel/examples/tiny"
	"github.com/easel-go/easel/internal/imageio"
)

// smallSpools lets rows go to disk early.
func smallSpools(t testing.TB) {
	was := spoolBuffer
	spoolBuffer = 200
	t.Cleanup(func() { spoolBuffer = was })
}

func newSpools(dir string) *spools {
	steps := []Step{{Name: "a"}, {Name: "b"}}
	return &spools{dir: dir, pattern: "rows-*", create: tempFile, steps: steps, bounds: [][]Bound{nil, {{Stat: "n", Min: 1}}}, tokens: &tokens{}}
}

// manyKinds are rows with every kind of value that a row can have.
func manyKinds(t testing.TB) (rows []*Row) {
	dir := t.TempDir()
	if err := os.CopyFS(dir, tiny.FS()); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{filepath.Join(dir, "pictures"), filepath.Join(dir, "pictures", "metadata.jsonl")} {
		d, err := dataset.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		for s := range d.All(t.Context()) {
			rows = append(rows, newRow(s, len(rows)))
		}
	}
	inner := dataset.Struct{{Name: "x", Value: dataset.Struct(nil)}, {Name: "y", Value: dataset.Struct{}}, {Name: "z", Value: []any(nil)}}
	for i, v := range []any{nil, true, false, int64(math.MinInt64), uint64(math.MaxUint64), float32(0.1), math.Copysign(0, -1), math.Inf(1), "", "text\x00\xff", []byte(nil), []byte{}, []byte{1},
		dataset.JSON(`{"a": 1}`), []any{}, []any{int64(1), "two", []any{}}, inner, dataset.Image{Path: "a", Member: "b", Data: []byte{1}}, dataset.Image{},
		time.Date(2024, 8, 11, 10, 0, 0, 5, time.UTC), time.Date(2024, 8, 11, 10, 0, 0, 0, time.FixedZone("", 3600)), complex(1, 2), int(3), strings.Repeat("long", 1000)} {
		r := newRow(&dataset.Sample{ID: fmt.Sprint("file#", i), Fields: dataset.Struct{{Name: "v", Value: v}, {Name: fmt.Sprint("column", i), Value: int64(i)}}}, i)
		r.Stats.Set("n", int64(i))
		r.rule(Verdict{Op: "a", Step: 0, Kept: true, Like: "row 7", Numbers: dataset.Struct{{Name: "gone", Value: 1.5}}})
		r.rule(Verdict{Op: "b", Step: 1, Kept: true, Bounds: []Bound{{Stat: "n", Min: 1}}, Numbers: dataset.Struct{{Name: "n", Value: int64(i)}}})
		r.bands = []uint64{uint64(i), math.MaxUint64}
		r.sizes = map[string]imageio.Info{"a.jpg": {Format: imageio.JPEG, Mode: "RGB", Width: 3, Height: 5, Orientation: 6}}
		rows = append(rows, r)
	}
	return rows
}

// TestSpool checks that rows come back as they went, in order and one at a time, from
// memory and from disk.
func TestSpool(t *testing.T) {
	rows := manyKinds(t)
	for _, disk := range []bool{false, true} {
		if disk {
			smallSpools(t)
		}
		s := newSpools(t.TempDir()).open()
		keys := Keys{}.withDefaults()
		for _, r := range rows {
			r.tokens, r.keys = s.tokens, &keys
			if err := s.add(r); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.seal(); err != nil || (s.file != nil) != disk {
			t.Fatal(err, s.file)
		}
		n := 0
		for r := range s.all(t.Context(), &keys) {
			sameRow(t, r, rows[n])
			n++
		}
		if n != len(rows) {
			t.Errorf("%d rows, want %d (%v)", n, len(rows), s.err)
		}
		for k := range rows {
			i := k * 37 % len(rows)
			r, err := s.at(i, &keys)
			if err != nil {
				t.Fatal(err)
			}
			sameRow(t, r, rows[i])
		}
		s.close()
		if left, _ := os.ReadDir(s.dir); len(left) > 0 {
			t.Errorf("%v is left over", left)
		}
	}
}

func sameRow(t *testing.T, have, want *Row) {
	t.Helper()
	if !reflect.DeepEqual(have.Sample, want.Sample) {
		t.Errorf("sample %#v, want %#v", have.Sample, want.Sample)
	}
	if !reflect.DeepEqual(have, want) && len(want.Stats.fields) > 0 {
		t.Errorf("row %+v, want %+v", have, want)
	}
}

// FuzzSpool checks that damaged temporary files are errors.
func FuzzSpool(f *testing.F) {
	s := newSpools("").open()
	for _, r := range manyKinds(f) {
		f.Add(s.encode(nil, r))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if r, err := s.decode(string(b)); err == nil && s.encode(nil, r) == nil {
			t.Error("a row of nothing")
		}
	})
}

// fullDisk is a file that takes so many bytes.
type fullDisk struct {
	spoolFile
	left int
	torn bool // reading fails instead
}

func (f *fullDisk) Write(b []byte) (int, error) {
	if f.left -= len(b); f.left < 0 && !f.torn {
		return 0, errors.New("no space left on device")
	}
	return f.spoolFile.Write(b)
}

func (f *fullDisk) ReadAt(b []byte, at int64) (int, error) {
	if f.torn {
		return 0, errors.New("input/output error")
	}
	return f.spoolFile.ReadAt(b, at)
}

// globalSteps are ops that must see all rows.
func globalSteps(t testing.TB) (steps []Step) {
	for _, op := range [][2]string{{"document_minhash_deduplicator", "{window_size: 1}"}, {"document_line_deduplicator", "{}"}, {"document_simhash_deduplicator", "{window_size: 1}"},
		{"random_selector", "{select_ratio: 0.8}"}, {"text_length_filter", "{min_len: 1}"}} {
		s, err := New(op[0], []byte(op[1]))
		if err != nil {
			t.Fatal(err)
		}
		steps = append(steps, s)
	}
	return steps
}

func captions(n int) func(func(*dataset.Sample, error) bool) {
	return func(yield func(*dataset.Sample, error) bool) {
		for i := range n {
			s := &dataset.Sample{ID: fmt.Sprint("rows#", i), Fields: dataset.Struct{{Name: "text", Value: fmt.Sprintf("caption %d of %d and %d", i%700, i*i, i*7919%1009)}}}
			if !yield(s, nil) {
				return
			}
		}
	}
}

// TestSpoolFails checks that a full or broken disk ends the run with an error that says
// so, in both modes.
func TestSpoolFails(t *testing.T) {
	smallSpools(t)
	for _, strict := range []bool{false, true} {
		for _, disk := range []fullDisk{{left: 0}, {left: 5000}, {left: 50_000}, {torn: true}} {
			dir := t.TempDir()
			o := Options{Strict: strict, TempDir: dir}
			o.spools.create = func(dir, pattern string) (spoolFile, error) {
				f, err := tempFile(dir, pattern)
				d := disk
				d.spoolFile = f
				return &d, err
			}
			var failed error
			for _, err := range Apply(t.Context(), captions(2000), o, globalSteps(t)...) {
				failed = err
			}
			if !errors.Is(failed, Invalid) || !strings.Contains(failed.Error(), "temporary file") {
				t.Errorf("strict %v, %+v: error %v, want one about a temporary file", strict, disk, failed)
			}
			if left, _ := os.ReadDir(dir); len(left) > 0 {
				t.Errorf("%v is left over", left)
			}
		}
		for _, err := range Apply(t.Context(), captions(2000), Options{Strict: strict, TempDir: "/no/such/folder"}, globalSteps(t)...) {
			if err != nil && !errors.Is(err, os.ErrNotExist) {
				t.Errorf("error %v, want that the folder is not there", err)
			}
		}
	}
}

// TestSpoolChangesNothing checks that rows that went to disk come out as others do.
func TestSpoolChangesNothing(t *testing.T) {
	for _, strict := range []bool{false, true} {
		run := func() string {
			var b bytes.Buffer
			for r, err := range Apply(t.Context(), captions(3000), Options{Strict: strict, TempDir: t.TempDir()}, globalSteps(t)...) {
				if err != nil {
					t.Fatal(err)
				}
				fmt.Fprintln(&b, r.Sample.ID, r.Kept, r.Sample.Fields, r.Stats.fields, r.Verdicts)
			}
			return b.String()
		}
		want := run()
		t.Run(fmt.Sprint(strict), func(t *testing.T) {
			smallSpools(t)
			if have := run(); have != want {
				t.Errorf("strict %v: rows from disk are others", strict)
			}
		})
	}
}

// TestCancelledSpool ends runs at various places and looks for what is left.
func TestCancelledSpool(t *testing.T) {
	smallSpools(t)
	for _, strict := range []bool{false, true} {
		for _, after := range []int{0, 1, 100, 2500} {
			dir := t.TempDir()
			ctx, cancel := context.WithCancel(t.Context())
			n := 0
			var last error
			src := captions(3000)
			for _, err := range Apply(ctx, func(yield func(*dataset.Sample, error) bool) {
				src(func(s *dataset.Sample, err error) bool {
					if n++; n > after {
						cancel()
					}
					return yield(s, err)
				})
			}, Options{Strict: strict, TempDir: dir}, globalSteps(t)...) {
				last = err
			}
			cancel()
			if !errors.Is(last, context.Canceled) {
				t.Errorf("error %v, want that of ctx", last)
			}
			if left, _ := os.ReadDir(dir); len(left) > 0 {
				t.Errorf("%v is left over", left)
			}
		}
		dir := t.TempDir()
		for range Apply(t.Context(), captions(3000), Options{Strict: strict, TempDir: dir}, globalSteps(t)...) {
			break
		}
		if left, _ := os.ReadDir(dir); len(left) > 0 {
			t.Errorf("%v is left over", left)
		}
	}
}

// TestKilled kills a run of its own program while rows wait on disk, and resumes it.
func TestKilled(t *testing.T) {
	const process = "[image_shape_filter: {min_width: 1}, document_minhash_deduplicator: {window_size: 1, jaccard_threshold: 0.9}, image_aspect_ratio_filter: {max_ratio: 3}, random_selector: {select_ratio: 0.7}]"
	recipe := func() *Recipe {
		smallSpools(t)
		return tinyRecipe(t, "--process", process)
	}
	if os.Getenv("EASEL_KILL_ME") != "" {
		rec := recipe()
		rec.OnSample = func(r *Result) {
			if r.Kept {
				p, _ := os.FindProcess(os.Getpid())
				p.Kill()
				select {}
			}
		}
		rec.Run(t.Context())
		return
	}
	tinyDir(t)
	rec := recipe()
	if len(rec.Steps) != 4 {
		t.Fatal(rec.Steps)
	}
	if _, err := rec.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := result(t)
	if err := os.RemoveAll("out"); err != nil {
		t.Fatal(err)
	}
	killAgain(t)
	if left, _ := filepath.Glob("out/[a-z]*"); len(left) > 0 {
		t.Errorf("%v is there after the kill", left)
	}
	rec = recipe()
	rec.Resume = true
	if _, err := rec.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(result(t), want) {
		t.Error("the resumed run gives another result")
	}
	if left, _ := filepath.Glob("out/.*"); len(left) > 0 {
		t.Errorf("%v is left over", left)
	}
}

// killAgain runs the calling test in a process of its own, which kills itself.
func killAgain(t *testing.T) {
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), "EASEL_KILL_ME=1")
	if out, err := cmd.CombinedOutput(); err == nil {
		t.Fatalf("the run was not killed: %s", out)
	}
}
