package sampler

import (
	"math"
	"slices"

	"github.com/easel-go/easel/internal/fault"
)

// unipc predicts with a multistep rule, and when the network has answered at the
// predicted sample, corrects that sample with the same answer before it goes on (Zhao et
// al. 2023, algorithms 5 to 8; UniPCMultistepScheduler of diffusers).
type unipc struct {
	training
	spacing
	spread
	finals
	flow
	thresholding
	Order       int             `json:"solver_order"`
	Prediction  Prediction      `json:"prediction_type"`
	PredictX0   bool            `json:"predict_x0"`
	Solver      string          `json:"solver_type"`
	LowerFinal  bool            `json:"lower_order_final"`
	Uncorrected []int           `json:"disable_corrector"` // steps whose result is not corrected
	Predictor   *map[string]any `json:"solver_p"`
	ZeroSNR     bool            `json:"rescale_betas_zero_snr"`
}

// The choices of B(h): h itself, or e^h − 1.
const (
	bh1 = "bh1"
	bh2 = "bh2"
)

// maxUniPCOrder bounds the equations to solve; orders above 3 are said to be unstable.
const maxUniPCOrder = 8

func newUniPC() rule {
	return &unipc{training: linearDefaults, spacing: spacing{Spacing: even}, finals: finals{zero}, thresholding: noThresholding, Order: 2, Prediction: Epsilon,
		PredictX0: true, Solver: bh2, LowerFinal: true}
}

func (c *unipc) table() (*Schedule, error) {
	if slices.Contains([]string{midpoint, heuns, logrho}, c.Solver) {
		c.Solver = bh2
	}
	switch {
	case c.Solver != bh1 && c.Solver != bh2:
		return nil, unsupported("solver_type", c.Solver, "bh1 or bh2")
	case c.Order < 1 || c.Order > maxUniPCOrder:
		return nil, invalid("solver_order", c.Order, "1 to 8")
	case c.Predictor != nil:
		return nil, &fault.Error{Kind: fault.Unsupported, Op: "sampler", What: "solver_p", Have: "given", Want: "null: the predictor is UniPC's own"}
	}
	if err := firstError(c.spacing.check(), c.spread.check(), c.finals.check(), c.flow.check(), c.thresholding.check(), c.Prediction.check(Epsilon, VPrediction, SamplePrediction)); err != nil {
		return nil, err
	}
	return c.training.schedule(rescaledUp.when(c.ZeroSNR))
}

func (c *unipc) plan(s *Schedule, st Steps) (*Plan, error) {
	if err := st.only(); err != nil {
		return nil, err
	}
	begin, err := st.start(st.N)
	if err != nil {
		return nil, err
	}
	t, sigma := dpmLevels(s, c.spacing, c.spread, st.N)
	low := s.sigmas[0]
	if c.spread.on() {
		low = sigma[len(sigma)-1]
	}
	sigma = withFinal(sigma, c.finals.level(low))
	p := &Plan{sigmas: sigma, init: 1, order: 1}
	if c.PredictX0 {
		p.bound = c.thresholding.bound()
	}
	last := 0 // order of the step before
	for i := begin; i < len(t); i++ {
		n := len(p.calls)
		next := c.call(sigma, i, n)
		next.timestep = t[i]
		if n > 0 && !slices.Contains(c.Uncorrected, i-1) {
			u := c.step(sigma, i-1, n-1, last, true)
			next.correct = &u
		}
		last = c.order(i, n, len(t))
		next.next = c.step(sigma, i, n, last, false)
		p.add(next)
	}
	return p, nil
}

func (c *unipc) order(i, n, steps int) int {
	order := min(c.Order, n+1)
	if c.LowerFinal {
		order = min(order, steps-i)
	}
	return order
}

// call has everything but timestep and updates.
func (c *unipc) call(sigma []float64, i, n int) call {
	l := vpPoint(sigma[i]).level()
	if c.PredictX0 {
		return call{level: l, guess: c.Prediction.picture(l), keep: keepPicture}
	}
	return call{level: l, guess: c.Prediction.noise(l), keep: wholeAnswer}
}

// step goes from level i, which is the n-th call, to i+1: the predictor, or, with
// another reference from level i+1 itself, the corrector.
func (c *unipc) step(sigma []float64, i, n, order int, corrector bool) update {
	from, to := vpPoint(sigma[i]), vpPoint(sigma[i+1])
	h := to.lambda - from.lambda
	at := func(k int) float64 { return (vpPoint(sigma[i-k]).lambda - from.lambda) / h }
	rho, growth, b := c.weights(h, at, order, corrector)
	u := update{from: n, sample: to.s / from.s, models: []weight{{n, -to.alpha * growth}}}
	scale := -to.alpha * b
	if !c.PredictX0 {
		u.sample, u.models[0].w, scale = to.alpha/from.alpha, -to.s*growth, -to.s*b
	}
	for k := 1; k < order; k++ {
		u.models = addWeights(u.models, scale*rho[k-1], difference(n-k, n, 1/at(k)))
	}
	if corrector {
		u.models = addWeights(u.models, scale*rho[order-1], difference(n+1, n, 1))
	}
	return u
}

// weights solves for the weights ρ of the differences (equation 9 of the paper), and
// returns e^h − 1 and B(h) beside them, h being −h in terms of the picture.
func (c *unipc) weights(h float64, at func(int) float64, order int, corrector bool) (rho []float64, growth, b float64) {
	if c.PredictX0 {
		h = -h
	}
	growth = math.Expm1(h)
	b = growth
	if c.Solver == bh1 {
		b = h
	}
	unknowns := order - 1
	if corrector {
		unknowns = order
	}
	if corrector && order == 1 || !corrector && order == 2 {
		return []float64{0.5}, growth, b
	}
	rows, right := make([][]float64, unknowns), make([]float64, unknowns)
	phi, factorial := growth/h-1, 1.0
	for i := range rows {
		rows[i] = make([]float64, unknowns)
		for k := range rows[i] {
			r := 1.0
			if k+1 < order {
				r = at(k + 1)
			}
			rows[i][k] = math.Pow(r, float64(i))
		}
		right[i] = phi * factorial / b
		factorial *= float64(i + 2)
		phi = phi/h - 1/factorial
	}
	return solve(rows, right), growth, b
}

// solve solves a small system of linear equations by elimination with row pivots. It
// overwrites its arguments.
func solve(a [][]float64, y []float64) []float64 {
	n := len(y)
	for k := range n {
		top := k
		for i := k + 1; i < n; i++ {
			if math.Abs(a[i][k]) > math.Abs(a[top][k]) {
				top = i
			}
		}
		a[k], a[top], y[k], y[top] = a[top], a[k], y[top], y[k]
		for i := k + 1; i < n; i++ {
			f := a[i][k] / a[k][k]
			for j := k; j < n; j++ {
				a[i][j] -= f * a[k][j]
			}
			y[i] -= f * y[k]
		}
	}
	for k := n - 1; k >= 0; k-- {
		for j := k + 1; j < n; j++ {
			y[k] -= a[k][j] * y[j]
		}
		y[k] /= a[k][k]
	}
	return y
}

// dpmLevels returns the whole timesteps and the levels of UniPC and DEIS, the final one
// left out: n of n+1 evenly spaced ones, or levels spread over the whole schedule.
func dpmLevels(s *Schedule, space spacing, spread spread, n int) (t, sigma []float64) {
	if !spread.on() {
		t = space.descendingTo0(s.Len(), s.Len(), n)
		return t, each(t, s.sigmaAt)
	}
	sigma = spread.between(s.sigmas[s.Len()-1], s.sigmas[0], n)
	t = each(sigma, s.timestepOf)
	if spread.Karras {
		t = each(t, math.RoundToEven)
	}
	return each(t, math.Trunc), sigma
}
