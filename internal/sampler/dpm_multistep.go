package sampler

import (
	"math"

	"github.com/easel-go/easel/internal/fault"
)

// dpmMultistep builds derivatives from the references of earlier steps
// (DPMSolverMultistepScheduler of diffusers; "DPM++ 2M" and "2M SDE").
type dpmMultistep struct {
	training
	spacing
	spread
	finals
	solver
	flow
	lastSteps
	Lu        bool    `json:"use_lu_lambdas"`
	LambdaMin number  `json:"lambda_min_clipped"`
	Variance  *string `json:"variance_type"` // learned: only the mean's channels are given to Step
	ZeroSNR   bool    `json:"rescale_betas_zero_snr"`
}

// lastSteps says how the last steps are kept stable by a lower order.
type lastSteps struct {
	LowerFinal bool `json:"lower_order_final"` // in runs of fewer than 15 steps
	EulerFinal bool `json:"euler_at_final"`
}

func newDPMMultistep() rule {
	return &dpmMultistep{training: linearDefaults, spacing: spacing{Spacing: even}, finals: finals{zero}, solver: solverDefaults,
		lastSteps: lastSteps{LowerFinal: true}, LambdaMin: number(math.Inf(-1))}
}

func (c *dpmMultistep) table() (*Schedule, error) {
	if err := firstError(c.spacing.check(), c.spread.check(), c.finals.check(), c.flow.check(),
		c.solver.check(dpmPP, dpmNoise, sdePP, sdeNoise), c.solver.checkFinal(c.finals)); err != nil {
		return nil, err
	}
	if c.Algorithm == sdeNoise && c.Order == 3 {
		return nil, unsupported("algorithm_type", c.Algorithm, "solver_order 1 or 2 with it")
	}
	return c.training.schedule(rescaledUp.when(c.ZeroSNR))
}

// checkFinal refuses a run to σ = 0 that solves for the noise: there is none there.
func (c *solver) checkFinal(f finals) error {
	if c.noisy() && f.Final == zero {
		return unsupported("final_sigmas_type", f.Final, "sigma_min with algorithm_type "+c.Algorithm)
	}
	return nil
}

func (c *dpmMultistep) plan(s *Schedule, st Steps) (*Plan, error) {
	t, sigma, err := c.levels(s, st)
	if err != nil {
		return nil, err
	}
	begin, err := st.start(len(t))
	if err != nil {
		return nil, err
	}
	p := &Plan{sigmas: sigma, init: 1, order: 1, bound: c.solver.bound()}
	points := make([]point, len(sigma))
	for i, x := range sigma {
		points[i] = vpPoint(x)
	}
	for i := begin; i < len(t); i++ {
		n := len(p.calls)
		order := c.lastSteps.order(i, n, len(t), c.Order, c.finals)
		guess, keep := c.solver.reference(points[i].level())
		p.add(call{timestep: t[i], level: points[i].level(), guess: guess, keep: keep, next: c.solver.multistep(points, i, n, order)})
	}
	return p, nil
}

// order is the order of step i of a run of `steps`, the n-th that is made.
func (c lastSteps) order(i, n, steps, order int, f finals) int {
	short := c.LowerFinal && steps < 15
	switch {
	case i == steps-1 && (c.EulerFinal || short || f.Final == zero):
		return 1
	case i == steps-2 && short:
		order = min(order, 2)
	}
	return min(order, n+1)
}

// multistep is the update of step i, the n-th call, whose derivatives come from the
// calls before.
func (c *solver) multistep(points []point, i, n, order int) update {
	to, p0 := points[i+1], points[i]
	x := c.expand(p0, to, order == 3)
	h := to.lambda - p0.lambda
	d0 := []weight{{n, 1}}
	if order == 1 {
		return x.update(n, d0, nil, nil, c.stochastic())
	}
	r0 := (p0.lambda - points[i-1].lambda) / h
	first := difference(n, n-1, 1/r0)
	if order == 2 {
		return x.update(n, d0, first, nil, c.stochastic())
	}
	r1 := (points[i-1].lambda - points[i-2].lambda) / h
	bend := addWeights(difference(n, n-1, 1/r0), -1, difference(n-1, n-2, 1/r1))
	d1 := addWeights(first, r0/(r0+r1), bend)
	d2 := addWeights(nil, 1/(r0+r1), bend)
	return x.update(n, d0, d1, d2, c.stochastic())
}

// levels returns the timesteps, whole as diffusers cuts them, and the levels, the
// final one included.
func (c *dpmMultistep) levels(s *Schedule, st Steps) (t, sigma []float64, err error) {
	if err := firstError(st.only(byTimesteps), st.given(s.Len()), st.whole()); err != nil {
		return nil, nil, err
	}
	final := c.finals.level(s.sigmas[0])
	if st.Timesteps != nil {
		if c.spread.on() || c.Lu {
			return nil, nil, &fault.Error{Kind: fault.Unsupported, Op: "sampler", What: "timesteps", Have: "given", Want: "none: sigmas that are spread out decide them"}
		}
		return st.Timesteps, withFinal(each(st.Timesteps, s.sigmaAt), final), nil
	}
	last := s.Len() - s.below(float64(c.LambdaMin))
	if last < 1 {
		return nil, nil, invalid("lambda_min_clipped", float64(c.LambdaMin), "a value that leaves some of the schedule")
	}
	t = c.spacing.descendingTo0(s.Len(), last, st.N)
	t, sigma = c.spreadOut(s, t)
	return each(t, math.Trunc), withFinal(sigma, final), nil
}

func (c *dpmMultistep) spreadOut(s *Schedule, t []float64) (_, sigma []float64) {
	n, top := len(t), s.Len()-1
	rounded := c.spread.Karras || c.Lu
	switch {
	case c.spread.on():
		sigma = c.spread.between(s.sigmas[top], s.sigmas[0], n)
	case c.Lu: // Lu et al. 2022a, section 3.4: even in λ
		sigma = each(linspace(s.logSigmas[top], s.logSigmas[0], n), math.Exp)
	default:
		return t, each(t, s.sigmaAt)
	}
	t = each(sigma, s.timestepOf)
	if rounded && c.BetaSchedule != "squaredcos_cap_v2" {
		t = each(t, math.RoundToEven)
	}
	return t, sigma
}

// below returns the number of training steps, at the noisy end, whose λ is below min.
func (s *Schedule) below(min float64) int {
	n := 0
	for n < s.Len() && math.Log(s.alphaBar[s.Len()-1-n]/(1-s.alphaBar[s.Len()-1-n]))/2 < min {
		n++
	}
	return n
}
