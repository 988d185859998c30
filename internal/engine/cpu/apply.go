package cpu

import (
	"math"

	"github.com/easel-go/easel/internal/engine"
)

// applyFunc replaces every x by fn(x).
func applyFunc(fn engine.Func, v []float32) {
	for i, x := range v {
		v[i] = float32(funcOf(fn, float64(x)))
	}
}

func funcOf(fn engine.Func, x float64) float64 {
	switch fn {
	case engine.SiLU:
		return x / (1 + math.Exp(-x))
	case engine.GELU:
		return x * 0.5 * math.Erfc(-x/math.Sqrt2)
	case engine.GELUTanh:
		return 0.5 * x * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(x+0.044715*x*x*x)))
	case engine.QuickGELU:
		return x / (1 + math.Exp(-1.702*x))
	case engine.Sigmoid:
		return 1 / (1 + math.Exp(-x))
	case engine.Tanh:
		return math.Tanh(x)
	case engine.ReLU:
		return max(x, 0)
	}
	return x
}
