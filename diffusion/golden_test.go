package diffusion

import (
	"encoding/json"
	"fmt"
	"image"
	"image/png"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/easel-go/easel/internal/golden"
	"github.com/easel-go/easel/internal/imageio"
	"github.com/easel-go/easel/internal/model"
	"github.com/easel-go/easel/internal/weights"
)

// caseFile is cases.json of whole runs.
type caseFile struct {
	Meta  caseMeta  `json:"meta"`
	Cases []runCase `json:"cases"`
}

// caseMeta says what made a table, and which files its start pictures are.
type caseMeta struct {
	MadeBy       string `json:"made_by"`
	Torch        string `json:"torch"`
	Diffusers    string `json:"diffusers"`
	Transformers string `json:"transformers"`
	DiffSynth    string `json:"diffsynth"`
	FTFY         string `json:"ftfy"`
	Input        string `json:"input"`
	Mask         string `json:"mask"`
}

type runCase struct {
	Name           string            `json:"name"`
	Model          string            `json:"model"`
	Family         string            `json:"family"`
	Kind           string            `json:"kind"`
	Seed           oneOrMore[uint64] `json:"seed"`
	Scheduler      []json.RawMessage `json:"scheduler"`
	Full           bool              `json:"full"`
	Dtype          string            `json:"dtype"`
	Args           runArgs           `json:"args"`
	SchedulerClass string            `json:"scheduler_class"`
	Pipeline       string            `json:"pipeline"`
	Timesteps      []float64         `json:"timesteps"`
	PNG            bool              `json:"png"`
	Image          bool              `json:"image"` // of DiffSynth's: the run has a start picture
	Floor          struct {
		Latents float64 `json:"latents"`
		Image   float64 `json:"image"`
	} `json:"f32_vs_f64_max_abs"`

	dir    string // of the table
	meta   caseMeta
	answer float64 // float32 error of the model's UNet
}

// runArgs are the arguments of the reference's call.
type runArgs struct {
	Prompt          oneOrMore[string] `json:"prompt"`
	Prompt2         oneOrMore[string] `json:"prompt_2"`
	Negative        oneOrMore[string] `json:"negative_prompt"`
	Negative2       oneOrMore[string] `json:"negative_prompt_2"`
	Steps           int               `json:"num_inference_steps"`
	Guidance        *float64          `json:"guidance_scale"`
	CFG             *float64          `json:"cfg_scale"`
	Rescale         float64           `json:"guidance_rescale"`
	Eta             float64           `json:"eta"`
	ClipSkip        int               `json:"clip_skip"`
	ClipSkip2       int               `json:"clip_skip_2"`
	Images          int               `json:"num_images_per_prompt"`
	Width           int               `json:"width"`
	Height          int               `json:"height"`
	Strength        float64           `json:"strength"`
	Denoising       float64           `json:"denoising_strength"`
	DenoisingStart  float64           `json:"denoising_start"`
	DenoisingEnd    float64           `json:"denoising_end"`
	Timesteps       []float64         `json:"timesteps"`
	Sigmas          []float64         `json:"sigmas"`
	OutputType      string            `json:"output_type"`
	OriginalSize    []int             `json:"original_size"`
	Crops           []int             `json:"crops_coords_top_left"`
	TargetSize      []int             `json:"target_size"`
	NegOriginalSize []int             `json:"negative_original_size"`
	NegCrops        []int             `json:"negative_crops_coords_top_left"`
	NegTargetSize   []int             `json:"negative_target_size"`
}

// oneOrMore is a JSON value or a list of them.
type oneOrMore[T any] struct {
	values []T
	list   bool
}

func (o *oneOrMore[T]) UnmarshalJSON(b []byte) error {
	var one T
	if json.Unmarshal(b, &one) == nil {
		o.values = []T{one}
		return nil
	}
	o.list = true
	return json.Unmarshal(b, &o.values)
}

func (o oneOrMore[T]) at(i int) (v T) {
	if len(o.values) == 0 {
		return v
	}
	return o.values[min(i, len(o.values)-1)]
}

// TestGoldenPipeline runs diffusers' pipelines.
func TestGoldenPipeline(t *testing.T) {
	path := golden.Part(t, "pipeline/cases.json")
	models := golden.Part(t, "model")
	f := golden.JSON[caseFile](t, path)
	for _, c := range f.Cases {
		c.dir, c.meta = filepath.Dir(path), f.Meta
		c.answer = unetError(t, filepath.Join(models, c.Model+".golden", "unet.safetensors"))
		t.Run(c.Name, func(t *testing.T) { pipelineCase(t, filepath.Join(models, c.Model), c, Diffusers) })
	}
}

// unetError is how far the reference's UNet in float32 is from its twin in float64, at
// most, as the file of its own cases says.
func unetError(t *testing.T, path string) float64 {
	meta := map[string]any{}
	if err := json.Unmarshal([]byte(golden.Tensors(t, path).Meta["meta"]), &meta); err != nil {
		t.Fatal(err)
	}
	text, _ := meta["out_max_abs_f32_minus_f64"].(string)
	return slices.Max(slices.Collect(maps.Values(golden.Decode[map[string]float64](t, path, []byte(text)))))
}

// TestGoldenDiffSynth runs DiffSynth-Studio's pipeline of August 2024 on the weights of
// a Kolors model.
func TestGoldenDiffSynth(t *testing.T) {
	path := golden.Part(t, "pipeline/diffsynth/cases.json")
	folder := diffSynthModel(t, golden.Part(t, "model"), filepath.Join(filepath.Dir(path), "vae.safetensors"))
	f := golden.JSON[caseFile](t, path)
	for _, c := range f.Cases {
		c.dir, c.meta = filepath.Dir(path), f.Meta
		c.Kind = "t2i"
		if c.Image {
			c.Kind = "img2img"
		}
		t.Run(c.Name, func(t *testing.T) { pipelineCase(t, folder, c, DiffSynth) })
	}
}

// diffSynthModel returns the folder that DiffSynth's cases were made with. Their table
// does not name it: it is the Kolors model whose autoencoder comes nearest to what the
// file vae says is decoded.
func diffSynthModel(t *testing.T, models, vae string) (nearest string) {
	f := golden.Tensors(t, vae)
	z, want, best := f.Get(t, "z"), f.Get(t, "decoded"), math.Inf(1)
	latents := model.NewPicture(z.Shape[2], z.Shape[3], z.Shape[1])
	toNHWC(latents.Pix, z.Float32s(), latents.C)
	for _, index := range golden.Glob(t, models, "*/model_index.json") {
		p, err := Open(filepath.Dir(index), WithNumerics(DiffSynth), WithThreads(1))
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		if p.bundle.Family() != weights.Kolors {
			continue
		}
		have, err := p.bundle.DecodeLatents(t.Context(), latents, false)
		if d := far(toNCHW(have.Pix, want.Shape), want.Float64s()); err == nil && d < best {
			nearest, best = filepath.Dir(index), d
		}
	}
	if nearest == "" {
		t.Fatal("no Kolors model beside DiffSynth's cases")
	}
	return nearest
}

// far returns the largest difference of two pictures.
func far(have []float32, want []float64) float64 {
	if len(have) != len(want) {
		return math.Inf(1)
	}
	var d float64
	for i, v := range have {
		d = max(d, math.Abs(float64(v)-want[i]))
	}
	return d
}

func pipelineCase(t *testing.T, folder string, c runCase, n Numerics) {
	t.Parallel()
	opts := []Option{WithNumerics(n), WithThreads(1)}
	switch c.Dtype {
	case "":
	case "float16":
		opts = append(opts, WithVariant("fp16"))
	default:
		t.Fatalf("dtype %q", c.Dtype)
	}
	p, err := Open(folder, opts...)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	jobs := c.jobs(t, p)
	f := golden.Tensors(t, filepath.Join(c.dir, c.Name+".safetensors"))
	tr := newTracer(t, f, c)
	all := canvases(p, jobs)
	if len(all) != 1 {
		t.Fatalf("%d canvases, want 1", len(all))
	}
	all[0].trace = tr.event
	c.sameTimesteps(t, all[0].plan.Timesteps()[:all[0].calls])
	if err := all[0].run(t.Context()); err != nil {
		t.Fatal(err)
	}
	tr.finish(all[0], jobs)
}

// sameTimesteps compares timesteps to a millionth, since samplers over sigmas find
// theirs by interpolation of float32 tables; the case has them to four digits.
func (c runCase) sameTimesteps(t *testing.T, have []float64) {
	t.Helper()
	same := slices.EqualFunc(have, c.Timesteps, func(a, b float64) bool { return math.Abs(a-b) <= 1e-6*max(1, b)+5e-5 })
	if !same {
		t.Errorf("timesteps %v, want %v", have, c.Timesteps)
	}
}

// jobs makes a request of each prompt. A single seed is one generator that draws for
// all pictures of all prompts, a list a generator for each picture.
func (c runCase) jobs(t *testing.T, p *Pipeline) []*job {
	var jobs []*job
	prompts := max(1, len(c.Args.Prompt.values))
	for i := range prompts {
		r := c.request(t, i)
		if n := max(1, c.Args.Images); c.Seed.list {
			r.Seeds = c.Seed.values[i*n:][:n]
		}
		j, err := p.newJob(r)
		if err != nil {
			t.Fatal(err)
		}
		jobs = append(jobs, j)
	}
	if !c.Seed.list && prompts > 1 {
		n := jobs[0].request.N
		for _, j := range jobs {
			j.draws = nil
		}
		jobs[0].draws = []draw{newDraw(NoiseCPU, c.Seed.at(0), 0, n*prompts)}
	}
	return jobs
}

func (c runCase) request(t *testing.T, i int) Request {
	a := c.Args
	r := Request{
		Prompt: a.Prompt.at(i), NegativePrompt: a.Negative.at(i), Prompt2: a.Prompt2.at(i), NegativePrompt2: a.Negative2.at(i), Steps: a.Steps, GuidanceRescale: a.Rescale, Eta: a.Eta,
		ClipSkip: a.ClipSkip, N: a.Images, Width: a.Width, Height: a.Height, Strength: max(a.Strength, a.Denoising),
		DenoisingStart: a.DenoisingStart, DenoisingEnd: a.DenoisingEnd, Timesteps: a.Timesteps, Sigmas: a.Sigmas, Seed: c.Seed.at(0), LongPrompt: false,
	}
	if a.ClipSkip2 > 0 {
		r.ClipSkip = a.ClipSkip2 - 2 // DiffSynth's default is 2: the state before the last
	}
	if len(a.Negative.values) > 0 && r.NegativePrompt == "" {
		r.NegativePrompt = " "
	}
	for _, second := range []struct {
		given oneOrMore[string]
		text  *string
	}{{a.Prompt2, &r.Prompt2}, {a.Negative2, &r.NegativePrompt2}} {
		if second.given.list && *second.text == "" { // alone, "" means the first prompt to the reference too
			*second.text = " "
		}
	}
	for _, g := range []*float64{a.Guidance, a.CFG} {
		if g != nil {
			r.GuidanceScale = *g
			if *g == 0 {
				r.GuidanceScale = 1 // 0 means "not given" here; without guidance it is the same
			}
		}
	}
	if c.Dtype == "float16" {
		r.Noise = NoiseCPUF16
	}
	c.sampler(t, &r)
	c.sizes(&r)
	if c.Kind != "t2i" {
		r.Start = readPicture(t, filepath.Join(c.dir, c.meta.Input))
	}
	if c.Kind == "inpaint" {
		r.Mask = readPicture(t, filepath.Join(c.dir, c.meta.Mask))
	}
	if !slices.Contains([]string{"t2i", "img2img", "inpaint"}, c.Kind) {
		t.Fatalf("kind %q", c.Kind)
	}
	return r
}

func (c runCase) sampler(t *testing.T, r *Request) {
	if len(c.Scheduler) != 2 {
		return
	}
	r.Sampler = Sampler(golden.Decode[string](t, c.Name, c.Scheduler[0]))
	r.SamplerOptions = golden.Decode[map[string]any](t, c.Name, c.Scheduler[1])
}

// sizes are what the reference's arguments come to: its text-to-image heeds the
// negative sizes only together, SDXL's other pipelines each alone, without their crop.
func (c runCase) sizes(r *Request) {
	pair := func(s []int, a, b *int) {
		if len(s) == 2 {
			*a, *b = s[0], s[1]
		}
	}
	var s, n Sizes
	pair(c.Args.OriginalSize, &s.OriginalHeight, &s.OriginalWidth)
	pair(c.Args.Crops, &s.CropTop, &s.CropLeft)
	pair(c.Args.TargetSize, &s.TargetHeight, &s.TargetWidth)
	alone := strings.HasPrefix(c.Pipeline, "StableDiffusionXL") && c.Kind != "t2i"
	if alone {
		n = s
	} else {
		pair(c.Args.NegCrops, &n.CropTop, &n.CropLeft)
	}
	pair(c.Args.NegOriginalSize, &n.OriginalHeight, &n.OriginalWidth)
	pair(c.Args.NegTargetSize, &n.TargetHeight, &n.TargetWidth)
	if alone || c.Args.NegOriginalSize != nil && c.Args.NegTargetSize != nil {
		s.Negative = &n
	}
	r.Sizes = &s
}

func readPicture(t *testing.T, path string) image.Image {
	p, err := imageio.Decode(golden.Bytes(t, path), imageio.Strict)
	if err != nil {
		t.Fatal(err)
	}
	return p.RGBAImage()
}

// tracer compares a run with the reference's while it goes on.
type tracer struct {
	t       *testing.T
	f       *golden.File
	c       runCase
	decoded [][]float32
	conds   []traced
	largest float64 // of the run's latents
}

// traced is a condition as the UNet got it.
type traced struct{ context, bias, pooled, ids []float32 }

// newTracer looks up how large the reference's latents get.
func newTracer(t *testing.T, f *golden.File, c runCase) *tracer {
	tr := &tracer{t: t, f: f, c: c}
	for name, x := range f.Tensors {
		if filepath.Dir(name) == "latents" {
			tr.largest = max(tr.largest, largest(x.Float64s()))
		}
	}
	return tr
}

// latents allows ten times what the reference's own float32 run is away from its
// float64 run at its end. DiffSynth's files do not tell; diffusers' runs of Kolors
// models end up to 9e-6 of their largest latent away, and pictures up to 2.3e-5.
func (tr *tracer) latents() golden.Tol {
	if tr.c.Dtype == "float16" {
		return golden.Tol{Abs: 2e-2 * tr.largest, From: "half precision of the reference"}
	}
	floor := tr.c.Floor.Latents
	if tr.c.Pipeline == "" {
		floor = 9e-6 * tr.largest
	}
	return golden.Tol{Abs: 10 * floor, From: "10 × the run's float32 error"}
}

// step is latents for those of one step: the error is measured at the end, where
// latents may be smaller than on the way.
func (tr *tracer) step(name string) golden.Tol {
	tol := tr.latents()
	last := largest(tr.f.Get(tr.t, fmt.Sprintf("latents/%d", len(tr.c.Timesteps)-1)).Float64s())
	tol.Abs *= max(1, largest(tr.f.Get(tr.t, name).Float64s())/last)
	return tol
}

// image is the same for pictures in 0 … 1.
func (tr *tracer) image() golden.Tol {
	floor := tr.c.Floor.Image
	if tr.c.Pipeline == "" {
		floor = 2.3e-5
	}
	return golden.Tol{Abs: 10 * floor, From: "10 × the run's float32 error"}
}

func largest(x []float64) float64 {
	var m float64
	for _, v := range x {
		m = max(m, math.Abs(v))
	}
	return m
}

// compare checks NHWC values against an NCHW tensor.
func (tr *tracer) compare(what string, have []float32, tol golden.Tol) {
	tr.t.Helper()
	if !tr.f.Has(what) {
		tr.t.Errorf("%s has no %s", tr.f.Path, what)
		return
	}
	x := tr.f.Get(tr.t, what)
	golden.Close(tr.t, what, toNCHW(have, x.Shape), x.Float64s(), tol)
}

func (tr *tracer) event(event string, call int, values ...[]float32) {
	switch event {
	case "cond":
		tr.conds = append(tr.conds, traced{values[0], values[1], values[2], values[3]})
	case "begin":
		tr.compare("latents_init", values[0], tr.latents())
	case "unet":
		if call == 0 {
			tr.firstCall(values[0], values[1])
		}
	case "latents":
		if name := fmt.Sprintf("latents/%d", call); tr.f.Has(name) {
			tr.compare(name, values[0], tr.step(name))
		}
	case "decoded":
		tr.decoded = append(tr.decoded, slices.Clone(values[0]))
	}
}

// firstCall compares what goes into the UNet and what comes out of it, in diffusers'
// form, both halves together, or DiffSynth's, one by one.
func (tr *tracer) firstCall(in, out []float32) {
	if tr.f.Has("unet_in") {
		tr.compare("unet_in", in, tr.latents())
		tr.compare("unet_out", out, golden.Tol{Abs: max(tr.latents().Abs, 10*tr.c.answer), From: "10 × the run's or the UNet's float32 error"})
	}
	if tr.f.Has("unet_nega/0") {
		tr.compare("unet_nega/0", out[:len(out)/2], tr.latents())
		out = out[len(out)/2:]
	}
	if tr.f.Has("unet_posi/0") {
		tr.compare("unet_posi/0", out, tr.latents())
	}
}

// texts compares what the UNet was told. DiffSynth's files have the positive half
// alone, diffusers' of Kolors the first row alone.
func (tr *tracer) texts() {
	tol := golden.Tol{Abs: 2e-5, Rel: 1e-5, From: "float32 sums of a hundred terms of size 1"}
	if tr.c.Dtype == "float16" {
		tol = golden.Tol{Abs: 3e-2, From: "half precision of the reference"}
	}
	for _, name := range []string{"prompt_embeds", "prompt_emb", "text_embeds", "pooled", "time_ids"} {
		if !tr.f.Has(name) {
			continue
		}
		x := tr.f.Get(tr.t, name)
		conds := tr.conds
		if tr.c.Pipeline == "" {
			conds = conds[len(conds)-1:]
		}
		var have []float32
		for _, k := range conds[:min(len(conds), x.Shape[0])] {
			switch name {
			case "prompt_embeds", "prompt_emb":
				have = append(have, k.rows(x.Shape[1])...)
			case "text_embeds", "pooled":
				have = append(have, k.pooled...)
			case "time_ids":
				have = append(have, k.ids...)
			}
		}
		golden.Close(tr.t, name, have, x.Float64s(), tol)
	}
}

// rows returns the context with the row that stands for all padding written out: n
// rows.
func (k traced) rows(n int) []float32 {
	if k.bias == nil {
		return k.context
	}
	width := len(k.context) / len(k.bias)
	var tokens []float32
	for r, b := range k.bias {
		if row := k.context[r*width:][:width]; r > 0 && !math.IsInf(float64(b), -1) || r == 0 && b == 0 && n == 256 && !k.padded() {
			tokens = append(tokens, row...)
		}
	}
	var out []float32
	for len(out)+len(tokens) < n*width {
		out = append(out, k.context[:width]...)
	}
	return append(out, tokens...)
}

// padded reports whether row 0 stands for padding: its bias is log(number), which is
// 0 for a single one.
func (k traced) padded() bool {
	tokens := 0
	for _, b := range k.bias {
		if !math.IsInf(float64(b), -1) {
			tokens++
		}
	}
	return tokens < 256 || k.bias[0] != 0
}

// compared are the tensors that the test looks at, besides latents/K.
var compared = []string{
	"prompt_embeds", "prompt_emb", "text_embeds", "pooled", "time_ids", "image", "vae_out", "latents_out", "latents_init",
	"unet_in", "unet_out", "unet_posi/0", "unet_nega/0",
}

// finish compares pictures: bytes may differ by one, where the float lies within the
// tolerance of a rounding edge.
func (tr *tracer) finish(c *canvas, jobs []*job) {
	t := tr.t
	for k := range tr.f.Tensors {
		if !slices.Contains(compared, k) && filepath.Dir(k) != "latents" {
			t.Errorf("%s: tensor %s is not compared with anything", tr.f.Path, k)
		}
	}
	tr.texts()
	if tr.f.Has("latents_out") {
		var out []float32
		for _, j := range jobs {
			for _, l := range j.result.Latents {
				out = append(out, l.Values...)
			}
		}
		tr.compare("latents_out", out, tr.latents())
	}
	worst := tr.pictures()
	if !tr.c.PNG && tr.c.Pipeline != "" {
		return
	}
	w, h, want := golden.PNG(t, filepath.Join(tr.c.dir, tr.c.Name+".png"))
	have := sideBySide(jobs, w, h)
	db, equal := golden.PSNR(have, want)
	if tr.c.Dtype == "float16" {
		if db < 40 { // a root mean square of 1e-2 in 0 … 1
			t.Errorf("half precision: %.1f dB, want 40", db)
		}
		t.Logf("half precision: %.1f dB, floats off by up to %.2g", db, worst)
		return
	}
	tr.bytes(have, want, w, c)
	if db < 60 {
		t.Errorf("%.1f dB, want 60", db)
	}
	t.Logf("%.5f of bytes equal, %.1f dB; floats off by %.2g, the reference's own %.2g", equal, db, worst, tr.c.Floor.Image)
}

// pictures compares the float pictures, [n, H, W, 3] in 0 … 1.
func (tr *tracer) pictures() (worst float64) {
	for _, name := range []string{"image", "vae_out"} {
		if !tr.f.Has(name) {
			continue
		}
		x := tr.f.Get(tr.t, name)
		want := x.Float64s()
		var have []float32
		for _, pix := range tr.decoded {
			n := len(want) / len(tr.decoded)
			if name == "vae_out" {
				have = append(have, pix...)
				continue
			}
			for _, v := range pix[:n] {
				have = append(have, min(max(v*0.5+0.5, 0), 1))
			}
		}
		if name == "vae_out" {
			have = nchwIfNeeded(have, x.Shape)
		}
		tol := tr.image()
		if name == "vae_out" {
			tol.Abs *= 2 // in −1 … 1
		}
		if tr.c.Dtype == "float16" {
			tol = golden.Tol{Abs: 0.05, From: "half precision of the reference; the root mean square is held to 1e-2"}
		}
		worst = golden.Close(tr.t, name, have, want, tol)
	}
	return worst
}

func nchwIfNeeded(x []float32, shape []int) []float32 {
	if len(shape) == 4 && shape[1] == 3 {
		return toNCHW(x, shape)
	}
	return x
}

// bytes checks that a byte differs by at most one, and only near an edge.
func (tr *tracer) bytes(have, want []byte, w int, c *canvas) {
	edge := 0.5
	if c.bundle.Numerics() == DiffSynth {
		edge = 0
	}
	width := c.w * c.bundle.VAE.Config().Factor()
	for i := range have {
		if have[i] == want[i] {
			continue
		}
		pixel, ch := i/3, i%3
		x, y := pixel%w, pixel/w
		v := tr.decoded[x/width][(y*width+x%width)*3+ch]
		scaled := float64(min(max(v*0.5+0.5, 0), 1)) * 255
		off := math.Abs(scaled - edge - math.Round(scaled-edge))
		if d := int(have[i]) - int(want[i]); d < -1 || d > 1 || off > 255*tr.image().Abs {
			tr.t.Errorf("pixel %d,%d channel %d: have %d, want %d (float %.5f)", x, y, ch, have[i], want[i], scaled)
			return
		}
	}
}

// sideBySide returns the RGB bytes of all pictures in a row.
func sideBySide(jobs []*job, w, h int) []byte {
	out := make([]byte, 3*w*h)
	at := 0
	for _, j := range jobs {
		for _, m := range j.result.Images {
			iw, ih, rgb := golden.RGB(m)
			for y := range min(ih, h) {
				copy(out[3*(y*w+at):], rgb[3*y*iw:3*(y+1)*iw])
			}
			at += iw
		}
	}
	return out
}

// toNCHW turns [B, H, W, C] into the layout of shape, [B, C, H, W].
func toNCHW(x []float32, shape []int) []float32 {
	if len(shape) != 4 || len(x) != shape[0]*shape[1]*shape[2]*shape[3] {
		return x
	}
	c, hw := shape[1], shape[2]*shape[3]
	y := make([]float32, len(x))
	for b := range shape[0] {
		for ch := range c {
			for p := range hw {
				y[(b*c+ch)*hw+p] = x[(b*hw+p)*c+ch]
			}
		}
	}
	return y
}

// writeDebug leaves a picture for a person to look at when EASEL_DEBUG names a
// folder.
func writeDebug(t *testing.T, name string, m image.Image) {
	dir := os.Getenv("EASEL_DEBUG")
	if dir == "" {
		return
	}
	f, err := os.Create(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := png.Encode(f, m); err != nil {
		t.Fatal(err)
	}
}
