package sampler

import "math"

// dpmSinglestep goes through orders 1, 2, … up to solver_order in turn; a step of order
// 2 or 3 starts anew from the sample where the round began
// (DPMSolverSinglestepScheduler of diffusers; "DPM++ 2S"). Its class has no
// timestep_spacing: steps are even.
type dpmSinglestep struct {
	training
	spread
	finals
	solver
	flow
	LowerFinal bool    `json:"lower_order_final"`
	LambdaMin  number  `json:"lambda_min_clipped"`
	Variance   *string `json:"variance_type"`
}

func newDPMSinglestep() rule {
	return &dpmSinglestep{training: linearDefaults, finals: finals{zero}, solver: solverDefaults, LambdaMin: number(math.Inf(-1))}
}

func (c *dpmSinglestep) table() (*Schedule, error) {
	if err := firstError(c.spread.check(), c.finals.check(), c.flow.check(),
		c.solver.check(dpmPP, dpmNoise, sdePP), c.solver.checkFinal(c.finals)); err != nil {
		return nil, err
	}
	return c.training.schedule(asTrained)
}

func (c *dpmSinglestep) plan(s *Schedule, st Steps) (*Plan, error) {
	multi := dpmMultistep{spacing: spacing{Spacing: even}, spread: c.spread, finals: c.finals, LambdaMin: c.LambdaMin}
	t, sigma, err := multi.levels(s, st)
	if err != nil {
		return nil, err
	}
	begin, err := st.start(len(t))
	if err != nil {
		return nil, err
	}
	p := &Plan{sigmas: sigma, init: 1, order: 1, bound: c.solver.bound()}
	orders, base := c.orders(len(t)), 0
	for i := begin; i < len(t); i++ {
		n := len(p.calls)
		order := min(orders[i], n+1)
		if order == 1 {
			base = n
		}
		l := vpPoint(sigma[i]).level()
		guess, keep := c.solver.reference(l)
		p.add(call{timestep: t[i], level: l, guess: guess, keep: keep, next: c.step(sigma, i, n, order, base)})
	}
	return p, nil
}

// orders returns the order of each of n steps. Rounds that would not come out even, or
// would end at σ = 0 with a high order, end with lower ones (get_order_list).
func (c *dpmSinglestep) orders(n int) []int {
	orders := make([]int, n)
	for i := range orders {
		orders[i] = i%c.Order + 1
	}
	if !(c.LowerFinal || n%c.Order != 0 || c.finals.Final == zero) {
		return orders
	}
	if c.Order == 3 && n%3 == 0 { // … 1 2 3 | 1 2 1
		orders[n-1] = 1
	}
	if c.Order == 2 && n%2 == 0 {
		orders[n-1] = 1
	}
	if c.finals.Final == zero {
		orders[n-1] = 1
	}
	return orders
}

// step is the update of step i, the n-th call, from the sample of call base. Its
// derivatives are those at the start of the round.
func (c *dpmSinglestep) step(sigma []float64, i, n, order, base int) update {
	at := func(back int) point { return vpPoint(sigma[i-back]) }
	start, to := at(order-1), vpPoint(sigma[i+1])
	h := to.lambda - start.lambda
	d0 := []weight{{n - order + 1, 1}}
	x := c.expand(start, to, order == 3)
	switch order {
	case 1:
		return x.update(base, d0, nil, nil, c.stochastic())
	case 2:
		r0 := (at(0).lambda - start.lambda) / h
		return x.update(base, d0, difference(n, n-1, 1/r0), nil, c.stochastic())
	}
	r0, r1 := (at(0).lambda-start.lambda)/h, (at(1).lambda-start.lambda)/h
	near, far := difference(n-1, n-2, 1/r1), difference(n, n-2, 1/r0)
	if c.Solver == midpoint {
		return x.update(base, d0, far, nil, c.stochastic())
	}
	d1 := addWeights(addWeights(nil, r0/(r0-r1), near), -r1/(r0-r1), far)
	d2 := addWeights(addWeights(nil, 2/(r0-r1), far), -2/(r0-r1), near)
	return x.update(base, d0, d1, d2, c.stochastic())
}
