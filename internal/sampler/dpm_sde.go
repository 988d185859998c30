package sampler

import "math"

// dpmSDE is a stochastic solver of second order in the picture: two calls a step, each
// followed by fresh noise, one call without in the last (Algorithm 1 of Lu et al. 2022b
// with an ancestral step; sample_dpmpp_sde of k-diffusion, DPMSolverSDEScheduler of
// diffusers).
//
// diffusers draws the noise from a Brownian tree over σ, so that runs of other step
// counts share it. Here the caller's noise is used as it comes: the same rule, other
// pictures for the same seed.
type dpmSDE struct {
	training
	spacing
	spread
	Prediction Prediction `json:"prediction_type"`
	NoiseSeed  *int64     `json:"noise_sampler_seed"` // read, without effect: noise is the caller's
	NoiseScale float64    `json:"s_noise"`
}

func newDPMSDE() rule {
	return &dpmSDE{training: kDefaults, spacing: spacing{Spacing: even}, Prediction: Epsilon, NoiseScale: 1}
}

func (c *dpmSDE) table() (*Schedule, error) {
	if err := firstError(c.spacing.check(), c.spread.check(), c.Prediction.check(Epsilon, VPrediction)); err != nil {
		return nil, err
	}
	return c.training.schedule(asTrained)
}

func (c *dpmSDE) plan(s *Schedule, st Steps) (*Plan, error) {
	if err := st.only(); err != nil {
		return nil, err
	}
	begin, err := st.start(st.N)
	if err != nil {
		return nil, err
	}
	t, exact := c.levels(s, st.N)
	sigma := withFinal(exact, 0)
	p := &Plan{sigmas: twiceBetween(sigma), init: kInit(c.spacing, sigma), order: 2}
	for i := begin; i < len(t); i++ {
		n := len(p.calls)
		if i+1 == len(t) { // to σ = 0: the picture itself
			p.add(c.call(t[i], sigma[i], update{from: n, models: []weight{{n, 1}}}))
			break
		}
		mid := math.Sqrt(sigma[i] * sigma[i+1])
		p.add(c.call(t[i], sigma[i], c.toward(n, n, sigma[i], mid)))
		second := c.call(s.timestepOf(math.Sqrt(exact[i]*exact[i+1])), mid, c.toward(n+1, n, sigma[i], sigma[i+1]))
		second.level = kLevel(sigma[i+1])
		p.add(second)
	}
	return p, nil
}

// levels is kLevels with timesteps that diffusers keeps in float64 for this class.
func (c *dpmSDE) levels(s *Schedule, n int) (t, sigma []float64) {
	t = c.spacing.descending(s.Len(), n)
	sigma = each(t, s.sigmaAt)
	if c.spread.on() {
		sigma = c.spread.between(sigma[0], sigma[len(sigma)-1], n)
		t = each(sigma, s.timestepOf)
	}
	return t, sigma
}

func (c *dpmSDE) call(t, sigma float64, u update) call {
	return call{timestep: t, scale: kScale(sigma), level: kLevel(sigma), guess: c.Prediction.pictureAt(sigma), keep: keepPicture, next: u}
}

// toward goes from the sample of call base, at level from, to level to: the exact
// solution for a picture that stays what call n says, and noise.
func (c *dpmSDE) toward(n, base int, from, to float64) update {
	down, up := ancestral(from, to)
	left := down / from
	return update{from: base, sample: left, models: []weight{{n, 1 - left}}, noise: up * c.NoiseScale, draws: true}
}
