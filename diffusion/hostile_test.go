package diffusion

import (
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"io/fs"
	"maps"
	"math"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/easel-go/easel/examples/tiny"
)

// tinyFiles returns the embedded pipeline as files that a test may change.
func tinyFiles(t testing.TB) fstest.MapFS {
	t.Helper()
	files := fstest.MapFS{}
	err := fs.WalkDir(tiny.FS(), "kolors", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := fs.ReadFile(tiny.FS(), name)
		files[name] = &fstest.MapFile{Data: text}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// with returns files with one of them replaced, or removed if data is nil.
func with(files fstest.MapFS, name string, data []byte) fstest.MapFS {
	files = maps.Clone(files)
	if data == nil {
		delete(files, name)
	} else {
		files[name] = &fstest.MapFile{Data: data}
	}
	return files
}

// refusedOrPaints opens files and fails the test if that ends in an error without a
// kind, or in a pipeline that does not paint. It reports whether they were opened.
func refusedOrPaints(t *testing.T, what string, files fs.FS, paint func(*Pipeline) bool) bool {
	t.Helper()
	p, err := Open("kolors", WithFS(files), WithMemoryLimit(256<<20), WithThreads(1))
	if err != nil {
		typed(t, what, err)
		return false
	}
	defer p.Close()
	if !paint(p) {
		return true
	}
	if _, err := p.Generate(t.Context(), Request{Prompt: "二次元", Steps: 1, Width: 32, Height: 32}); err != nil {
		typed(t, what+", painting", err)
	}
	return true
}

func typed(t *testing.T, what string, err error) {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) || e.Kind == "" {
		t.Errorf("%s: %T %v, want an *Error with a kind", what, err, err)
	}
}

func always(*Pipeline) bool { return true }

// TestCutFiles cuts every file of a pipeline at many places.
func TestCutFiles(t *testing.T) {
	files := tinyFiles(t)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		whole := files[name].Data
		n := len(whole)
		cuts := []int{0, 1, 7, 8, 9, 100, n / 3, n / 2, n - 4097, n - 2, n - 1}
		opened := 0
		for _, at := range cuts {
			if at < 0 || at >= n {
				continue
			}
			cut := append([]byte{}, whole[:at]...)
			if refusedOrPaints(t, fmt.Sprintf("%s cut at %d of %d", name, at, n), with(files, name, cut), always) {
				opened++
			}
		}
		if opened > 0 && path.Ext(name) == ".safetensors" {
			t.Errorf("%s: %d cut files were opened", name, opened)
		}
	}
}

// TestMissingFiles takes every file away in turn. A part without its weights or config
// is Missing; only what has a default may be absent.
func TestMissingFiles(t *testing.T) {
	files := tinyFiles(t)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		opened := refusedOrPaints(t, "without "+name, with(files, name, nil), always)
		needed := path.Ext(name) == ".safetensors" || path.Base(name) == "config.json" || path.Ext(name) == ".model"
		if opened && needed {
			t.Errorf("opened without %s", name)
		}
	}
}

// TestGarbledConfigs puts nonsense into every field of every JSON file: it is refused, or the pipeline still paints. (Parse is fuzzed with more,
// network by network.)
func TestGarbledConfigs(t *testing.T) {
	files, differs := tinyFiles(t), unusual(t)
	values := []string{`0`, `-1`, `3`, `100000`, `4611686018427387904`, `9e18`, `1e308`, `"x"`, `null`, `[]`, `[1]`, `[4,4,4]`, `true`}
	next := 0
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if path.Ext(name) != ".json" {
			continue
		}
		var fields map[string]json.RawMessage
		if err := json.Unmarshal(files[name].Data, &fields); err != nil {
			t.Fatal(err)
		}
		for _, key := range slices.Sorted(maps.Keys(fields)) {
			v := values[next%len(values)]
			next++
			refusedOrPaints(t, fmt.Sprintf("%s: %s = %s", name, key, v), with(files, name, garbled(t, fields, key, v)), differs)
		}
		for _, text := range []string{"", "null", "[]", "\xff\xfe", strings.Repeat("[", 1<<16), strings.Repeat(" ", 5<<20)} {
			refusedOrPaints(t, fmt.Sprintf("%s = %.10q", name, text), with(files, name, []byte(text)), differs)
		}
	}
}

func garbled(t *testing.T, fields map[string]json.RawMessage, key, value string) []byte {
	t.Helper()
	changed := maps.Clone(fields)
	changed[key] = json.RawMessage(value)
	text, err := json.Marshal(changed)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// unusual tells pipelines that were opened as something else than the embedded one:
// only those need be tried.
func unusual(t *testing.T) func(*Pipeline) bool {
	t.Helper()
	usual := openTiny(t)
	return func(p *Pipeline) bool {
		return !reflect.DeepEqual(p.bundle.UNet.Config(), usual.bundle.UNet.Config()) ||
			!reflect.DeepEqual(p.bundle.VAE.Config(), usual.bundle.VAE.Config()) ||
			p.bundle.Text[0].GLM.Config() != usual.bundle.Text[0].GLM.Config() ||
			!reflect.DeepEqual(p.config, usual.config)
	}
}

// TestNoFiles puts folders and pipes where files should be.
func TestNoFiles(t *testing.T) {
	for name := range tinyFiles(t) {
		files := tinyFiles(t)
		delete(files, name)
		files[name+"/inside"] = &fstest.MapFile{Data: []byte("x")}
		refusedOrPaints(t, name+" is a folder", files, always)
	}
	dir := t.TempDir()
	if err := os.CopyFS(dir, tiny.FS()); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"kolors/unet", "kolors/unet/config.json", "kolors/model_index.json", "kolors/vae"} {
		t.Run(strings.ReplaceAll(file, "/", " "), func(t *testing.T) {
			at := filepath.Join(dir, file)
			if err := os.Rename(at, at+".away"); err != nil {
				t.Fatal(err)
			}
			defer os.Rename(at+".away", at)
			defer os.Remove(at)
			if err := os.WriteFile(at, []byte("x"), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := Open(filepath.Join(dir, "kolors")); err == nil {
				t.Error("opened")
			} else {
				typed(t, file, err)
			}
		})
	}
}

// TestTiles decodes in tiles of sizes that do not divide anything.
func TestTiles(t *testing.T) {
	files := tinyFiles(t)
	const name = "kolors/vae/config.json"
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(files[name].Data, &fields); err != nil {
		t.Fatal(err)
	}
	for _, size := range []int{1, 9, 31, 44, 60} {
		p, err := Open("kolors", WithFS(with(files, name, garbled(t, fields, "sample_size", fmt.Sprint(size)))))
		if err != nil {
			typed(t, fmt.Sprint(size), err)
			continue
		}
		for _, side := range []int{72, 88} {
			start := image.NewRGBA(image.Rect(0, 0, side, side))
			for _, r := range []Request{{}, {Start: start, Strength: 1}} {
				r.Width, r.Height, r.Steps, r.Tiled = side, side, 1, true
				if _, err := p.Generate(t.Context(), r); err != nil {
					typed(t, fmt.Sprintf("tiles of %d", size), err)
				}
			}
		}
		p.Close()
	}
}

func TestLongPrompts(t *testing.T) {
	p := openTiny(t)
	for _, text := range []string{
		strings.Repeat("(", maxPrompt), strings.Repeat("(a", maxPrompt/2), strings.Repeat("(", maxPrompt/4) + strings.Repeat("a)", maxPrompt/4),
		strings.Repeat("[a:", maxPrompt/3), strings.Repeat("\\", maxPrompt), strings.Repeat("(:", maxPrompt/2), strings.Repeat("\x00", maxPrompt),
		strings.Repeat("\xff", maxPrompt), strings.Repeat("二", maxPrompt/3),
	} {
		r := Request{Prompt: text, PromptWeights: true, LongPrompt: true, Steps: 1, Width: 32, Height: 32}
		if _, err := p.Generate(t.Context(), r); err != nil {
			typed(t, fmt.Sprintf("%.10q…", text), err)
		}
	}
	if _, err := p.Generate(t.Context(), Request{Prompt: strings.Repeat("a", maxPrompt+1)}); !errors.Is(err, Invalid) {
		t.Errorf("a longer prompt: %v", err)
	}
}

// FuzzRequest hands requests to the smallest pipeline there is: each is refused with a
// kind, or it paints what it asked for.
func FuzzRequest(f *testing.F) {
	p := openTiny(f, WithThreads(1), WithMemoryLimit(128<<20))
	f.Add("二次元", "模糊", "Euler a", "use_karras_sigmas", "true", 32, 32, 1, 5.0, 0.0, 0.0, 0.5, 1.0, 0, 1, uint64(7), uint8(0), 40, 40)
	f.Add("(a:1.2) [b", "", "DDIMScheduler", "eta", "1", 0, 0, 2, 1.0, 0.7, 1.0, 0.0, 0.0, 1, 2, uint64(0), uint8(255), 33, 31)
	f.Add("", " ", "EnhancedDDIMScheduler", "num_train_timesteps", "9e18", -8, 1<<62, -1, math.Inf(1), -1.0, 2.0, 9.0, -1.0, math.MaxInt, -3, uint64(1)<<63, uint8(3), 0, 1)
	f.Fuzz(func(t *testing.T, prompt, negative, name, key, value string, w, h, steps int, guidance, rescale, eta, strength, end float64,
		skip, n int, seed uint64, flags uint8, startW, startH int) {
		r := Request{
			Prompt: prompt, NegativePrompt: negative, Sampler: Sampler(name), Width: w, Height: h, Steps: steps, GuidanceScale: guidance,
			GuidanceRescale: rescale, Eta: eta, Strength: strength, DenoisingEnd: end, ClipSkip: skip, N: n, Seed: seed,
			PromptWeights: flags&1 > 0, LongPrompt: flags&2 > 0, Tiled: flags&4 > 0,
		}
		var v any
		if json.Unmarshal([]byte(value), &v) == nil && key != "" {
			r.SamplerOptions = map[string]any{key: v}
		}
		if flags&8 > 0 {
			r.Start = image.NewRGBA(image.Rect(-3, 2, startW%128, startH%128))
		}
		if flags&16 > 0 {
			r.Mask = image.NewGray(image.Rect(-3, 2, startW%128, startH%128))
		}
		if flags&32 > 0 {
			r.Sizes = &Sizes{OriginalHeight: w, CropLeft: skip, TargetWidth: n, Negative: &Sizes{CropTop: -1}}
		}
		if flags&64 > 0 {
			r.StartLatents = []Latents{{h / 8, w / 8, 4, make([]float32, min(max(w*h/16, 0), 1<<16))}}
			r.DenoisingStart = strength
		}
		if flags&128 > 0 {
			r.Timesteps = []float64{eta * 1000, end * 999, strength}
		}
		fuzzOne(t, p, r)
	})
}

func fuzzOne(t *testing.T, p *Pipeline, r Request) {
	j, err := p.newJob(r)
	if err != nil {
		typed(t, "request", err)
		return
	}
	if q := j.request; q.Width*q.Height > 48*48 || q.N > 2 || j.plan.Len() > 3 || len(q.Prompt)+len(q.NegativePrompt) > 1000 {
		return
	}
	res, err := p.Generate(t.Context(), r)
	if err != nil {
		typed(t, "painting", err)
		return
	}
	if size := res.Images[0].Bounds().Size(); size != image.Pt(j.request.Width, j.request.Height) || len(res.Images) != j.request.N {
		t.Errorf("%d pictures of %v for %dx%d", len(res.Images), size, j.request.Width, j.request.Height)
	}
}
