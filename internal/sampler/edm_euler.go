package sampler

// edmEuler is Euler's method, with churn, for EDM networks (Karras et al. 2022,
// algorithm 2 without its second half; EDMEulerScheduler of diffusers).
type edmEuler struct {
	edm
	churn
	Prediction Prediction `json:"prediction_type"`
}

func newEDMEuler() rule {
	return &edmEuler{edm: edmDefaults, churn: noChurn, Prediction: Epsilon}
}

func (c *edmEuler) table() (*Schedule, error) {
	return nil, firstError(c.edm.check(), c.Prediction.check(Epsilon, VPrediction))
}

func (c *edmEuler) plan(_ *Schedule, st Steps) (*Plan, error) {
	if err := st.only(); err != nil {
		return nil, err
	}
	begin, err := st.start(st.N)
	if err != nil {
		return nil, err
	}
	sigma := c.levels(linspace(0, 1, st.N))
	sigma = withFinal(sigma, c.finals.level(sigma[len(sigma)-1]))
	p := &Plan{sigmas: sigma, init: c.edm.init(), order: 1}
	for i := begin; i < st.N; i++ {
		p.add(call{timestep: c.timestep(sigma[i]), scale: c.scale(sigma[i]), level: kLevel(sigma[i]),
			next: c.churn.step(len(p.calls), sigma, i, func(_, hat float64) mix { return c.guess(c.Prediction, hat) })})
	}
	return p, nil
}
