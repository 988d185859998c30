package sampler

import "math"

// ddim goes to an earlier training step with the same noise, or with a share eta of it
// drawn anew (Song et al. 2020, equations 12 and 16; DDIMScheduler of diffusers).
type ddim struct {
	training
	spacing
	clipping
	Prediction Prediction `json:"prediction_type"`
	AlphaToOne bool       `json:"set_alpha_to_one"`
	ZeroSNR    bool       `json:"rescale_betas_zero_snr"`
	Eta        float64    `json:"eta"`                      // an argument of step() in diffusers
	UseClipped bool       `json:"use_clipped_model_output"` // so is this
}

func newDDIM() rule {
	return &ddim{training: linearDefaults, spacing: spacing{Spacing: leading}, clipping: clipped, Prediction: Epsilon, AlphaToOne: true}
}

func (c *ddim) table() (*Schedule, error) {
	if !(c.Eta >= 0) {
		return nil, invalid("eta", c.Eta, "0 or more, 1 mostly at most")
	}
	if err := firstError(c.spacing.check(), c.clipping.check(), c.Prediction.check(Epsilon, VPrediction, SamplePrediction)); err != nil {
		return nil, err
	}
	return c.training.schedule(rescaled.when(c.ZeroSNR))
}

func (c *ddim) plan(s *Schedule, st Steps) (*Plan, error) {
	t, err := wholeSteps(s, c.spacing, st)
	if err != nil {
		return nil, err
	}
	begin, err := st.start(len(t))
	if err != nil {
		return nil, err
	}
	final := 1.0
	if !c.AlphaToOne {
		final = s.alphaBar[0]
	}
	p := &Plan{init: 1, order: 1, bound: c.clipping.bound()}
	stride := s.Len() / st.N // whatever the spacing, as in diffusers
	for _, now := range t[begin:] {
		p.add(c.step(len(p.calls), now, s.alphaBar[now], s.alphaOr(now-stride, final)))
	}
	return p, nil
}

// alphaOr returns ᾱ at t, or after the last step, final. Before the first there is
// none: NaN, which Plan.Err reports.
func (s *Schedule) alphaOr(t int, final float64) float64 {
	switch {
	case t < 0:
		return final
	case t >= s.Len():
		return math.NaN()
	}
	return s.alphaBar[t]
}

func (c *ddim) step(n, t int, now, next float64) call {
	l := levelOf(now)
	std := c.Eta * math.Sqrt((1-next)/(1-now)*(1-now/next))
	direction := math.Sqrt(max(0, 1-next-std*std)) // 0 but for rounding where no signal is left and Eta is 1
	u := update{from: n, models: []weight{{n, math.Sqrt(next)}}, noise: std, draws: c.Eta > 0}
	if c.UseClipped { // the noise that the bounded picture leaves
		e := noiseOfPicture(l)
		u.sample, u.models[0].w = direction*e.x, u.models[0].w+direction*e.y
	} else {
		e := c.Prediction.noise(l)
		u.sample, u.out = direction*e.x, direction*e.y
	}
	return call{timestep: float64(t), level: l, guess: c.Prediction.picture(l), keep: keepPicture, next: u}
}

// wholeSteps returns the n timesteps that a sampler with tables per training step
// visits.
func wholeSteps(s *Schedule, space spacing, st Steps) ([]int, error) {
	if err := firstError(st.only(), st.count(s.Len())); err != nil {
		return nil, err
	}
	return s.whole(space.descending(s.Len(), st.N))
}

// whole rounds timesteps and checks that they are in the schedule.
func (s *Schedule) whole(t []float64) ([]int, error) {
	out := make([]int, len(t))
	for i, x := range t {
		out[i] = int(math.RoundToEven(x))
		if _, err := s.Level(out[i]); err != nil {
			return nil, err
		}
	}
	return out, nil
}
