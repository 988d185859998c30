package enginetest

import (
	"math"

	"github.com/easel-go/easel/internal/engine"
)

// argument is what the exponential inside fn is taken of: its rounding error is one
// of the result, relative and as large as the argument.
func argument(fn engine.Func, x float64) float64 {
	switch fn {
	case engine.SiLU, engine.Sigmoid:
		return math.Abs(x)
	case engine.QuickGELU:
		return math.Abs(1.702 * x)
	case engine.GELU:
		return x * x / 2
	case engine.GELUTanh:
		return math.Abs(2 * tanhArg(x))
	}
	return 0
}

// fnSlack bounds the error of fn(x): some roundings and that of the argument.
func fnSlack(fn engine.Func, x float64) float64 {
	if fn == engine.Identity || fn == engine.ReLU {
		return 0
	}
	return (8+2*argument(fn, x))*u*math.Abs(apply(fn, x)) + tiny*(1+math.Abs(x))
}

// slopeSlack bounds the error of fn′(x): that of each of its two terms, and x times
// the rounding of 1−σ.
func slopeSlack(fn engine.Func, x float64) float64 {
	var s, k float64 // fn′ = s + x·s′, s′ = k·s·(1−s)
	switch fn {
	case engine.Identity, engine.ReLU:
		return 0
	case engine.SiLU:
		s, k = sigmoid(x), 1
	case engine.QuickGELU:
		s, k = sigmoid(1.702*x), 1.702
	case engine.GELUTanh:
		s, k = sigmoid(2*tanhArg(x)), 2*math.Sqrt(2/math.Pi)*(1+3*0.044715*x*x)
	case engine.GELU:
		s = normalCDF(x)
		density := math.Abs(x) * math.Exp(-x*x/2) / math.Sqrt(2*math.Pi)
		return (12+2*argument(fn, x))*u*(s+density) + tiny
	case engine.Sigmoid:
		s = sigmoid(x)
		return (12+2*argument(fn, x))*u*s*(1-s) + 2*u*s + tiny
	case engine.Tanh:
		return 8 * u
	}
	x = math.Abs(x)
	return (12+2*argument(fn, x))*u*(s+x*k*s*(1-s)) + 2*u*x*k*s + tiny*(1+x)
}

func gateSlack(op engine.Gate, x, y []float64) []float64 {
	return each(y, func(i int) float64 {
		row := x[i/op.C*2*op.C:]
		v, g, fn := glu(op.GLU, op.C, i%op.C)
		return math.Abs(row[v])*fnSlack(fn, row[g]) + 2*u*math.Abs(y[i])
	})
}

func gateGradSlack(op engine.GateGrad, x, dy, dx []float64) []float64 {
	s := relative(4*u, dx)
	for i := range dy {
		at := i / op.C * 2 * op.C
		v, g, fn := glu(op.GLU, op.C, i%op.C)
		s[at+v] += math.Abs(dy[i]) * fnSlack(fn, x[at+g])
		s[at+g] += math.Abs(dy[i]*x[at+v]) * slopeSlack(fn, x[at+g])
	}
	return s
}

// softmaxSlack: exp of x−max has the error of its argument, and so has the sum, where
// large arguments weigh little.
func softmaxSlack(op engine.Softmax, x, y []float64) []float64 {
	s := make([]float64, len(x))
	for row := range op.Rows {
		lse := logSumExp(x[row*op.C:][:op.C])
		for i := row * op.C; i < (row+1)*op.C; i++ {
			s[i] = y[i]*(2*math.Abs(x[i]-lse)+2*math.Log(float64(op.C)+1)+12)*u + y[i]*blocked(op.C) + tiny
		}
	}
	return s
}

func softmaxGradSlack(op engine.SoftmaxGrad, y, dy []float64) []float64 {
	s := make([]float64, len(y))
	for row := range op.Rows {
		at := row * op.C
		mean := dot(abs(y[at:][:op.C]), abs(dy[at:][:op.C]))
		for i := at; i < at+op.C; i++ {
			s[i] = math.Abs(y[i]) * ((blocked(op.C)+2*u)*mean + 3*u*math.Abs(dy[i]))
		}
	}
	return s
}
