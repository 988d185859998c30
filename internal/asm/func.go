package asm

import "math"

// Func is a function of one number; the order is engine.Func's.
type Func uint8

// The functions.
const (
	Identity Func = iota
	SiLU
	GELU
	GELUTanh
	QuickGELU
	Sigmoid
	Tanh
	ReLU
)

// exp2 is 2ˣ: the Taylor series of 2ᶠ for |f| ≤ ½, good to 5·10⁻⁹, times a power of
// two. Results beyond float32's range come out so that rounding gives 0 or +Inf.
func exp2(x float64) float64 {
	switch {
	case x < -160:
		return 0
	case x > 160:
		return math.Inf(1)
	case x != x:
		return x
	}
	const round = 0x1.8p52 // adding it leaves no bits for a fraction
	n := (x + round) - round
	f := (x - n) * math.Ln2
	p := 1 + f*(1+f*(1./2+f*(1./6+f*(1./24+f*(1./120+f*(1./720+f*(1./5040)))))))
	return p * math.Float64frombits(uint64(int64(n)+1023)<<52)
}

func exp(x float64) float64     { return exp2(x * math.Log2E) }
func sigmoid(x float64) float64 { return 1 / (1 + exp(-x)) }

// normal returns Φ(x), the normal distribution, and φ(x), its density.
func normal(x float64) (cdf, density float64) {
	return math.Erfc(-x/math.Sqrt2) / 2, exp(-x*x/2) / math.Sqrt(2*math.Pi)
}

// apply is fn(x): what the loops in assembly approximate to a few units in the last
// place.
func apply(fn Func, v float32) float32 {
	x := float64(v)
	switch fn {
	case SiLU:
		return float32(x * sigmoid(x))
	case GELU:
		cdf, _ := normal(x)
		return float32(x * cdf)
	case GELUTanh:
		return float32(x * sigmoid(twiceTanhArg(x)))
	case QuickGELU:
		return float32(x * sigmoid(1.702*x))
	case Sigmoid:
		return float32(sigmoid(x))
	case Tanh:
		return float32(math.Tanh(x))
	case ReLU:
		return max(v, 0)
	}
	return v
}

// slope is fn′(x).
func slope(fn Func, v float32) float64 {
	x := float64(v)
	switch fn {
	case SiLU:
		s := sigmoid(x)
		return s + x*s*(1-s)
	case GELU:
		cdf, density := normal(x)
		return cdf + x*density
	case GELUTanh:
		s := sigmoid(twiceTanhArg(x))
		return s + x*s*(1-s)*2*sqrt2OverPi*(1+3*cubic*x*x)
	case QuickGELU:
		s := sigmoid(1.702 * x)
		return s + 1.702*x*s*(1-s)
	case Sigmoid:
		s := sigmoid(x)
		return s * (1 - s)
	case Tanh:
		t := math.Tanh(x)
		return 1 - t*t
	case ReLU:
		if x <= 0 {
			return 0
		}
	}
	return 1
}

const (
	sqrt2OverPi = 0.797884560802865355879892119869
	cubic       = 0.044715
)

// twiceTanhArg is twice the argument of tanh in GELU's approximation:
// ½(1+tanh u) = σ(2u).
func twiceTanhArg(x float64) float64 { return 2 * sqrt2OverPi * (x + cubic*x*x*x) }
