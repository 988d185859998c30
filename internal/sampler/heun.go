package sampler

import "github.com/easel-go/easel/internal/fault"

// heun walks to the next level, looks at the slope there, and walks again from where it
// was along the mean of both: two calls a step, one in the last (Karras et al. 2022,
// algorithm 1; HeunDiscreteScheduler of diffusers).
type heun struct {
	training
	spacing
	spread
	Prediction Prediction `json:"prediction_type"`
	Clip       bool       `json:"clip_sample"`
	ClipRange  float64    `json:"clip_sample_range"`
}

func newHeun() rule {
	return &heun{training: kDefaults, spacing: spacing{Spacing: even}, Prediction: Epsilon, ClipRange: 1}
}

func (c *heun) table() (*Schedule, error) {
	if err := firstError(c.spacing.check(), c.spread.check(), c.Prediction.check(Epsilon, VPrediction, SamplePrediction)); err != nil {
		return nil, err
	}
	return c.training.schedule(asTrained)
}

func (c *heun) plan(s *Schedule, st Steps) (*Plan, error) {
	t, sigma, err := c.levels(s, st)
	if err != nil {
		return nil, err
	}
	begin, err := st.start(len(t))
	if err != nil {
		return nil, err
	}
	p := &Plan{sigmas: twiceBetween(sigma), init: kInit(c.spacing, sigma), order: 2}
	if c.Clip {
		p.bound.clip = c.ClipRange
	}
	for i := begin; i < len(t); i++ {
		n, dt := len(p.calls), sigma[i+1]-sigma[i]
		p.add(c.call(t[i], sigma[i], update{from: n, sample: 1, models: []weight{{n, dt}}}))
		if i+1 < len(t) {
			p.add(c.call(t[i+1], sigma[i+1], update{from: n, sample: 1, models: []weight{{n, dt / 2}, {n + 1, dt / 2}}}))
		}
	}
	return p, nil
}

func (c *heun) call(t, sigma float64, u update) call {
	return call{timestep: t, scale: kScale(sigma), level: kLevel(sigma), guess: c.Prediction.pictureAt(sigma), keep: slope(sigma), next: u}
}

func (c *heun) levels(s *Schedule, st Steps) (t, sigma []float64, err error) {
	if err := firstError(st.only(byTimesteps), st.given(s.Len())); err != nil {
		return nil, nil, err
	}
	switch {
	case st.Timesteps == nil:
		t, sigma = kLevels(s, c.spacing, c.spread, st.N)
		t = each(t, f32)
	case c.spread.on():
		return nil, nil, &fault.Error{Kind: fault.Unsupported, Op: "sampler", What: "timesteps", Have: "given", Want: "none: sigmas that are spread out decide them"}
	default:
		t = each(st.Timesteps, f32)
		sigma = each(t, s.sigmaAt)
	}
	return t, withFinal(sigma, 0), nil
}

// twiceBetween lists each level once per call that is made at it.
func twiceBetween(sigma []float64) []float64 {
	last := len(sigma) - 1
	out := []float64{sigma[0]}
	out = append(out, doubled(sigma[1:last])...)
	return append(out, sigma[last])
}
