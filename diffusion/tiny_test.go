package diffusion

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/color"
	"math"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"gorgonia.org/tensor"

	"github.com/easel-go/easel/examples/tiny"
	"github.com/easel-go/easel/internal/golden"
)

func openTiny(t testing.TB, opts ...Option) *Pipeline {
	t.Helper()
	p, err := Open("kolors", append([]Option{WithFS(tiny.FS())}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

// tinyFile is golden.json: ten pictures of the embedded checkpoint.
type tinyFile struct {
	Prompts    []string        `json:"prompts"`
	Negative   string          `json:"negative"`
	Seeds      []uint64        `json:"seeds"`
	Steps      int             `json:"steps"`
	Guidance   float64         `json:"guidance"`
	Size       [2]int          `json:"size"`
	Scheduler  string          `json:"scheduler"`
	Lora       bool            `json:"lora"`
	LoraScale  *float64        `json:"lora_scale"`
	Seconds    []float64       `json:"seconds"`
	ClipIDs    json.RawMessage `json:"clip_input_ids"`
	ClipLogits json.RawMessage `json:"clip_logits_per_image"`
	ClipEmbeds json.RawMessage `json:"clip_image_embeds"`
	Aesthetics json.RawMessage `json:"aesthetics"`
	Versions   json.RawMessage `json:"versions"`
	DPMPP2M    map[string]any  `json:"dpmpp2m"`
}

// TestGoldenTiny paints the ten prompts, all in one batch, and one with another
// sampler.
func TestGoldenTiny(t *testing.T) {
	dir := golden.Part(t, "tiny")
	d := golden.JSON[tinyFile](t, filepath.Join(dir, "golden.json"))
	p := openTiny(t)
	f := golden.Tensors(t, filepath.Join(dir, "latents.safetensors"))
	var requests []Request
	for i, prompt := range d.Prompts {
		requests = append(requests, Request{
			Prompt: prompt, NegativePrompt: d.Negative, Seed: d.Seeds[i], Steps: d.Steps, GuidanceScale: d.Guidance,
			Width: d.Size[0], Height: d.Size[1], Sampler: Sampler(d.Scheduler),
		})
	}
	names := make([]string, len(requests))
	for i := range names {
		names[i] = fmt.Sprint(i)
	}
	if d.DPMPP2M != nil {
		r := requests[0]
		r.Sampler, r.SamplerOptions = DPMPP2M, d.DPMPP2M
		requests, names = append(requests, r), append(names, "0_dpmpp2m")
	}
	results, err := p.Batch(t.Context(), requests...)
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range results {
		comparePNG(t, filepath.Join(dir, names[i]+".png"), r)
		key := "latents." + names[i]
		if names[i] == "0_dpmpp2m" {
			key = "latents.0.dpmpp2m"
		}
		x := f.Get(t, key)
		golden.Close(t, key, toNCHW(r.Latents[0].Values, []int{1, x.Shape[len(x.Shape)-3], x.Shape[len(x.Shape)-2], x.Shape[len(x.Shape)-1]}), x.Float64s(),
			golden.Tol{Abs: 1e-3, From: "10 × the float32 error of runs of this length in the pipeline cases"})
	}
}

// flowFile is flow.json: the eight scenes of the storyboard.
type flowFile struct {
	Scenes []struct {
		Prompt   string `json:"prompt"`
		Negative string `json:"negative"`
		Seed     uint64 `json:"seed"`
	} `json:"scenes"`
	Steps      int             `json:"steps"`
	QuickSteps int             `json:"quick_steps"`
	Guidance   float64         `json:"guidance"`
	Size       [2]int          `json:"size"`
	Scheduler  string          `json:"scheduler"`
	Sheet      string          `json:"sheet_resized_1024x2048_rgb_sha256"`
	ClipLogits json.RawMessage `json:"clip_logits_per_image"`
	Versions   json.RawMessage `json:"versions"`
}

func TestGoldenFlow(t *testing.T) {
	dir := golden.Part(t, "tiny/flow")
	d := golden.JSON[flowFile](t, filepath.Join(dir, "flow.json"))
	p := openTiny(t)
	for prefix, steps := range map[string]int{"": d.Steps, "quick_": d.QuickSteps} {
		var requests []Request
		for _, s := range d.Scenes {
			requests = append(requests, Request{
				Prompt: s.Prompt, NegativePrompt: s.Negative, Seed: s.Seed, Steps: steps, GuidanceScale: d.Guidance,
				Width: d.Size[0], Height: d.Size[1],
			})
		}
		results, err := p.Batch(t.Context(), requests...)
		if err != nil {
			t.Fatal(err)
		}
		for i, r := range results {
			comparePNG(t, filepath.Join(dir, fmt.Sprintf("%s%d.png", prefix, i)), r)
		}
	}
}

func comparePNG(t *testing.T, path string, r *Result) {
	t.Helper()
	_, _, want := golden.PNG(t, path)
	_, _, have := golden.RGB(r.Images[0])
	writeDebug(t, filepath.Base(path), r.Images[0])
	db, equal := golden.PSNR(have, want)
	if db < 60 {
		t.Errorf("%s: %.1f dB, want 60", path, db)
	}
	t.Logf("%s: %.5f of bytes equal, %.1f dB", filepath.Base(path), equal, db)
}

func TestBatchEqualsOneByOne(t *testing.T) {
	p := openTiny(t)
	requests := []Request{
		{Prompt: "二次元,微笑", Seed: 1, Steps: 3},
		{Prompt: "二次元,在海边", NegativePrompt: "模糊", Seed: 2, Steps: 3, GuidanceScale: 3},
		{Prompt: "二次元,在海边", Seeds: []uint64{5, 6}, Steps: 3, Sampler: EulerA},
	}
	together, err := p.Batch(t.Context(), requests...)
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range requests {
		alone, err := p.Generate(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		for k := range alone.Images {
			if !bytes.Equal(alone.Images[k].Pix, together[i].Images[k].Pix) {
				t.Errorf("request %d, picture %d: other bytes in a batch", i, k)
			}
		}
	}
	single := requests[2]
	single.Seeds, single.Seed = nil, 6
	alone, err := p.Generate(t.Context(), single)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(alone.Images[0].Pix, together[2].Images[1].Pix) {
		t.Error("a picture of Seeds differs from the one painted alone")
	}
}

func TestThreadsDoNotMatter(t *testing.T) {
	var first []byte
	for _, n := range []int{1, 2, 3} {
		res, err := openTiny(t, WithThreads(n)).Generate(t.Context(), Request{Prompt: "二次元", Steps: 2})
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = res.Images[0].Pix
		} else if !bytes.Equal(first, res.Images[0].Pix) {
			t.Errorf("other bytes on %d threads", n)
		}
	}
}

func TestRequestErrors(t *testing.T) {
	p := openTiny(t)
	gray := image.NewGray(image.Rect(0, 0, 96, 96))
	for name, c := range map[string]struct {
		r    Request
		kind Kind
	}{
		"size":            {Request{Width: 100, Height: 96}, Invalid},
		"negative size":   {Request{Width: -96}, Invalid},
		"huge size":       {Request{Width: 1 << 20}, Invalid},
		"steps":           {Request{Steps: -1}, Invalid},
		"guidance":        {Request{GuidanceScale: math.NaN()}, Invalid},
		"infinite":        {Request{GuidanceScale: math.Inf(1)}, Invalid},
		"rescale":         {Request{GuidanceRescale: 2}, Invalid},
		"eta":             {Request{Eta: math.NaN()}, Invalid},
		"sampler":         {Request{Sampler: "no such sampler"}, Unsupported},
		"option":          {Request{SamplerOptions: map[string]any{"use_karras_sigmas": "maybe"}}, Invalid},
		"mask alone":      {Request{Mask: gray}, Invalid},
		"mask size":       {Request{Start: image.NewRGBA(image.Rect(0, 0, 64, 64)), Mask: gray}, Invalid},
		"strength":        {Request{Start: gray, Strength: 1.5}, Invalid},
		"seeds":           {Request{Seeds: []uint64{1, 2}, N: 3}, Invalid},
		"noise":           {Request{Noise: "white"}, Invalid},
		"clip skip":       {Request{ClipSkip: 50}, Invalid},
		"pictures":        {Request{N: 1 << 20}, Invalid},
		"denoising end":   {Request{DenoisingEnd: 2}, Invalid},
		"start of noise":  {Request{DenoisingStart: 0.5}, Invalid},
		"start after end": {Request{Start: gray, DenoisingStart: 0.5, DenoisingEnd: 0.5}, Invalid},
		"no latents":      {Request{StartLatents: []Latents{}}, Invalid},
		"latents' values": {Request{StartLatents: []Latents{{Height: 12, Width: 12, Channels: 4}}}, Invalid},
		"latents' size":   {Request{Width: 96, Height: 96, StartLatents: []Latents{{2, 2, 4, make([]float32, 16)}}}, Invalid},
		"latents' number": {Request{N: 3, StartLatents: make([]Latents, 2)}, Invalid},
		"latents and all": {Request{Start: gray, StartLatents: make([]Latents, 1)}, Invalid},
		"huge latents":    {Request{StartLatents: []Latents{{1 << 62, 1 << 62, 4, nil}}}, Invalid},
		"two courses":     {Request{Timesteps: []float64{900, 1}, Sigmas: []float64{14, 0}}, Invalid},
		"rising course":   {Request{Sampler: DPMPP2M, Timesteps: []float64{1, 900}}, Invalid},
		"steps of course": {Request{Sampler: DPMPP2M, Timesteps: []float64{900, 1}, Steps: 3}, Invalid},
		"no such course":  {Request{Sampler: PNDM, Timesteps: []float64{900, 1}}, Unsupported},
	} {
		if _, err := p.Generate(t.Context(), c.r); !errors.Is(err, c.kind) {
			t.Errorf("%s: error %v, want kind %q", name, err, c.kind)
		}
	}
}

// TestHandOver stops runs halfway and goes on from their latents: with samplers that
// call once a step and remember nothing, the picture is that of one run.
func TestHandOver(t *testing.T) {
	p := openTiny(t)
	for _, s := range []Sampler{DDIM, Euler} {
		r := Request{Prompt: "二次元", Sampler: s, Steps: 6, Seeds: []uint64{3, 4}}
		whole, err := p.Generate(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		r.DenoisingEnd = 0.6
		first, err := p.Generate(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		r.StartLatents, r.DenoisingStart, r.DenoisingEnd = first.Latents, 0.6, 0
		second, err := p.Generate(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		for i := range whole.Images {
			if bytes.Equal(first.Images[i].Pix, whole.Images[i].Pix) || !bytes.Equal(second.Images[i].Pix, whole.Images[i].Pix) {
				t.Errorf("%s: picture %d of two half runs is not that of one", s, i)
			}
		}
	}
}

// TestGivenCourse gives the steps that a sampler would take by itself.
func TestGivenCourse(t *testing.T) {
	p := openTiny(t)
	want, err := p.Generate(t.Context(), Request{Prompt: "二次元", Sampler: Euler, Steps: 5})
	if err != nil {
		t.Fatal(err)
	}
	plan, _, err := p.plan(want.Request)
	if err != nil {
		t.Fatal(err)
	}
	for name, r := range map[string]Request{
		"timesteps": {Timesteps: plan.Timesteps()},
		"sigmas":    {Sigmas: plan.Sigmas()},
	} {
		r.Prompt, r.Sampler = "二次元", Euler
		have, err := p.Generate(t.Context(), r)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if !bytes.Equal(have.Images[0].Pix, want.Images[0].Pix) || have.Request.Steps != 5 {
			t.Errorf("%s: another picture, %d steps", name, have.Request.Steps)
		}
	}
}

func TestOpenErrors(t *testing.T) {
	for name, open := range map[string]func() (*Pipeline, error){
		"no folder": func() (*Pipeline, error) { return Open(filepath.Join(t.TempDir(), "x")) },
		"empty":     func() (*Pipeline, error) { return Open(t.TempDir()) },
		"device":    func() (*Pipeline, error) { return Open("kolors", WithFS(tiny.FS()), WithDevice("cuda")) },
		"precision": func() (*Pipeline, error) { return Open("kolors", WithFS(tiny.FS()), WithPrecision("f8")) },
		"limit":     func() (*Pipeline, error) { return Open("kolors", WithFS(tiny.FS()), WithMemoryLimit(-1)) },
		"numerics":  func() (*Pipeline, error) { return Open("kolors", WithFS(tiny.FS()), WithNumerics("x")) },
	} {
		p, err := open()
		var e *Error
		if p != nil || !errors.As(err, &e) {
			t.Errorf("%s: %v, want an *Error", name, err)
		}
	}
}

func TestCloseAndCancel(t *testing.T) {
	p := openTiny(t)
	want, err := p.Generate(t.Context(), Request{Prompt: "二次元", Steps: 2})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	stop := func(Step) error { cancel(); return nil }
	if _, err := p.Generate(ctx, Request{Prompt: "二次元", Steps: 20, OnStep: stop}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled run: %v", err)
	}
	mine := errors.New("mine")
	if _, err := p.Generate(t.Context(), Request{Prompt: "二次元", Steps: 20, OnStep: func(Step) error { return mine }}); !errors.Is(err, mine) {
		t.Errorf("OnStep's error: %v", err)
	}
	again, err := p.Generate(t.Context(), Request{Prompt: "二次元", Steps: 2})
	if err != nil || !bytes.Equal(again.Images[0].Pix, want.Images[0].Pix) {
		t.Errorf("after a cancelled run: other picture, error %v", err)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Generate(t.Context(), Request{}); !errors.Is(err, Closed) {
		t.Errorf("closed pipeline: %v", err)
	}
	if err := p.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
}

func TestManyGoroutines(t *testing.T) {
	p := openTiny(t)
	var want sync.Map
	var wg sync.WaitGroup
	for i := range 64 {
		wg.Go(func() {
			seed := uint64(i % 4)
			res, err := p.Generate(t.Context(), Request{Prompt: "二次元", Seed: seed, Steps: 1})
			if err != nil {
				t.Error(err)
				return
			}
			first, loaded := want.LoadOrStore(seed, res.Images[0].Pix)
			if loaded && !bytes.Equal(first.([]byte), res.Images[0].Pix) {
				t.Errorf("seed %d: two pictures", seed)
			}
		})
	}
	wg.Wait()
}

func TestStepAndPreview(t *testing.T) {
	p := openTiny(t)
	var steps []int
	_, err := p.Generate(t.Context(), Request{Prompt: "二次元", Steps: 4, N: 2, OnStep: func(s Step) error {
		steps = append(steps, s.Index)
		pics, err := s.Preview()
		if err == nil && (len(pics) != 2 || s.Total != 4 || s.Left < 0) {
			err = fmt.Errorf("%d previews, %d steps", len(pics), s.Total)
		}
		return err
	}})
	if err != nil || !slices.Equal(steps, []int{1, 2, 3, 4}) {
		t.Errorf("steps %v, error %v", steps, err)
	}
}

func TestPNGCarriesTheRequest(t *testing.T) {
	p := openTiny(t)
	r := Request{Prompt: "二次元,微笑 (a:1.2)\n\"q\"", NegativePrompt: "模糊", Seed: 7, Steps: 2, GuidanceScale: 3.5, Sampler: EulerA, SamplerOptions: map[string]any{"steps_offset": 1.0}}
	res, err := p.Generate(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "a.png")
	if err := WritePNG(path, res, 0); err != nil {
		t.Fatal(err)
	}
	back, err := ReadPNG(path)
	if err != nil {
		t.Fatal(err)
	}
	again, err := p.Generate(t.Context(), back)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(again.Images[0].Pix, res.Images[0].Pix) {
		t.Error("the request read back paints another picture")
	}
	if err := WritePNG(filepath.Join(t.TempDir(), "no", "a.png"), res, 0); err == nil {
		t.Error("a folder that does not exist was written to")
	}
	if err := WritePNG(path, res, 3); !errors.Is(err, Invalid) {
		t.Errorf("picture 3 of 1: %v", err)
	}
	if files, _ := os.ReadDir(filepath.Dir(path)); len(files) != 1 {
		t.Errorf("%d files, want the picture alone", len(files))
	}
}

func TestStartPicture(t *testing.T) {
	p := openTiny(t)
	start := image.NewRGBA(image.Rect(0, 0, 100, 110))
	for y := range 110 {
		for x := range 100 {
			start.Set(x, y, color.RGBA{uint8(x), uint8(y), 90, 255})
		}
	}
	res, err := p.Generate(t.Context(), Request{Prompt: "二次元", Start: start, Strength: 0.5, Steps: 4, Width: 96, Height: 96})
	if err != nil {
		t.Fatal(err)
	}
	if got := res.Images[0].Bounds().Size(); got != image.Pt(96, 96) {
		t.Errorf("size %v", got)
	}
	if _, err := p.Generate(t.Context(), Request{Prompt: "二次元", Start: start, Strength: 0.01, Steps: 4, Width: 96, Height: 96}); !errors.Is(err, Invalid) {
		t.Errorf("no step left: %v", err)
	}
}

// TestNaNWeights poisons a weight: the error says where, and no black picture comes.
func TestNaNWeights(t *testing.T) {
	p := openTiny(t)
	bias := p.bundle.UNet.ConvOut.Bias
	nan := make([]float32, bias.Shape.TotalSize())
	for i := range nan {
		nan[i] = float32(math.NaN())
	}
	bias.Value = tensor.New(tensor.WithShape(bias.Shape...), tensor.WithBacking(nan))
	if _, err := p.Generate(t.Context(), Request{Prompt: "二次元", Steps: 2}); !errors.Is(err, NotFinite) {
		t.Errorf("error %v, want kind %q", err, NotFinite)
	}
}

func BenchmarkTiny(b *testing.B) {
	p := openTiny(b)
	r := Request{Prompt: "二次元,一个紫色短发小女孩穿着粉色连衣裙,在海边,微笑", NegativePrompt: "丑陋、变形", Steps: 20, GuidanceScale: 4}
	for b.Loop() {
		if _, err := p.Generate(b.Context(), r); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "pictures/s")
}
