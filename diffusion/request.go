package diffusion

import (
	"image"
	"time"

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

	Steps           int     // 50, as diffusers; 20 or 30 do with most samplers; the length of Timesteps or Sigmas where they are given
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

	// Timesteps or Sigmas give the course outright, descending: places on the training
	// schedule, or noise levels of which the last is where the run ends, mostly 0. Like
	// diffusers' arguments timesteps and sigmas they are for the samplers that can go
	// anywhere: Sigmas for Euler, Timesteps for Euler, DPM++, Heun, DDPM, LCM and TCD.
	Timesteps, Sigmas []float64

	// Start is a picture to begin with, and Strength, 0 to 1, how much of it is painted
	// anew: 0.8 in SD 1.x, 0.3 in SDXL and Kolors; with a Mask 1, in SDXL
	// 0.9999, where a hint of Start remains. It is resized to
	// Width×Height.
	Start    image.Image
	Strength float64

	// StartLatents are what another run gave ([Result].Latents), to begin with in the
	// place of Start: one for all pictures of the request, or one for each.
	StartLatents []Latents

	// Mask says, by white, which part of Start is painted anew; black stays. It has
	// Start's size.
	Mask image.Image

	// Sizes are what SDXL and Kolors are told of the picture besides its text; nil
	// means a whole picture of Width×Height. (Where Start alone gives the size, Kolors
	// is told the one it was trained on, as diffusers does.)
	Sizes *Sizes

	// DenoisingEnd, 0 to 1, stops a run at that share of the schedule, its noise not
	// all gone; 0 means 1. DenoisingStart goes on from there, maybe with another model:
	// Start or StartLatents are taken as they are, no noise is put on them, and Strength
	// does not count; 0 means that they are without noise and get theirs.
	DenoisingStart, DenoisingEnd float64

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

// withDefaults returns r with its zero fields filled in for p, checked. Nothing else
// looks at a request before it.
func (p *Pipeline) withDefaults(r Request) (Request, error) {
	p.defaultSizes(&r)
	p.defaultSize(&r)
	def(&r.Steps, max(len(r.Timesteps), len(r.Sigmas)-1))
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
	if r.begins() && r.Strength == 0 {
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
	if err := p.checkStart(r); err != nil {
		return r, err
	}
	if err := checkTexts(r); err != nil {
		return r, err
	}
	return r, checkNumbers(r)
}

// begins reports whether a run begins with something else than noise.
func (r *Request) begins() bool { return r.Start != nil || r.StartLatents != nil }

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
	f := p.bundle.VAE.Config().Factor()
	switch {
	case r.Start != nil:
		b := r.Start.Bounds()
		w, h = b.Dx()/f*f, b.Dy()/f*f
	case len(r.StartLatents) > 0:
		w, h = r.StartLatents[0].Width*f, r.StartLatents[0].Height*f
	}
	def(&r.Width, w)
	def(&r.Height, h)
}
