package sampler

// eulerAncestral walks below the next level and makes the rest up with fresh noise,
// which it draws at every step, the last one too, where it weighs nothing
// (EulerAncestralDiscreteScheduler of diffusers).
type eulerAncestral struct {
	training
	spacing
	Prediction Prediction `json:"prediction_type"`
	ZeroSNR    bool       `json:"rescale_betas_zero_snr"`
}

func newEulerAncestral() rule {
	return &eulerAncestral{training: linearDefaults, spacing: spacing{Spacing: even}, Prediction: Epsilon}
}

func (c *eulerAncestral) table() (*Schedule, error) {
	if err := firstError(c.spacing.check(), c.Prediction.check(Epsilon, VPrediction)); err != nil {
		return nil, err
	}
	return c.training.schedule(rescaledUp.when(c.ZeroSNR))
}

func (c *eulerAncestral) plan(s *Schedule, st Steps) (*Plan, error) {
	if err := st.only(); err != nil {
		return nil, err
	}
	begin, err := st.start(st.N)
	if err != nil {
		return nil, err
	}
	t, sigma := kLevels(s, c.spacing, spread{}, st.N)
	sigma = withFinal(sigma, 0)
	p := &Plan{sigmas: sigma, init: kInit(c.spacing, sigma), order: 1}
	for i := begin; i < len(t); i++ {
		down, up := ancestral(sigma[i], sigma[i+1])
		g, dt := c.Prediction.pictureAt(sigma[i]), down-sigma[i]
		p.add(call{timestep: t[i], scale: kScale(sigma[i]), level: kLevel(sigma[i]), next: update{
			from: len(p.calls), sample: 1 + (1-g.x)/sigma[i]*dt, out: -g.y / sigma[i] * dt, noise: up, draws: true}})
	}
	return p, nil
}
