package enginetest

import (
	"math"

	"github.com/easel-go/easel/internal/engine"
)

// widen reads an operand as float64, which holds every dtype's values exactly.
func widen(o Operand, r engine.Ref) []float64 {
	v := make([]float64, o.Len)
	for i := range v {
		switch o.Dtype {
		case engine.Float32:
			v[i] = float64(engine.Slice[float32](r)[i])
		case engine.Float16:
			v[i] = fromF16(engine.Slice[engine.F16](r)[i])
		case engine.Bfloat16:
			v[i] = fromBF16(engine.Slice[engine.BF16](r)[i])
		case engine.Int32:
			v[i] = float64(engine.Slice[int32](r)[i])
		}
	}
	return v
}

// narrow rounds v to an operand's dtype.
func narrow(o Operand, r engine.Ref, v []float64) {
	for i := range o.Len {
		switch o.Dtype {
		case engine.Float32:
			engine.Slice[float32](r)[i] = float32(v[i])
		case engine.Float16:
			engine.Slice[engine.F16](r)[i] = toF16(v[i])
		case engine.Bfloat16:
			engine.Slice[engine.BF16](r)[i] = toBF16(v[i])
		}
	}
}

// fromF16 reads an IEEE binary16: 5 bits of exponent with bias 15, 10 of fraction.
func fromF16(h engine.F16) float64 {
	sign := 1 - 2*float64(h>>15)
	exponent, fraction := int(h>>10&31), float64(h&1023)
	switch {
	case exponent == 31 && fraction != 0:
		return math.NaN()
	case exponent == 31:
		return math.Inf(int(sign))
	case exponent == 0:
		return sign * fraction * 0x1p-24
	}
	return sign * math.Ldexp(1024+fraction, exponent-25)
}

// toF16 rounds to the nearest binary16, ties to even.
func toF16(x float64) engine.F16 {
	if math.IsNaN(x) {
		return 0x7e00
	}
	var sign engine.F16
	if math.Signbit(x) {
		sign, x = 0x8000, -x
	}
	if x >= 65520 { // half way between the largest number and the next
		return sign | 0x7c00
	}
	if x < 0x1p-14 {
		return sign | engine.F16(math.RoundToEven(x*0x1p24))
	}
	_, e := math.Frexp(x) // x = f·2ᵉ, ½ ≤ f < 1
	return sign | engine.F16(int(math.RoundToEven(math.Ldexp(x, 11-e)))+(e+13)<<10)
}

func fromBF16(h engine.BF16) float64 { return float64(math.Float32frombits(uint32(h) << 16)) }

// toBF16 rounds x, which must be a float32's value, to the nearest bfloat16, ties to
// even.
func toBF16(x float64) engine.BF16 {
	if math.IsNaN(x) {
		return 0x7fc0
	}
	b := math.Float32bits(float32(x))
	return engine.BF16((b + 0x7fff + b>>16&1) >> 16)
}

func roundBF16(x float64) float64 { return fromBF16(toBF16(x)) }
