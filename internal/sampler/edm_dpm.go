package sampler

// edmMultistep is DPM-Solver++ for EDM networks (EDMDPMSolverMultistepScheduler of
// diffusers).
type edmMultistep struct {
	edm
	solver
	lastSteps
}

func newEDMMultistep() rule {
	return &edmMultistep{edm: edmDefaults, solver: solverDefaults, lastSteps: lastSteps{LowerFinal: true}}
}

func (c *edmMultistep) table() (*Schedule, error) {
	if err := firstError(c.edm.check(), c.solver.check(dpmPP, sdePP), c.Prediction.check(Epsilon, VPrediction)); err != nil {
		return nil, err
	}
	if c.Algorithm == sdePP && c.Order == 3 {
		return nil, unsupported("algorithm_type", c.Algorithm, "solver_order 1 or 2 with it")
	}
	return nil, nil
}

func (c *edmMultistep) plan(_ *Schedule, st Steps) (*Plan, error) {
	if err := st.only(); err != nil {
		return nil, err
	}
	begin, err := st.start(st.N)
	if err != nil {
		return nil, err
	}
	sigma := withFinal(c.levels(linspace32(0, 1, st.N)), c.finals.level(c.SigmaMin))
	points := make([]point, len(sigma))
	for i, x := range sigma {
		points[i] = edmPoint(x)
	}
	p := &Plan{sigmas: sigma, init: c.edm.init(), order: 1, bound: c.solver.bound()}
	for i := begin; i < st.N; i++ {
		n := len(p.calls)
		order := c.lastSteps.order(i, n, st.N, c.Order, c.finals)
		p.add(call{timestep: c.timestep(sigma[i]), scale: c.scale(sigma[i]), level: kLevel(sigma[i]),
			guess: c.guess(c.Prediction, sigma[i]), keep: keepPicture, next: c.solver.multistep(points, i, n, order)})
	}
	return p, nil
}
