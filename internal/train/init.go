package train

import (
	"math"

	"github.com/easel-go/easel/internal/rng"
)

// draw returns the initial A of n numbers; up is how many B has.
func (in Init) draw(n, up int) []float32 {
	a := make([]float32, n)
	in.Draw.Uniform(make([]float32, n), rng.F32)
	in.Draw.Uniform(make([]float32, up), rng.F32)
	if in.Kaiming {
		// kaiming_uniform_ with a = √5: the bound is √3·√(2/6)/√in
		bound := math.Sqrt(3) * (math.Sqrt(2./6) / math.Sqrt(float64(n/in.Rank)))
		width, from := float64(float32(bound)-float32(-bound)), float64(float32(-bound))
		in.Draw.Uniform(a, rng.F32)
		for i := range a {
			a[i] = float32(math.FMA(float64(a[i]), width, from)) // torch's compiler fuses them
		}
	} else {
		deviation := float32(1 / float64(in.Rank))
		in.Draw.Normal(a, rng.F32)
		for i := range a {
			a[i] *= deviation
		}
	}
	if in.Half {
		for i := range a {
			a[i] = toHalf(a[i])
		}
	}
	return a
}

// toHalf rounds to the nearest float16, ties to even.
func toHalf(x float32) float32 {
	_, exp := math.Frexp(float64(x))
	step := math.Ldexp(1, max(exp-11, -24)) // between neighbours: 11 bits, 2⁻²⁴ among subnormals
	y := math.RoundToEven(float64(x)/step) * step
	if math.Abs(y) >= 65520 {
		return float32(math.Inf(int(math.Copysign(1, y))))
	}
	return float32(y)
}
