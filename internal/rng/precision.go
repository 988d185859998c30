package rng

import "math"

// Precision is the type of the tensor that PyTorch would fill. Values are handed
// over as float32 in any case; those of a 16-bit tensor are rounded to its grid.
type Precision uint8

// The precisions. The zero value is float32.
const (
	F32 Precision = iota
	F16
	BF16
)

// String returns torch's name of the type.
func (p Precision) String() string {
	switch p {
	case F16:
		return "float16"
	case BF16:
		return "bfloat16"
	}
	return "float32"
}

// round returns the value of p's grid that is next to x, ties to even.
func (p Precision) round(x float32) float32 {
	switch p {
	case F16:
		return roundF16(x)
	case BF16:
		return roundBits(x, 16)
	}
	return x
}

// roundF16 rounds to IEEE binary16: 11 significant bits, multiples of 2⁻²⁴ below
// 2⁻¹⁴, infinity from 65520.
func roundF16(x float32) float32 {
	switch a := math.Abs(float64(x)); {
	case a < 0x1p-14:
		return float32(math.Copysign(math.RoundToEven(a*0x1p24)*0x1p-24, float64(x)))
	case a >= 65520:
		return float32(math.Copysign(math.Inf(1), float64(x)))
	}
	return roundBits(x, 13)
}

// roundBits clears the low n bits of x, ties to even.
func roundBits(x float32, n int) float32 {
	if x != x {
		return x
	}
	b := math.Float32bits(x)
	b += 1<<(n-1) - 1 + b>>n&1
	return math.Float32frombits(b &^ (1<<n - 1))
}
