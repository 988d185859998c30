package sampler

import (
	"math"

	"github.com/easel-go/easel/internal/fault"
)

// spread is the part of a config that lays the noise levels of a run out anew
// between the two ends.
type spread struct {
	Karras      bool `json:"use_karras_sigmas"`
	Exponential bool `json:"use_exponential_sigmas"`
	Beta        bool `json:"use_beta_sigmas"`
}

func (c spread) on() bool { return c.Karras || c.Exponential || c.Beta }

func (c spread) check() error {
	n := 0
	for _, b := range []bool{c.Karras, c.Exponential, c.Beta} {
		if b {
			n++
		}
	}
	if n > 1 {
		return &fault.Error{Kind: fault.Invalid, Op: "sampler", What: "config",
			Have: "asks for several of use_karras_sigmas, use_exponential_sigmas and use_beta_sigmas", Want: "one"}
	}
	return nil
}

// between returns n levels from the highest to the lowest.
func (c spread) between(high, low float64, n int) []float64 {
	switch {
	case c.Karras:
		return karras(high, low, 7, linspace(0, 1, n))
	case c.Exponential:
		return each(linspace(math.Log(high), math.Log(low), n), math.Exp)
	}
	return each(linspace(0, 1, n), func(u float64) float64 {
		return low + betaQuantile(1-u, 0.6, 0.6)*(high-low)
	})
}

// karras returns levels that are even in σ^(1/ρ) (Karras et al. 2022, equation 5), at
// each of ramp's positions from 0, the highest, to 1.
func karras(high, low, rho float64, ramp []float64) []float64 {
	a, b := math.Pow(high, 1/rho), math.Pow(low, 1/rho)
	return each(ramp, func(u float64) float64 { return math.Pow(a+u*(b-a), rho) })
}

// betaQuantile returns x with I_x(a,b) = p, the p-quantile of the beta distribution
// (Lee et al. 2024 lay steps out by it, a = b = 0.6). It halves an interval until
// float64 ends it, so that it is right wherever the distribution function is.
func betaQuantile(p, a, b float64) float64 {
	switch {
	case !(p > 0):
		return 0
	case p >= 1:
		return 1
	case p > 0.5: // the other tail is the precise one
		return 1 - betaQuantile(1-p, b, a)
	}
	low, high := 0.0, 1.0
	for range 1100 { // 1074 halvings reach the smallest float64
		mid := low + (high-low)/2
		if mid == low || mid == high {
			break
		}
		if betaCDF(mid, a, b) < p {
			low = mid
		} else {
			high = mid
		}
	}
	return high
}

// betaCDF returns the regularised incomplete beta function I_x(a,b) by its continued
// fraction (DLMF 8.17.22), which converges fast for x < (a+1)/(a+b+2).
func betaCDF(x, a, b float64) float64 {
	if x > (a+1)/(a+b+2) {
		return 1 - betaCDF(1-x, b, a)
	}
	if x <= 0 {
		return 0
	}
	la, _ := math.Lgamma(a)
	lb, _ := math.Lgamma(b)
	lab, _ := math.Lgamma(a + b)
	front := math.Exp(lab-la-lb+a*math.Log(x)+b*math.Log1p(-x)) / a
	return front / betaFraction(x, a, b)
}

// betaFraction returns 1 + d₁/(1 + d₂/(1 + …)), evaluated from its tail: 64 terms are
// float64's precision for x up to a half.
func betaFraction(x, a, b float64) float64 {
	f := 1.0
	for n := 64; n >= 1; n-- {
		m := float64(n / 2)
		d := m * (b - m) * x / ((a + 2*m - 1) * (a + 2*m))
		if n%2 == 1 {
			d = -(a + m) * (a + b + m) * x / ((a + 2*m) * (a + 2*m + 1))
		}
		f = 1 + d/f
	}
	return f
}
