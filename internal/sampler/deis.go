package sampler

import "math"

// deisMultistep integrates a polynomial in log ρ through the last noises, ρ being σ
// (Zhang and Chen 2022, "log ρ" variant; DEISMultistepScheduler of diffusers).
//
// diffusers takes the integrals, differences of nearly equal numbers, in float32. In runs
// of 30 steps of order 3 that is 4e-5 of a value, which is how far the exact ones here
// come out from it.
type deisMultistep struct {
	training
	spacing
	spread
	flow
	solver
	LowerFinal bool `json:"lower_order_final"`
}

func newDEIS() rule {
	s := solverDefaults
	s.Algorithm, s.Solver = deis, logrho
	return &deisMultistep{training: linearDefaults, spacing: spacing{Spacing: even}, solver: s, LowerFinal: true}
}

func (c *deisMultistep) table() (*Schedule, error) {
	if err := firstError(c.spacing.check(), c.spread.check(), c.flow.check(), c.solver.check(dpmPP, dpmNoise)); err != nil {
		return nil, err
	}
	return c.training.schedule(asTrained)
}

func (c *deisMultistep) plan(s *Schedule, st Steps) (*Plan, error) {
	if err := st.only(); err != nil {
		return nil, err
	}
	begin, err := st.start(st.N)
	if err != nil {
		return nil, err
	}
	t, sigma := dpmLevels(s, c.spacing, c.spread, st.N)
	final := s.sigmas[0]
	if c.spread.on() {
		final = sigma[len(sigma)-1]
	}
	sigma = withFinal(sigma, final)
	p := &Plan{sigmas: sigma, init: 1, order: 1, bound: c.solver.bound()}
	for i := begin; i < len(t); i++ {
		n := len(p.calls)
		l := vpPoint(sigma[i]).level()
		order := (lastSteps{LowerFinal: c.LowerFinal}).order(i, n, len(t), c.Order, finals{sigmaMin})
		p.add(call{timestep: t[i], level: l, guess: c.Prediction.picture(l), keep: noiseOfPicture(l), next: deisStep(sigma, i, n, order)})
	}
	return p, nil
}

// deisStep is x/α plus the integral from level i to i+1 of the noise over σ, the noise
// being interpolated in log σ through the last `order` levels.
func deisStep(sigma []float64, i, n, order int) update {
	from, to := vpPoint(sigma[i]), vpPoint(sigma[i+1])
	u := update{from: n, sample: to.alpha / from.alpha}
	if order == 1 {
		u.models = []weight{{n, -to.s * math.Expm1(to.lambda-from.lambda)}}
		return u
	}
	for k := range order {
		u.models = append(u.models, weight{n - k, to.alpha * deisIntegral(sigma, i, order, k)})
	}
	return u
}

// deisIntegral integrates over σ, from level i to i+1, the polynomial in log σ that is
// 1 at level i−k and 0 at the others of the last 2 or 3.
func deisIntegral(sigma []float64, i, order, k int) float64 {
	own := math.Log(sigma[i-k])
	var others []float64
	for j := range order {
		if j != k {
			others = append(others, math.Log(sigma[i-j]))
		}
	}
	primitive := func(x float64) float64 {
		l := math.Log(x)
		if order == 2 {
			return x * (l - 1 - others[0]) / (own - others[0])
		}
		sum, product := others[0]+others[1], others[0]*others[1]
		return x * (l*l - (2+sum)*l + 2 + sum + product) / ((own - others[0]) * (own - others[1]))
	}
	return primitive(sigma[i+1]) - primitive(sigma[i])
}
