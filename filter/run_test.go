package filter

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/easel-go/easel/dataset"
	"github.com/easel-go/easel/examples/tiny"
)

// tinyDir copies the tiny pictures and their recipe, and makes the place the working
// directory.
func tinyDir(t testing.TB) {
	dir := t.TempDir()
	if err := os.CopyFS(dir, tiny.FS()); err != nil {
		t.Fatal(err)
	}
	if tt, ok := t.(interface{ Chdir(string) }); ok {
		tt.Chdir(dir)
	}
}

func tinyRecipe(t testing.TB, args ...string) *Recipe {
	rec, err := ParseArgs(append([]string{"--config", "recipe.yaml"}, args...))
	if err != nil {
		t.Fatal(err)
	}
	return rec
}

// TestTinyRecipe holds both modes to what Data-Juicer did with the tiny pictures.
func TestTinyRecipe(t *testing.T) {
	tinyDir(t)
	want := map[string]string{}
	b, err := os.ReadFile("pictures/expected.json")
	if err != nil {
		t.Fatal(err)
	}
	v, err := dataset.ParseJSON(b)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range v.(dataset.Struct) {
		dj, _ := f.Value.(dataset.Struct).Get("dj")
		want[f.Name], _ = dj.(string)
	}
	for _, mode := range [][]string{nil, {"--compat", "strict"}} {
		rec := tinyRecipe(t, mode...)
		have := map[string]string{}
		rec.OnSample = func(r *Result) {
			v, _ := r.Sample.Get("image")
			name := filepath.Base(v.([]any)[0].(string))
			have[name] = r.Failed()
			if r.Err != nil {
				have[name] = "lost"
			}
		}
		rep, err := rec.Run(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for name, op := range want {
			if have[name] != op {
				t.Errorf("%v %s: dropped by %q, want %q", mode, name, have[name], op)
			}
		}
		if rep.Read != len(want) || rep.Kept+rep.Dropped+rep.Failed != rep.Read {
			t.Errorf("%d read, %d kept, %d dropped, %d failed, want %d in all", rep.Read, rep.Kept, rep.Dropped, rep.Failed, len(want))
		}
	}
}

// TestWorkers checks that the number of workers changes no byte.
func TestWorkers(t *testing.T) {
	tinyDir(t)
	var want []byte
	for _, n := range []string{"1", "2", "7"} {
		if _, err := tinyRecipe(t, "--np", n).Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		have := result(t)
		if want == nil {
			want = have
		}
		if !bytes.Equal(have, want) {
			t.Errorf("np %s gives another result", n)
		}
	}
}

func result(t *testing.T) (all []byte) {
	for _, name := range []string{"result.jsonl", "result_stats.jsonl", "rejects.jsonl"} {
		b, err := os.ReadFile(filepath.Join("out", name))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, b...)
	}
	return all
}

// counter is a user's op that counts how often it is asked.
type counter struct {
	Limit int `param:"limit"`
	calls atomic.Int64
}

func (c *counter) Measure(_ context.Context, r *Row) error {
	text, err := r.Text()
	c.calls.Add(1)
	r.Stats.Set("thirds", float64(len(text))/3)
	return err
}

func (c *counter) costly() {}

func (c *counter) Keep(r *Row) (bool, error) {
	n, _ := r.Stats.Numbers("thirds")
	return n[0] < float64(c.Limit), nil
}

// TestResume breaks runs off at various places and resumes them.
func TestResume(t *testing.T) {
	tinyDir(t)
	if _, err := tinyRecipe(t).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := result(t)
	for _, after := range []int{1, 20, 50} {
		if err := os.RemoveAll("out"); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		rec := tinyRecipe(t)
		n := 0
		rec.OnSample = func(*Result) {
			if n++; n == after {
				cancel()
			}
		}
		if _, err := rec.Run(ctx); !errors.Is(err, context.Canceled) {
			t.Fatalf("error %v, want that of ctx", err)
		}
		if left, _ := filepath.Glob("out/[a-z]*"); len(left) > 0 {
			t.Errorf("after %d: %v is there", after, left)
		}
		cutJournal(t)
		rec = tinyRecipe(t)
		rec.Resume = true
		if _, err := rec.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(result(t), want) {
			t.Errorf("after %d: the resumed run gives another result", after)
		}
		if left, _ := filepath.Glob("out/.*"); len(left) > 0 {
			t.Errorf("after %d: %v is left over", after, left)
		}
	}
}

// cutJournal leaves half a line at the end, as a kill may.
func cutJournal(t *testing.T) {
	b, err := os.ReadFile("out/.result.jsonl.journal")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("out/.result.jsonl.journal", b[:len(b)-min(5, len(b))], 0o666); err != nil {
		t.Fatal(err)
	}
}

// TestResumeMeasuresOnce checks that a resumed run asks a costly op only about samples
// that it was not asked about.
func TestResumeMeasuresOnce(t *testing.T) {
	tinyDir(t)
	run := func(ctx context.Context, resume bool, stop func(n int)) int64 {
		rec := tinyRecipe(t, "--np", "1")
		c := &counter{Limit: 40}
		rec.Steps = []Step{{Name: "counter", Op: c, Keys: Keys{Image: "image"}}}
		rec.Resume = resume
		n := 0
		rec.OnSample = func(*Result) { n++; stop(n) }
		rec.Run(ctx)
		return c.calls.Load()
	}
	ctx, cancel := context.WithCancel(t.Context())
	first := run(ctx, false, func(n int) {
		if n == 40 {
			cancel()
		}
	})
	second := run(t.Context(), true, func(int) {})
	if second != 64-first && first != 64 || second == 64 {
		t.Errorf("%d measured before the kill and %d after, want 64 in all", first, second)
	}
}

func TestAnalyze(t *testing.T) {
	tinyDir(t)
	rep, err := tinyRecipe(t).Analyze(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if rep.Kept != 63 || rep.Failed != 1 {
		t.Errorf("%d kept, %d failed, want 63 and the one that is no picture", rep.Kept, rep.Failed)
	}
	stats, err := os.ReadFile("out/result_stats.jsonl")
	if n := bytes.Count(stats, []byte("aspect_ratios")); err != nil || n != 63 {
		t.Errorf("statistics of %d samples, want 63 (%v)", n, err)
	}
	if _, err := os.Stat("out/result.jsonl"); err == nil {
		t.Error("there is a result")
	}
}

// TestGuard checks that the data are never written over.
func TestGuard(t *testing.T) {
	tinyDir(t)
	before, err := os.ReadFile("pictures/metadata.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"--export_path", "pictures/metadata.jsonl"},
		{"--export_path", "./pictures/../pictures/metadata.jsonl"},
		{"--dataset_path", "pictures", "--export_path", "pictures/metadata.jsonl"},
	} {
		if _, err := tinyRecipe(t, args...).Run(t.Context()); !errors.Is(err, Invalid) {
			t.Errorf("%v: error %v, want a refusal", args, err)
		}
	}
	if after, _ := os.ReadFile("pictures/metadata.jsonl"); !bytes.Equal(before, after) {
		t.Error("the data were written over")
	}
}

// TestFailureLeavesOldResult checks that a run that fails leaves the last result alone.
func TestFailureLeavesOldResult(t *testing.T) {
	tinyDir(t)
	if _, err := tinyRecipe(t).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := result(t)
	if _, err := tinyRecipe(t, "--skip_op_error", "false").Run(t.Context()); err == nil {
		t.Fatal("no error, though a picture is none and skip_op_error is false")
	}
	if !bytes.Equal(result(t), want) {
		t.Error("the old result is gone")
	}
	if left, _ := filepath.Glob("out/.*.partial"); len(left) > 0 {
		t.Errorf("%v is left over", left)
	}
}

func TestRecipeErrorsComeTogether(t *testing.T) {
	_, err := ParseRecipe(strings.NewReader(`
dataset_path: x.jsonl
nop: 4
process:
  - image_shape_filtr:
      min_width: 1
  - image_shape_filter:
      min_with: 1
      max_width: wide
  - text_length_filter
`))
	for _, want := range []string{`line 3, column 1: unknown setting "nop", did you mean "np"?`,
		`line 5, column 5: unknown op "image_shape_filtr", did you mean "image_shape_filter"?`,
		`line 8, column 7: image_shape_filter: unknown parameter "min_with", did you mean "min_width"?`,
		`line 9, column 18: image_shape_filter: parameter max_width is wide (str), want a whole number`,
		`line 10, column 5: an entry of process`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want it to say %s", err, want)
		}
	}
	if ExitCode(err) != 2 || !errors.Is(err, Invalid) {
		t.Errorf("exit code %d, want 2", ExitCode(err))
	}
}

func TestEmptyRecipe(t *testing.T) {
	for _, text := range []string{"", "\n", "# nothing\n", "null", "[]", "3", "process:"} {
		if _, err := ParseRecipe(strings.NewReader(text)); ExitCode(err) != 2 {
			t.Errorf("%q: error %v, want a refusal", text, err)
		}
	}
}

// TestPanickingOp checks that a user's op that panics concerns its sample alone.
func TestPanickingOp(t *testing.T) {
	src := func(yield func(*dataset.Sample, error) bool) {
		for i := range 100 {
			if !yield(&dataset.Sample{Fields: dataset.Struct{{Name: "text", Value: fmt.Sprint(i)}}}, nil) {
				return
			}
		}
	}
	for _, strict := range []bool{false, true} {
		failed := 0
		for r, err := range Apply(t.Context(), src, Options{Strict: strict}, Step{Name: "odd", Op: panics{}, BatchSize: 1}) {
			if err != nil {
				t.Fatal(err)
			}
			if r.Err != nil {
				failed++
			}
		}
		if failed != 10 {
			t.Errorf("%d samples failed, want 10", failed)
		}
	}
}

type panics struct{}

func (panics) Measure(_ context.Context, r *Row) error {
	if text, _ := r.Text(); strings.HasSuffix(text, "7") {
		panic("seven")
	}
	return nil
}

func (panics) Keep(*Row) (bool, error) { return true, nil }

// TestBreakingOff checks that leaving the loop ends all work.
func TestBreakingOff(t *testing.T) {
	var sent atomic.Int64
	src := func(yield func(*dataset.Sample, error) bool) {
		for yield(&dataset.Sample{Fields: dataset.Struct{{Name: "text", Value: "a b c"}}}, nil) {
			sent.Add(1)
		}
	}
	length, err := New("text_length_filter", []byte("min_len: 1"))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for range Apply(t.Context(), src, Options{Workers: 3}, length, length) {
		if n++; n == 1000 {
			break
		}
	}
	if s := sent.Load(); s < 1000 || s > 3000 {
		t.Errorf("%d samples were read for 1000 that were wanted", s)
	}
}

// TestStatsInTheData checks that statistics that samples bring along are not measured
// again.
func TestStatsInTheData(t *testing.T) {
	step, err := New("text_length_filter", []byte("min_len: 100"))
	if err != nil {
		t.Fatal(err)
	}
	src := func(yield func(*dataset.Sample, error) bool) {
		yield(&dataset.Sample{Fields: dataset.Struct{{Name: "text", Value: "short"}, {Name: statsColumn, Value: dataset.Struct{{Name: "text_len", Value: int64(200)}}}}}, nil)
	}
	for r, err := range Apply(t.Context(), src, Options{}, step) {
		if err != nil || !r.Kept {
			t.Errorf("kept %v (%v), want it kept by the statistics that it has", r.Kept, err)
		}
	}
}

// TestOddPictures checks that what is no picture is an error of its sample, and soon.
func TestOddPictures(t *testing.T) {
	dir := t.TempDir()
	odd := []any{dir, "/dev/zero", "/dev/null", "", "http://127.0.0.1:1/x.png", "a\x00b", strings.Repeat("x", 10_000)}
	for _, name := range []string{"image_shape_filter", "image_size_filter", "image_deduplicator", "image_blur_mapper"} {
		step, err := New(name, nil)
		if err != nil {
			t.Fatal(err)
		}
		if m, ok := step.Op.(*imageBlur); ok {
			m.P = 1
		}
		src := func(yield func(*dataset.Sample, error) bool) {
			for _, p := range odd {
				if !yield(&dataset.Sample{Fields: dataset.Struct{{Name: "images", Value: []any{p}}}}, nil) {
					return
				}
			}
			for _, v := range []any{int64(3), []any{int64(3)}, dataset.Struct{}, dataset.JSON("["), []any{nil}} {
				if !yield(&dataset.Sample{Fields: dataset.Struct{{Name: "images", Value: v}}}, nil) {
					return
				}
			}
		}
		n := 0
		for r, err := range Apply(t.Context(), src, Options{}, step) {
			if n++; err != nil {
				t.Fatal(err)
			}
			if r.Err == nil && name != "image_size_filter" {
				t.Errorf("%s takes %v for a picture", name, r.Sample.Fields)
			}
		}
		if n != len(odd)+5 {
			t.Errorf("%s: %d results, want %d", name, n, len(odd)+5)
		}
	}
}

// TestSelectorOrder checks that what a selector chose comes behind what was dropped, in
// its own order, and that rows may come more than once.
func TestSelectorOrder(t *testing.T) {
	top, err := New("topk_specified_field_selector", []byte("{field_key: n, topk: 2}"))
	if err != nil {
		t.Fatal(err)
	}
	src := func(yield func(*dataset.Sample, error) bool) {
		for _, n := range []int64{3, 9, 1, 7} {
			if !yield(&dataset.Sample{Fields: dataset.Struct{{Name: "n", Value: n}}}, nil) {
				return
			}
		}
	}
	var have []string
	for r, err := range Apply(t.Context(), src, Options{}, top) {
		if err != nil {
			t.Fatal(err)
		}
		v, _ := r.Sample.Get("n")
		have = append(have, fmt.Sprint(v, r.Kept))
	}
	if want := "[3 false 1 false 9 true 7 true]"; fmt.Sprint(have) != want {
		t.Errorf("%v, want %s", have, want)
	}
}

// TestBlurredPictureIsWhole checks that a picture that cannot be written leaves the one
// that was there, and nothing half done.
func TestBlurredPictureIsWhole(t *testing.T) {
	tinyDir(t)
	rec := tinyRecipe(t, "--process", "[image_blur_mapper: {p: 1, save_dir: blurred}]")
	for range 2 {
		if _, err := rec.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	files, err := filepath.Glob("blurred/*")
	if hidden, _ := filepath.Glob("blurred/.*"); err != nil || len(files) == 0 || len(hidden) > 0 {
		t.Fatalf("%d pictures, %v beside them (%v)", len(files), hidden, err)
	}
	before, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join("blurred", "."+filepath.Base(files[0])+".partial"), 0o777); err != nil {
		t.Fatal(err)
	}
	rep, err := rec.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	after, err := os.ReadFile(files[0])
	if rep.Failed != 2 || err != nil || !bytes.Equal(after, before) {
		t.Errorf("%d samples failed, want the one whose picture cannot be written and the one that has none; the old picture changed: %v (%v)", rep.Failed, !bytes.Equal(after, before), err)
	}
}
