package enginetest

import (
	"math"

	"github.com/easel-go/easel/internal/engine"
)

// apply is fn(x).
func apply(fn engine.Func, x float64) float64 {
	switch fn {
	case engine.SiLU:
		return x * sigmoid(x)
	case engine.GELU:
		return x * normalCDF(x)
	case engine.GELUTanh:
		return x * sigmoid(2*tanhArg(x)) // ½(1+tanh u) = σ(2u)
	case engine.QuickGELU:
		return x * sigmoid(1.702*x)
	case engine.Sigmoid:
		return sigmoid(x)
	case engine.Tanh:
		return math.Tanh(x)
	case engine.ReLU:
		return math.Max(x, 0)
	}
	return x
}

// slope is fn′(x).
func slope(fn engine.Func, x float64) float64 {
	switch fn {
	case engine.SiLU:
		s := sigmoid(x)
		return s + x*s*sigmoid(-x)
	case engine.GELU:
		return normalCDF(x) + x*math.Exp(-x*x/2)/math.Sqrt(2*math.Pi)
	case engine.GELUTanh:
		s, t := sigmoid(2*tanhArg(x)), sigmoid(-2*tanhArg(x))
		return s + 2*x*s*t*math.Sqrt(2/math.Pi)*(1+3*0.044715*x*x)
	case engine.QuickGELU:
		s := sigmoid(1.702 * x)
		return s + 1.702*x*s*sigmoid(-1.702*x)
	case engine.Sigmoid:
		return sigmoid(x) * sigmoid(-x)
	case engine.Tanh:
		t := math.Tanh(x)
		return 1 - t*t
	case engine.ReLU:
		if x <= 0 {
			return 0
		}
	}
	return 1
}

func sigmoid(x float64) float64   { return 1 / (1 + math.Exp(-x)) }
func normalCDF(x float64) float64 { return math.Erfc(-x/math.Sqrt2) / 2 }

// tanhArg is the argument of tanh in Hendrycks and Gimpel's approximation of GELU.
func tanhArg(x float64) float64 { return math.Sqrt(2/math.Pi) * (x + 0.044715*x*x*x) }

func unary(op engine.Unary, x []float64) []float64 {
	y := make([]float64, len(x))
	for i := range x {
		y[i] = apply(op.Fn, x[i])
	}
	return y
}

func unaryGrad(op engine.UnaryGrad, x, dy []float64) []float64 {
	dx := make([]float64, len(x))
	for i := range x {
		dx[i] = dy[i] * slope(op.Fn, x[i])
	}
	return dx
}

// glu says where in a row of 2·c the value and the gate of number i lie, and what
// the gate goes through.
func glu(kind engine.GLU, c, i int) (value, gate int, fn engine.Func) {
	if kind == engine.SwiGLU {
		return c + i, i, engine.SiLU
	}
	return i, c + i, engine.GELU
}

func gate(op engine.Gate, x []float64) []float64 {
	y := make([]float64, op.Rows*op.C)
	for i := range y {
		row := x[i/op.C*2*op.C:]
		v, g, fn := glu(op.GLU, op.C, i%op.C)
		y[i] = row[v] * apply(fn, row[g])
	}
	return y
}

func gateGrad(op engine.GateGrad, x, dy []float64) []float64 {
	dx := make([]float64, len(x))
	for i := range dy {
		at := i / op.C * 2 * op.C
		v, g, fn := glu(op.GLU, op.C, i%op.C)
		dx[at+v] = dy[i] * apply(fn, x[at+g])
		dx[at+g] = dy[i] * x[at+v] * slope(fn, x[at+g])
	}
	return dx
}

func binary(op engine.Binary, a, b []float64) []float64 {
	y := make([]float64, len(a))
	eachSpread(op.B, op.Outer, op.Rows, op.Inner, func(full, part int) {
		switch op.Fn {
		case engine.Add:
			y[full] = a[full] + b[part]
		case engine.Sub:
			y[full] = a[full] - b[part]
		case engine.Mul:
			y[full] = a[full] * b[part]
		}
	})
	return y
}

func sum(op engine.Sum, x []float64) []float64 {
	y := make([]float64, spreadLen(op.To, op.Outer, op.Rows, op.Inner))
	eachSpread(op.To, op.Outer, op.Rows, op.Inner, func(full, part int) { y[part] += x[full] })
	return y
}

// eachSpread calls f with the index of every number of [outer, rows, inner] and of
// what an operand of shape s has there.
func eachSpread(s engine.Spread, outer, rows, inner int, f func(full, part int)) {
	for i := range outer * rows * inner {
		f(i, spreadAt(s, rows, inner, i/inner/rows, i/inner%rows, i%inner))
	}
}

func linComb(op engine.LinComb, in [][]float64) []float64 {
	y := make([]float64, op.Len)
	for i, c := range op.Coef {
		axpy(float64(c), in[i], y)
	}
	return y
}
