package diffusion

import (
	"fmt"
	"image"
	"math"
	"time"

	"github.com/easel-go/easel/internal/fault"
	"github.com/easel-go/easel/internal/sampler"
	"github.com/easel-go/easel/internal/weights"
)

// Request describes pictures. A zero field means the default in its comment.
type Request struct {
	Prompt         string
	NegativePrompt string // "" means not given: the empty text, or zeros in SDXL; " " is the empty text in all families

	// Prompt2 and NegativePrompt2 are for SDXL's second text encoder; "" means the same
	// as the first.
	Prompt2, NegativePrompt2 string

	// PromptWeights reads (word:1.2), (word) and [word] in prompts as emphasis.
	// LongPrompt reads what lies beyond the text encoder's 77 tokens in further chunks
	// instead of cutting it off; Kolors reads 256 tokens in any case and no more.
	PromptWeights, LongPrompt bool

	Width, Height int // multiples of 8; what the model was trained on, or the Start picture's size

	Steps           int     // 50, as diffusers; 20 or 30 do with most samplers
	GuidanceScale   float64 // how strongly the prompt counts; some call it cfg_scale. 7.5 in SD 1.x, in SDXL with a Mask and with DiffSynth's numerics, else 5; at 1 and below the negative prompt is not used and a step costs half
	GuidanceRescale float64 // 0 to 1: how far the guided prediction's deviation is brought back (Lin et al. 2023, section 3.4)
	Eta             float64 // noise that DDIM adds again, 0 to 1
	ClipSkip        int     // layers of the text encoder left out at its end, besides the one that SDXL and Kolors always leave out; −1 leaves out none there

	Seed  uint64   // 0 is a seed like any other; only its low 32 bits count on a CPU
	Seeds []uint64 // a seed for each picture, each drawn on its own
	N     int      // pictures from one Seed, drawn one after the other from one generator; 1
	Noise Noise    // whose numbers a seed gives: NoiseCPU

	Sampler        Sampler        // the model's own
	SamplerOptions map[string]any // keys of diffusers' scheduler_config.json, such as "use_karras_sigmas": true

	// Start is a picture to begin with, and Strength, 0 to 1, how much of it is painted
	// anew: 0.8 in SD 1.x, 0.3 in SDXL and Kolors; with a Mask 1, in SDXL
	// 0.9999, where a hint of Start remains. It is resized to
	// Width×Height.
	Start    image.Image
	Strength float64

	// Mask says, by white, which part of Start is painted anew; black stays. It has
	// Start's size.
	Mask image.Image

	// Sizes are what SDXL and Kolors are told of the picture besides its text; nil
	// means a whole picture of Width×Height. (Where Start alone gives the size, Kolors
	// is told the one it was trained on, as diffusers does.)
	Sizes *Sizes

	// DenoisingEnd, 0 to 1, stops a run at that share of the schedule, its noise not
	// all gone; 0 means 1. It is for handing Result.Latents to another model.
	DenoisingEnd float64

	// Tiled decodes and encodes pictures larger than the autoencoder was trained on in
	// overlapping tiles: less memory, and seams that are blended.
	Tiled bool

	// OnStep, if not nil, is called after every call of the UNet. If it returns an
	// error, the run ends and the error is returned.
	OnStep func(Step) error
}

// Sizes are numbers that SDXL and Kolors saw of their training pictures: the size
// before and the place after cropping, and the size wanted.
type Sizes struct {
	OriginalHeight, OriginalWidth int // 0 means the request's
	CropTop, CropLeft             int
	TargetHeight, TargetWidth     int // 0 means the request's

	// Negative are the numbers for the negative prompt; nil means the same.
	Negative *Sizes
}

// Step tells how far a run has come.
type Step struct {
	Index, Total int           // calls of the UNet; Index counts from 1
	Timestep     float64       // on the training schedule
	Left         time.Duration // what the rest will take at the pace so far

	preview func() ([]*image.RGBA, error)
}

// Preview paints what the request's pictures look like now: roughly, from the latents
// alone, or with the autoencoder where that is small. It costs nothing unless called,
// and may be called only inside OnStep.
func (s Step) Preview() ([]*image.RGBA, error) { return s.preview() }

// Noise says whose random numbers a seed stands for.
type Noise string

// The sources of noise: torch's generators on a CPU and on an NVIDIA GPU. Those of
// F16 are rounded to half precision, as pipelines in float16 draw them.
const (
	NoiseCPU     Noise = "cpu"
	NoiseCUDA    Noise = "cuda"
	NoiseCPUF16  Noise = "cpu-f16"
	NoiseCUDAF16 Noise = "cuda-f16"
)

// Sampler names a way from noise to picture: a class of diffusers
// ("EulerDiscreteScheduler"), or a name as stable-diffusion-webui has it ("DPM++ 2M
// Karras", "Euler a").
type Sampler string

// Some samplers. Any other that diffusers has for these models works by its name.
const (
	DDIM          Sampler = "DDIMScheduler"
	Euler         Sampler = "EulerDiscreteScheduler"
	EulerA        Sampler = "EulerAncestralDiscreteScheduler"
	DPMPP2M       Sampler = "DPMSolverMultistepScheduler"
	DPMPP2MKarras Sampler = "DPM++ 2M Karras"
	UniPC         Sampler = "UniPCMultistepScheduler"
	PNDM          Sampler = "PNDMScheduler"
	LCM           Sampler = "LCMScheduler"
	EnhancedDDIM  Sampler = "EnhancedDDIMScheduler" // DiffSynth-Studio's
)

// Limits of a request.
const (
	maxSide     = 1 << 14
	maxSteps    = 10000
	maxPictures = 1 << 10
	maxPrompt   = 1 << 16 // bytes
)

// withDefaults returns r with its zero fields filled in for p, checked. Nothing else
// looks at a request before it.
func (p *Pipeline) withDefaults(r Request) (Request, error) {
	p.defaultSizes(&r)
	p.defaultSize(&r)
	def(&r.Steps, 50)
	def(&r.N, max(1, len(r.Seeds)))
	def(&r.Noise, NoiseCPU)
	def(&r.DenoisingEnd, 1)
	if r.GuidanceScale == 0 {
		r.GuidanceScale = 5
		if p.bundle.Family() == weights.SD1 || p.bundle.Numerics() == DiffSynth || p.bundle.Family() == weights.SDXL && r.Mask != nil {
			r.GuidanceScale = 7.5
		}
	}
	if r.Start != nil && r.Strength == 0 {
		r.Strength = 0.3
		switch {
		case r.Mask != nil && p.bundle.Family() == weights.SDXL:
			r.Strength = 0.9999
		case r.Mask != nil:
			r.Strength = 1
		case p.bundle.Family() == weights.SD1:
			r.Strength = 0.8
		}
	}
	if err := p.checkSize(r); err != nil {
		return r, err
	}
	if err := checkTexts(r); err != nil {
		return r, err
	}
	return r, checkNumbers(r)
}

func def[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}

// defaultSizes tells Kolors of the size the model was trained on where a picture is
// begun with and no size is given, whatever the picture's own is (diffusers 0.36
// pipeline_kolors_img2img.py).
func (p *Pipeline) defaultSizes(r *Request) {
	if p.bundle.Family() != weights.Kolors || p.bundle.Numerics() != Diffusers || r.Start == nil {
		return
	}
	var s Sizes
	if r.Sizes != nil {
		s = *r.Sizes
	}
	size := p.bundle.UNet.Config().SampleSize * p.bundle.VAE.Config().Factor()
	h, w := r.Height, r.Width
	def(&h, size)
	def(&w, size)
	def(&s.OriginalHeight, h)
	def(&s.OriginalWidth, w)
	def(&s.TargetHeight, h)
	def(&s.TargetWidth, w)
	r.Sizes = &s
}

func (p *Pipeline) defaultSize(r *Request) {
	size := p.bundle.UNet.Config().SampleSize * p.bundle.VAE.Config().Factor()
	w, h := size, size
	if r.Start != nil {
		b := r.Start.Bounds()
		f := p.bundle.VAE.Config().Factor()
		w, h = b.Dx()/f*f, b.Dy()/f*f
	}
	def(&r.Width, w)
	def(&r.Height, h)
}

func (p *Pipeline) checkSize(r Request) error {
	f, u := p.bundle.VAE.Config().Factor(), p.bundle.UNet.Config()
	if r.Width <= 0 || r.Height <= 0 || r.Width%f != 0 || r.Height%f != 0 || r.Width > maxSide || r.Height > maxSide {
		return invalid("size", fmt.Sprintf("%dx%d", r.Width, r.Height), fmt.Sprintf("positive multiples of %d up to %d", f, maxSide))
	}
	if r.Mask == nil && u.InChannels != u.OutChannels {
		return invalid("mask", "not given", "one, and a start picture: this model was made for inpainting")
	}
	if r.Start != nil && r.Start.Bounds().Empty() {
		return invalid("start picture", fmt.Sprintf("of %v", r.Start.Bounds()), "one with pixels")
	}
	if r.Mask != nil {
		if r.Start == nil {
			return invalid("mask", "without a start picture", "both")
		}
		if m, s := r.Mask.Bounds().Size(), r.Start.Bounds().Size(); m != s {
			return invalid("mask", fmt.Sprintf("of %dx%d", m.X, m.Y), fmt.Sprintf("the start picture's size %dx%d", s.X, s.Y))
		}
	}
	return nil
}

func checkTexts(r Request) error {
	for _, text := range []string{r.Prompt, r.NegativePrompt, r.Prompt2, r.NegativePrompt2} {
		if len(text) > maxPrompt {
			return invalid("prompt", fmt.Sprintf("of %d bytes", len(text)), fmt.Sprintf("at most %d", maxPrompt))
		}
	}
	return nil
}

func checkNumbers(r Request) error {
	switch {
	case r.Steps < 1 || r.Steps > maxSteps:
		return invalid("steps", fmt.Sprint(r.Steps), fmt.Sprintf("1 to %d", maxSteps))
	case !finite(r.GuidanceScale) || math.Abs(r.GuidanceScale) > 1e4:
		return invalid("guidance scale", fmt.Sprint(r.GuidanceScale), "a finite number")
	case !(r.GuidanceRescale >= 0 && r.GuidanceRescale <= 1):
		return invalid("guidance rescale", fmt.Sprint(r.GuidanceRescale), "0 to 1")
	case !(r.Eta >= 0 && r.Eta <= 1):
		return invalid("eta", fmt.Sprint(r.Eta), "0 to 1")
	case r.Start != nil && !(r.Strength > 0 && r.Strength <= 1):
		return invalid("strength", fmt.Sprint(r.Strength), "above 0, up to 1")
	case !(r.DenoisingEnd > 0 && r.DenoisingEnd <= 1):
		return invalid("denoising end", fmt.Sprint(r.DenoisingEnd), "above 0, up to 1")
	case r.ClipSkip < -1:
		return invalid("clip skip", fmt.Sprint(r.ClipSkip), "0 or more, or −1")
	case r.N < 1 || r.N > maxPictures || len(r.Seeds) > 0 && r.N != len(r.Seeds):
		return invalid("pictures", fmt.Sprintf("%d with %d seeds", r.N, len(r.Seeds)), fmt.Sprintf("1 to %d, and a seed for each or none", maxPictures))
	}
	switch r.Noise {
	case NoiseCPU, NoiseCUDA, NoiseCPUF16, NoiseCUDAF16:
		return nil
	}
	return invalid("noise", string(r.Noise), "cpu, cuda, cpu-f16 or cuda-f16")
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }

func invalid(what, have, want string) error {
	return &fault.Error{Kind: fault.Invalid, Op: "diffusion", What: what, Have: have, Want: want}
}

// plan works out the course of a request, and the schedule it is on: nil for samplers
// without training steps.
func (p *Pipeline) plan(r Request) (*sampler.Plan, *sampler.Schedule, error) {
	c := p.config
	var err error
	if r.Sampler != "" {
		if c, err = c.As(string(r.Sampler)); err != nil {
			return nil, nil, err
		}
	}
	for key, v := range r.SamplerOptions {
		if c, err = c.With(key, v); err != nil {
			return nil, nil, err
		}
	}
	c = withKnown(c, "eta", r.Eta) // diffusers' pipelines hand it on, 0 too, whatever the sampler's own default is
	s, err := sampler.New(c)
	if err != nil {
		return nil, nil, err
	}
	steps := sampler.Steps{N: r.Steps}
	if r.Start != nil {
		steps.Strength = r.Strength
	}
	plan, err := s.Plan(steps)
	if err != nil {
		return nil, nil, err
	}
	return plan, s.Schedule(), plan.Err()
}

// withKnown sets an option if the sampler has it.
func withKnown(c sampler.Config, key string, value any) sampler.Config {
	if with, err := c.With(key, value); err == nil {
		return with
	}
	return c
}

// calls returns how many calls of a plan come before the share end of the schedule
// (diffusers 0.36 pipeline_stable_diffusion_xl.py, denoising_end).
func calls(plan *sampler.Plan, end float64, trained int) int {
	if end >= 1 {
		return plan.Len()
	}
	cutoff := math.RoundToEven(float64(trained) - end*float64(trained))
	n := 0
	for _, t := range plan.Timesteps() {
		if t >= cutoff {
			n++
		}
	}
	return n
}
