package graph

import (
	"math"

	"gorgonia.org/tensor"

	"github.com/easel-go/easel/internal/engine"
)

// Widen returns v as float32: v itself if it is of no half type.
func Widen(v *tensor.Dense) *tensor.Dense {
	var wide []float32
	switch s := v.Data().(type) {
	case []engine.F16:
		wide = make([]float32, len(s))
		for i, h := range s {
			wide[i] = fromF16(h)
		}
	case []engine.BF16:
		wide = make([]float32, len(s))
		for i, h := range s {
			wide[i] = math.Float32frombits(uint32(h) << 16)
		}
	default:
		return v
	}
	return tensor.New(tensor.WithShape(v.Shape().Clone()...), tensor.WithBacking(wide))
}

// fromF16 returns the value of a binary16, which float32 holds exactly.
func fromF16(h engine.F16) float32 {
	sign, exp, frac := uint32(h)>>15<<31, uint32(h)>>10&31, uint32(h)&0x3ff
	switch exp {
	case 0: // zero or subnormal: frac·2⁻²⁴
		f := float32(frac) / (1 << 24)
		return math.Float32frombits(sign | math.Float32bits(f))
	case 31:
		return math.Float32frombits(sign | 0xff<<23 | frac<<13)
	}
	return math.Float32frombits(sign | (exp+112)<<23 | frac<<13)
}
