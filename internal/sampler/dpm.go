package sampler

import (
	"math"
	"slices"
	"strings"

	"github.com/easel-go/easel/internal/fault"
)

// solver is what the DPM-Solver family shares in its configs: Lu et al. 2022a
// (DPM-Solver, in the noise) and 2022b (DPM-Solver++, in the picture), each as an
// ordinary or (sde-) stochastic differential equation.
type solver struct {
	thresholding
	Order      int        `json:"solver_order"`
	Prediction Prediction `json:"prediction_type"`
	Algorithm  string     `json:"algorithm_type"`
	Solver     string     `json:"solver_type"`
}

// The algorithms.
const (
	dpmPP    = "dpmsolver++"
	dpmNoise = "dpmsolver"
	sdePP    = "sde-dpmsolver++"
	sdeNoise = "sde-dpmsolver"
	deis     = "deis"

	midpoint = "midpoint"
	heuns    = "heun"
	logrho   = "logrho"
)

var solverDefaults = solver{thresholding: noThresholding, Order: 2, Prediction: Epsilon, Algorithm: dpmPP, Solver: midpoint}

// check refuses what the class does not do, and reads what the config of a sibling
// class says for what is meant.
func (c *solver) check(algorithms ...string) error {
	if c.Algorithm == deis {
		c.Algorithm = dpmPP
	}
	if slices.Contains([]string{logrho, bh1, bh2}, c.Solver) {
		c.Solver = midpoint
	}
	switch {
	case !slices.Contains(algorithms, c.Algorithm):
		return unsupported("algorithm_type", c.Algorithm, strings.Join(algorithms, " or "))
	case c.Solver != midpoint && c.Solver != heuns:
		return unsupported("solver_type", c.Solver, "midpoint or heun")
	case c.Order < 1 || c.Order > 3:
		return invalid("solver_order", c.Order, "1 to 3")
	}
	return firstError(c.thresholding.check(), c.Prediction.check(Epsilon, VPrediction, SamplePrediction))
}

// noisy reports whether the algorithm solves for the noise, not for the picture.
func (c *solver) noisy() bool { return c.Algorithm == dpmNoise || c.Algorithm == sdeNoise }

func (c *solver) stochastic() bool { return c.Algorithm == sdePP || c.Algorithm == sdeNoise }

// flow is what configs say of flow matching, which these networks were not trained by.
type flow struct {
	Flow    bool `json:"use_flow_sigmas"`
	Dynamic bool `json:"use_dynamic_shifting"`
}

func (c flow) check() error {
	if c.Flow || c.Dynamic {
		return &fault.Error{Kind: fault.Unsupported, Op: "sampler", What: "use_flow_sigmas or use_dynamic_shifting", Have: "true",
			Want: "false: flow matching belongs to other networks"}
	}
	return nil
}

// point is a level of a run in the terms of DPM-Solver: α of the picture, s of noise,
// λ = ln(α/s).
type point struct{ alpha, s, lambda float64 }

// vpPoint is the level with noise-to-picture ratio σ for an x of constant variance:
// α² + s² = 1.
func vpPoint(sigma float64) point {
	a := 1 / math.Sqrt(sigma*sigma+1)
	return point{a, sigma * a, -math.Log(sigma)}
}

func (p point) level() Level { return Level{p.alpha, p.s} }

// expansion are the weights of one exact step: of the base sample, of the reference
// D0 and its first two scaled derivatives D1 and D2, and of fresh noise.
type expansion struct{ sample, d0, d1, d2, noise float64 }

// expand returns the weights of a step from one point to another: Lu et al. 2022b,
// equations 8 and 9 and appendix B, 2022a, equations 3.7 and on, with h = λ_to − λ_from.
// third chooses D1's weight for a third-order step. Where h is 0, which a final level
// equal to the one before makes it, derivatives weigh nothing.
func (c *solver) expand(from, to point, third bool) expansion {
	x := c.weights(from, to, c.Solver == heuns || third)
	if to.lambda == from.lambda {
		x.d1, x.d2 = 0, 0
	}
	return x
}

func (c *solver) weights(from, to point, heun bool) expansion {
	h := to.lambda - from.lambda
	switch c.Algorithm {
	case dpmNoise:
		e := math.Expm1(h)
		x := expansion{sample: to.alpha / from.alpha, d0: -to.s * e, d1: -to.s * e / 2, d2: -to.s * ((e-h)/(h*h) - 0.5)}
		if heun {
			x.d1 = -to.s * (e/h - 1)
		}
		return x
	case sdeNoise:
		e := math.Expm1(h)
		x := expansion{sample: to.alpha / from.alpha, d0: -2 * to.s * e, d1: -to.s * e, noise: to.s * math.Sqrt(max(math.Expm1(2*h), 0))}
		if heun {
			x.d1 = -2 * to.s * (e/h - 1)
		}
		return x
	case sdePP:
		e := -math.Expm1(-2 * h)
		x := expansion{sample: to.s / from.s * math.Exp(-h), d0: to.alpha * e, d1: to.alpha * e / 2,
			d2: to.alpha * ((e-2*h)/(4*h*h) - 0.5), noise: to.s * math.Sqrt(max(e, 0))}
		if heun {
			x.d1 = to.alpha * (1 - e/(2*h))
		}
		return x
	}
	e := math.Expm1(-h)
	x := expansion{sample: to.s / from.s, d0: -to.alpha * e, d1: -to.alpha * e / 2, d2: -to.alpha * ((e+h)/(h*h) - 0.5)}
	if heun {
		x.d1 = to.alpha * (e/h + 1)
	}
	return x
}

// update makes the sample update of an expansion from the sample of call base, with
// derivatives as weights of the references of some calls.
func (x expansion) update(base int, d0, d1, d2 []weight, draws bool) update {
	u := update{from: base, sample: x.sample, noise: x.noise, draws: draws}
	u.models = addWeights(u.models, x.d0, d0)
	u.models = addWeights(u.models, x.d1, d1)
	u.models = addWeights(u.models, x.d2, d2)
	return u
}

// addWeights adds scale times b to a, call by call.
func addWeights(a []weight, scale float64, b []weight) []weight {
	if scale == 0 {
		return a
	}
	for _, m := range b {
		i := slices.IndexFunc(a, func(w weight) bool { return w.call == m.call })
		if i < 0 {
			a = append(a, weight{m.call, 0})
			i = len(a) - 1
		}
		a[i].w += scale * m.w
	}
	return a
}

// difference is (M(a) − M(b))·scale.
func difference(a, b int, scale float64) []weight { return []weight{{a, scale}, {b, -scale}} }

// reference says how an answer becomes the picture, and that what the solver keeps:
// the picture or the noise.
func (c *solver) reference(l Level) (guess, keep mix) {
	guess = c.Prediction.picture(l)
	if !c.noisy() {
		return guess, keepPicture
	}
	if c.Dynamic {
		return guess, noiseOfPicture(l)
	}
	return c.Prediction.noise(l), wholeAnswer
}
