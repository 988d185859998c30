package diffusion

import (
	"math"

	"github.com/easel-go/easel/internal/sampler"
)

// course is what requests that share calls of the UNet have in common.
type course struct {
	width, height, steps           int
	sampler, given                 string
	strength, begin, end, eta      float64
	guided, picture, latents, mask bool
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
	steps := sampler.Steps{Timesteps: r.Timesteps, Sigmas: r.Sigmas}
	if r.Timesteps == nil && r.Sigmas == nil {
		steps.N = r.Steps
	}
	if r.begins() && r.DenoisingStart == 0 {
		steps.Strength = r.Strength
	}
	plan, err := s.Plan(steps)
	if err == nil && r.DenoisingStart > 0 {
		steps.Begin = skipped(plan, r.DenoisingStart, trained(s.Schedule()))
		plan, err = s.Plan(steps)
	}
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
	return before(plan, end, trained)
}

// skipped returns how many steps of a plan come before the share start of the
// schedule; of a step of two calls, both or none are left out (diffusers 0.36
// pipeline_stable_diffusion_xl_img2img.py, get_timesteps).
func skipped(plan *sampler.Plan, start float64, trained int) int {
	left := plan.Len() - before(plan, start, trained)
	if plan.Order() == 2 && left%2 == 0 {
		left++
	}
	return (plan.Len() - left) / plan.Order()
}

// before counts the calls of a plan that come before a share of the schedule.
func before(plan *sampler.Plan, share float64, trained int) int {
	cutoff := math.RoundToEven(float64(trained) - share*float64(trained))
	n := 0
	for _, t := range plan.Timesteps() {
		if t >= cutoff {
			n++
		}
	}
	return n
}

// trained is the number of training steps, of which the shares of a schedule are.
func trained(s *sampler.Schedule) int {
	if s == nil {
		return 1000
	}
	return s.Len()
}
