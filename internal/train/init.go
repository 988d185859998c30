package train

import (
	"math"

	"gorgonia.org/tensor"

	"github.com/easel-go/easel/internal/engine"
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
	return a
}

// roundTo rounds numbers to the nearest of a half type, ties to even. Other types leave
// them as they are.
func roundTo(v []float32, dt tensor.Dtype) {
	for i, x := range v {
		switch dt {
		case engine.Float16:
			v[i] = toHalf(x)
		case engine.Bfloat16:
			bits := math.Float32bits(x)
			v[i] = math.Float32frombits((bits + 0x7fff + bits>>16&1) &^ 0xffff)
		}
	}
}

func toHalf(x float32) float32 {
	_, exp := math.Frexp(float64(x))
	step := math.Ldexp(1, max(exp-11, -24)) // between neighbours: 11 bits, 2⁻²⁴ among subnormals
	y := math.RoundToEven(float64(x)/step) * step
	if math.Abs(y) >= 65520 {
		return float32(math.Inf(int(math.Copysign(1, y))))
	}
	return float32(y)
}
