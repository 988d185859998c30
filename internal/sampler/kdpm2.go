package sampler

import "math"

// kdpm2 walks to the level halfway (in log σ) to the next, and from where it was to the
// next along the slope found halfway: two calls a step, one in the last (DPM-Solver-2
// of Lu et al. 2022 in the terms of Karras et al.; KDPM2DiscreteScheduler of diffusers).
// The ancestral one walks below the next level and makes the rest up with fresh noise
// (KDPM2AncestralDiscreteScheduler).
type kdpm2 struct {
	training
	spacing
	spread
	Prediction Prediction `json:"prediction_type"`

	ancestral bool
}

func newKDPM2() rule {
	return &kdpm2{training: kDefaults, spacing: spacing{Spacing: even}, Prediction: Epsilon}
}

func newKDPM2Ancestral() rule {
	return &kdpm2{training: kDefaults, spacing: spacing{Spacing: even}, Prediction: Epsilon, ancestral: true}
}

func (c *kdpm2) table() (*Schedule, error) {
	if err := firstError(c.spacing.check(), c.spread.check(), c.Prediction.check(Epsilon, VPrediction)); err != nil {
		return nil, err
	}
	return c.training.schedule(asTrained)
}

func (c *kdpm2) plan(s *Schedule, st Steps) (*Plan, error) {
	if err := st.only(); err != nil {
		return nil, err
	}
	begin, err := st.start(st.N)
	if err != nil {
		return nil, err
	}
	t, sigma := kLevels(s, c.spacing, c.spread, st.N)
	if c.spread.Karras {
		t = each(t, math.RoundToEven)
	}
	sigma = withFinal(sigma, 0)
	p := &Plan{sigmas: append(append([]float64{sigma[0]}, doubled(sigma[1:])...), 0), init: kInit(c.spacing, sigma), order: 2}
	for i := begin; i < len(t); i++ {
		if i+1 == len(t) {
			p.add(c.first(len(p.calls), t[i], sigma[i], 0))
			break
		}
		down, up := sigma[i+1], 0.0
		if c.ancestral {
			down, up = ancestral(sigma[i], sigma[i+1])
		}
		mid := f32(math.Sqrt(sigma[i] * down))
		p.add(c.first(len(p.calls), t[i], sigma[i], mid))
		second := c.second(len(p.calls), s.timestepOf(mid), sigma[i], mid, down)
		second.level = kLevel(sigma[i+1])
		second.next.noise, second.next.draws = up, c.ancestral
		p.add(second)
	}
	return p, nil
}

// first walks from level to level with the slope found at the first.
func (c *kdpm2) first(n int, t, from, to float64) call {
	g, dt := c.Prediction.pictureAt(from), to-from
	return call{timestep: t, scale: kScale(from), level: kLevel(from),
		next: update{from: n, sample: 1 + (1-g.x)/from*dt, out: -g.y / from * dt}}
}

// second walks again from the sample of the call before, with the slope found halfway.
func (c *kdpm2) second(n int, t, from, mid, to float64) call {
	dt := to - from
	return call{timestep: t, scale: kScale(mid), guess: c.Prediction.pictureAt(mid), keep: slope(mid),
		next: update{from: n - 1, sample: 1, models: []weight{{n, dt}}}}
}
