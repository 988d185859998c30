package diffusion

import (
	"context"
	"fmt"
	"image"
	"math"
	"strings"

	"github.com/easel-go/easel/internal/model"
	"github.com/easel-go/easel/internal/rng"
	"github.com/easel-go/easel/internal/sampler"
	"github.com/easel-go/easel/internal/weights"
)

type pics = []*image.RGBA

// job is a request on its way.
type job struct {
	request  Request // with its defaults
	course   course
	plan     *sampler.Plan
	schedule *sampler.Schedule
	draws    []draw
	from     int // its first picture on the canvas
	result   *Result
}

// draw is a generator and the pictures it draws noise for, all in one go.
type draw struct {
	source    rng.Source
	precision rng.Precision
	from, n   int
}

func (p *Pipeline) newJob(r Request) (*job, error) {
	r, err := p.withDefaults(r)
	if err != nil {
		return nil, err
	}
	j := &job{request: r, result: &Result{Request: r, Seeds: r.Seeds}}
	if j.plan, j.schedule, err = p.plan(r); err != nil {
		return nil, err
	}
	j.course = course{
		r.Width, r.Height, r.Steps, string(r.Sampler) + fmt.Sprint(r.SamplerOptions), fmt.Sprint(r.Timesteps, r.Sigmas),
		r.Strength, r.DenoisingStart, r.DenoisingEnd, r.Eta, p.guided(r), r.Start != nil, r.StartLatents != nil, r.Mask != nil,
	}
	if len(r.Seeds) == 0 {
		for range r.N {
			j.result.Seeds = append(j.result.Seeds, r.Seed)
		}
		j.draws = []draw{newDraw(r.Noise, r.Seed, 0, r.N)}
		return j, nil
	}
	for i, seed := range r.Seeds {
		j.draws = append(j.draws, newDraw(r.Noise, seed, i, 1))
	}
	return j, nil
}

func newDraw(n Noise, seed uint64, from, count int) draw {
	d := draw{from: from, n: count}
	if n == NoiseCPUF16 || n == NoiseCUDAF16 {
		d.precision = rng.F16
	}
	if n == NoiseCUDA || n == NoiseCUDAF16 {
		d.source = &rng.CUDA{Seed: seed}
	} else {
		d.source = rng.NewTorch(int64(seed))
	}
	return d
}

// guided reports whether a negative half is needed: diffusers leaves it out at a
// scale of 1 and below, DiffSynth at 1 only.
func (p *Pipeline) guided(r Request) bool {
	if p.bundle.Numerics() == DiffSynth {
		return r.GuidanceScale != 1
	}
	return r.GuidanceScale > 1
}

// encode returns the conditions of all pictures, those of the negative half first.
func (c *canvas) encode(ctx context.Context) ([]model.Cond, error) {
	var prompts []model.Prompt
	for _, j := range c.jobs {
		prompts = append(prompts, j.prompts(c.guided, c.bundle.Numerics())...)
	}
	encoded, err := c.bundle.Encode(ctx, prompts...)
	if err != nil {
		return nil, err
	}
	var negative, positive []model.Cond
	each := len(prompts) / len(c.jobs)
	for i, j := range c.jobs {
		e := encoded[i*each:][:each]
		if c.guided && c.bundle.ZeroNegative && c.bundle.Family() == weights.SDXL && j.request.NegativePrompt == "" {
			e[1] = c.bundle.Zero(e[0])
		}
		for k, half := range e {
			j.result.Cut = max(j.result.Cut, half.Cut)
			cond := half.Cond
			cond.TimeIDs = j.request.timeIDs(k == 1)
			for range j.request.N {
				if k == 1 {
					negative = append(negative, cond)
				} else {
					positive = append(positive, cond)
				}
			}
		}
	}
	conds := append(negative, positive...)
	if c.trace != nil {
		c.traceConds(conds)
	}
	return conds, nil
}

// prompts returns the positive prompt and, if wanted, the negative one. diffusers
// leaves layers out for the positive one alone, DiffSynth for both.
func (j *job) prompts(guided bool, n Numerics) []model.Prompt {
	r := &j.request
	positive := model.Prompt{Text: r.Prompt, Text2: r.Prompt2, ClipSkip: r.ClipSkip, Weights: r.PromptWeights, Long: r.LongPrompt}
	if !guided {
		return []model.Prompt{positive}
	}
	negative := positive
	negative.Text, negative.Text2 = r.NegativePrompt, r.NegativePrompt2
	if strings.TrimSpace(negative.Text) == "" {
		negative.Text = ""
	}
	if n == Diffusers {
		negative.ClipSkip = 0
	}
	return []model.Prompt{positive, negative}
}

// timeIDs returns the six numbers that SDXL and Kolors are told of a half.
func (r *Request) timeIDs(negative bool) []float64 {
	s := Sizes{}
	if r.Sizes != nil {
		s = *r.Sizes
		if negative && s.Negative != nil {
			s = *s.Negative
		}
	}
	def(&s.OriginalHeight, r.Height)
	def(&s.OriginalWidth, r.Width)
	def(&s.TargetHeight, r.Height)
	def(&s.TargetWidth, r.Width)
	return []float64{
		float64(s.OriginalHeight), float64(s.OriginalWidth), float64(s.CropTop), float64(s.CropLeft),
		float64(s.TargetHeight), float64(s.TargetWidth),
	}
}

// noise fills dst with standard normal numbers for all pictures of the canvas, drawn
// in torch's order of axes, [pictures, channels, h, w].
func (c *canvas) noise(dst []float32) {
	for _, d := range c.draws {
		drawn := make([]float32, d.n*c.size)
		d.source.Normal(drawn, d.precision)
		for k := range d.n {
			toNHWC(dst[(d.from+k)*c.size:][:c.size], drawn[k*c.size:][:c.size], c.channels)
		}
	}
}

// toNHWC turns [channels, pixels] into [pixels, channels].
func toNHWC(dst, src []float32, channels int) {
	pixels := len(src) / channels
	for ch := range channels {
		for i, v := range src[ch*pixels:][:pixels] {
			dst[i*channels+ch] = v
		}
	}
}

// begin returns the latents that the run starts from.
func (c *canvas) begin(ctx context.Context) ([]float32, error) {
	x := make([]float32, c.pictures*c.size)
	if c.jobs[0].request.begins() {
		err := c.beginFrom(ctx, x)
		return x, err
	}
	c.noise(x)
	sigma := c.plan.InitNoiseSigma()
	for i, v := range x {
		x[i] = float32(float64(v) * sigma)
	}
	if c.trace != nil {
		c.trace("begin", 0, x)
	}
	return x, nil
}

// rescale brings the deviation of x towards that of the positive half (Lin et al.
// 2023, section 3.4; diffusers 0.36 rescale_noise_cfg).
func rescale(x, positive []float32, share float64) {
	factor := deviation(positive) / deviation(x)
	for i, v := range x {
		x[i] = float32(share*float64(v)*factor + (1-share)*float64(v))
	}
}

// deviation is the standard deviation with n−1 in the denominator, torch's std.
func deviation(x []float32) float64 {
	var sum float64
	for _, v := range x {
		sum += float64(v)
	}
	mean := sum / float64(len(x))
	var squares float64
	for _, v := range x {
		squares += (float64(v) - mean) * (float64(v) - mean)
	}
	return math.Sqrt(squares / float64(len(x)-1))
}
