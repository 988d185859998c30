package lora

import (
	"context"
	"errors"
	"image"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"github.com/easel-go/easel/dataset"
	"github.com/easel-go/easel/diffusion"
	"github.com/easel-go/easel/examples/tiny"
	"github.com/easel-go/easel/internal/fault"
	"github.com/easel-go/easel/internal/golden"
)

func tinyPipeline(t testing.TB, opts ...diffusion.Option) *diffusion.Pipeline {
	t.Helper()
	p, err := diffusion.Open("kolors", append(opts, diffusion.WithFS(tiny.FS()))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

func tinyPictures(t testing.TB) *dataset.Dataset {
	t.Helper()
	d, err := dataset.Open("pictures", dataset.WithFS(tiny.FS()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

// short is a training of a few steps.
func short() Config {
	return Config{
		Rank: 4, Alpha: 2, LearningRate: 1e-3, StepsPerEpoch: 6, Batch: 2, Accumulate: 2, Epochs: 2, Flip: true, CaptionDropout: 0.2, NoiseOffset: 0.05,
		MinSNR: 5, ClipNorm: 1, Schedule: "cosine", Warmup: 2, Seed: 7,
	}
}

func mustTrain(t *testing.T, c Config) *Trained {
	t.Helper()
	r, err := Train(t.Context(), tinyPipeline(t), tinyPictures(t), c)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func allNumbers(a *Adapter) (v []float32) {
	for _, l := range a.layers {
		v = append(append(v, numbers(l.parts[down])...), numbers(l.parts[up])...)
	}
	return v
}

// TestResume trains in one go, and in two with the process gone in between, at a place
// within an epoch and at the end of one: every bit is equal. Threads and recomputation
// change none either.
func TestResume(t *testing.T) {
	whole := short()
	whole.Dir, whole.SaveEvery = t.TempDir(), 1
	one := mustTrain(t, whole)
	for _, at := range []string{"epoch=0-step=2", "epoch=0-step=3", "epoch=1-step=4"} {
		c := short()
		c.Resume = filepath.Join(one.Version, "checkpoints", at+".ckpt")
		c.Checkpointing = true
		two := mustTrain(t, c)
		if two.WarmStart {
			t.Errorf("%s was a warm start", at)
		}
		golden.Equal(t, "losses after "+at, two.Losses, one.Losses[len(one.Losses)-len(two.Losses):])
		golden.Equal(t, "matrices after "+at, allNumbers(two.Adapter), allNumbers(one.Adapter))
	}
	checkFolder(t, one)
	checkRefusals(t, filepath.Join(one.Version, "checkpoints", "epoch=0-step=3.ckpt"))
}

// checkFolder looks for what Lightning leaves, and loads it.
func checkFolder(t *testing.T, r *Trained) {
	var files []string
	filepath.WalkDir(r.Version, func(path string, e os.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			rel, _ := filepath.Rel(r.Version, path)
			files = append(files, filepath.ToSlash(rel))
		}
		return err
	})
	for _, want := range []string{`checkpoints/epoch=1-step=6\.ckpt`, `checkpoints/epoch=1-step=6\.safetensors`, `checkpoints/epoch=0-step=3\.state\.safetensors`, `hparams\.yaml`, `metrics\.csv`, `events\.out\.tfevents\.\d+\..+\.\d+\.0`} {
		re := regexp.MustCompile("^" + want + "$")
		if !slices.ContainsFunc(files, re.MatchString) {
			t.Errorf("no %s among %v", want, files)
		}
	}
	for _, ending := range []string{".ckpt", ".safetensors"} {
		a := load(t, filepath.Join(r.Version, "checkpoints", "epoch=1-step=6"+ending), WithAlpha(2))
		p := tinyPipeline(t)
		in, err := Inject(p, a)
		if err != nil {
			t.Fatal(err)
		}
		if len(in.Layers()) != len(r.Adapter.layers) {
			t.Errorf("%s changes %d layers, want %d", ending, len(in.Layers()), len(r.Adapter.layers))
		}
	}
}

// checkRefusals goes on with what does not fit.
func checkRefusals(t *testing.T, ckpt string) {
	c := short()
	c.Resume, c.LearningRate = ckpt, 2e-3
	if _, err := Train(t.Context(), tinyPipeline(t), tinyPictures(t), c); fault.KindOf(err) != fault.Invalid {
		t.Errorf("another learning rate: %v, want Invalid", err)
	}
	c = short()
	c.Resume, c.Rank = ckpt, 8
	if _, err := Train(t.Context(), tinyPipeline(t), tinyPictures(t), c); fault.KindOf(err) != fault.Shape {
		t.Errorf("another rank: %v, want Shape", err)
	}
	if err := os.Remove(statePath(ckpt)); err != nil {
		t.Fatal(err)
	}
	c = short()
	c.Resume = ckpt
	if r := mustTrain(t, c); !r.WarmStart {
		t.Error("no warm start without a state")
	}
}

// TestTrainLeavesNothing paints before, between and after a training.
func TestTrainLeavesNothing(t *testing.T) {
	p := tinyPipeline(t)
	r := diffusion.Request{Prompt: "二次元,紫色短发少女", Steps: 2, Seed: 3}
	paint := func() []byte {
		res, err := p.Generate(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		return res.Images[0].Pix
	}
	before := paint()
	c := short()
	c.LearningRate = 1e-2
	c.Samples = []diffusion.Request{r}
	var samples []image.Image
	c.OnStep = func(s Step) error {
		samples = append(samples, s.Samples...)
		if s.Total != 6 || s.Index < 1 || s.Index > 6 {
			t.Errorf("step %d of %d", s.Index, s.Total)
		}
		return nil
	}
	res, err := Train(t.Context(), p, tinyPictures(t), c)
	if err != nil {
		t.Fatal(err)
	}
	golden.Equal(t, "after the training", paint(), before)
	if len(samples) != 1 || slices.Equal(samples[0].(*image.RGBA).Pix, before) {
		t.Fatalf("%d samples, want one that differs", len(samples))
	}
	in, err := Inject(p, res.Adapter)
	if err != nil {
		t.Fatal(err)
	}
	golden.Equal(t, "with the adapter", paint(), samples[0].(*image.RGBA).Pix)
	if err := in.SetScale(0); err != nil {
		t.Fatal(err)
	}
	golden.Equal(t, "at scale 0", paint(), before)
	if err := in.Remove(); err != nil {
		t.Fatal(err)
	}
	golden.Equal(t, "after Remove", paint(), before)
	if err := in.SetScale(1); fault.KindOf(err) != fault.Closed {
		t.Errorf("SetScale after Remove: %v, want Closed", err)
	}
	if len(res.Skipped) == 0 {
		t.Error("no picture was skipped; the set has damaged ones")
	}
	t.Log(res.Skipped)
}

// TestTrainEnds checks how a training ends early.
func TestTrainEnds(t *testing.T) {
	p, d := tinyPipeline(t), tinyPictures(t)
	mine := errors.New("mine")
	c := short()
	c.OnStep = func(Step) error { return mine }
	if _, err := Train(t.Context(), p, d, c); !errors.Is(err, mine) {
		t.Errorf("%v, want the caller's own error", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	c.OnStep = func(Step) error { cancel(); return nil }
	if _, err := Train(ctx, p, d, c); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want context.Canceled", err)
	}
	for name, change := range map[string]func(*Config){
		"rank": func(c *Config) { c.Rank = -1 }, "size": func(c *Config) { c.Width = 100 }, "schedule": func(c *Config) { c.Schedule = "other" },
		"accumulate": func(c *Config) { c.Accumulate = 7 }, "precision": func(c *Config) { c.Precision = "8" },
	} {
		c := short()
		change(&c)
		if _, err := Train(t.Context(), p, d, c); fault.KindOf(err) == "" {
			t.Errorf("%s: %v, want a typed error", name, err)
		}
	}
	c = short()
	c.Targets = []string{"nothing"}
	if _, err := Train(t.Context(), p, d, c); fault.KindOf(err) != fault.Missing {
		t.Errorf("no targets: %v, want Missing", err)
	}
	c = short()
	c.LearningRate, c.Schedule, c.StepsPerEpoch, c.Accumulate, c.ClipNorm = 1e3, "", 60, 1, 0
	c.Warmup = 0
	if _, err := Train(t.Context(), p, d, c); fault.KindOf(err) != fault.NotFinite {
		t.Errorf("an absurd learning rate: %v, want NotFinite", err)
	}
	empty := filepath.Join(t.TempDir(), "metadata.csv")
	if err := os.WriteFile(empty, []byte("file_name,text\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	if none, err := dataset.Open(filepath.Dir(empty)); err != nil {
		t.Log("an empty folder is refused by dataset.Open:", err)
	} else if _, err := Train(t.Context(), p, none, short()); fault.KindOf(err) != fault.Missing {
		t.Errorf("no pictures: %v, want Missing", err)
	}
	if n := len(p.Bundle().Scales); n > 0 {
		t.Errorf("%d scales are left", n)
	}
}

// TestCache trains with a cache on disk, a second time with nothing to compute, and a
// third with entries damaged.
func TestCache(t *testing.T) {
	c := short()
	c.CenterCrop, c.Cache = true, t.TempDir()
	one := mustTrain(t, c)
	files, _ := filepath.Glob(filepath.Join(c.Cache, "*", "*.safetensors"))
	if len(files) == 0 {
		t.Fatal("nothing was kept")
	}
	made := modified(t, files)
	golden.Equal(t, "losses", mustTrain(t, c).Losses, one.Losses)
	golden.Equal(t, "times at which entries were made", modified(t, files), made)
	for i, f := range files {
		if i%3 == 0 {
			if err := os.Truncate(f, 100); err != nil {
				t.Fatal(err)
			}
		}
	}
	golden.Equal(t, "losses", mustTrain(t, c).Losses, one.Losses)
}

func modified(t *testing.T, files []string) (times []int64) {
	for _, f := range files {
		info, err := os.Stat(f)
		if err != nil {
			t.Fatal(err)
		}
		times = append(times, info.ModTime().UnixNano())
	}
	return times
}
