package enginetest

import (
	"math"

	"github.com/easel-go/easel/internal/engine"
)

// matrixSlack bounds sums of products: K·u·Σ|x·w| before the function, which passes
// it on by its slope.
func matrixSlack(op engine.Op, in [][]float64, y []float64) []float64 {
	sizes := make([][]float64, len(in))
	for i := range in {
		sizes[i] = abs(in[i])
	}
	switch op := op.(type) {
	case engine.Linear:
		return linearSlack(op, in, sizes)
	case engine.Conv2D:
		return convSlack(op, in, sizes)
	case engine.MatMul:
		return relative(float64(op.K+2)*u, matMul(op, sizes))
	case engine.Conv2DInputGrad:
		return relative(float64(op.KH*op.KW*op.Out+2)*u, conv2DInputGrad(op, sizes[0], sizes[1]))
	case engine.Conv2DWeightGrad:
		h, w := op.OutSize()
		return relative(float64(op.Batch*h*w+2)*u, conv2DWeightGrad(op, sizes[0], sizes[1]))
	}
	return make([]float64, len(y))
}

// linearSlack takes the sum's error through the function or the gate.
func linearSlack(op engine.Linear, in, sizes [][]float64) []float64 {
	sum := op
	sum.Act, sum.GLU, sum.Residual = engine.Identity, engine.NoGLU, false
	z := linear(sum, in)
	e := relative(float64(op.In+3)*u, linear(sum, sizes))
	var s []float64
	if op.GLU == engine.NoGLU {
		s = actSlack(op.Act, z, e)
	} else {
		c := op.Out / 2
		s = each(make([]float64, len(z)/2), func(i int) float64 {
			at := i / c * op.Out
			v, g, fn := glu(op.GLU, c, i%c)
			f := math.Abs(apply(fn, z[at+g])) + fnSlack(fn, z[at+g])
			return math.Abs(z[at+v])*(steepest*e[at+g]+fnSlack(fn, z[at+g])) + e[at+v]*f + 2*u*math.Abs(z[at+v])*f
		})
	}
	if op.Residual {
		y := linear(op, in)
		residual := sizes[len(sizes)-1]
		for i := range s {
			s[i] += u * (math.Abs(y[i]) + residual[i])
		}
	}
	return s
}

func actSlack(fn engine.Func, z, e []float64) []float64 {
	if fn == engine.Identity {
		return e
	}
	return each(z, func(i int) float64 { return steepest*e[i] + fnSlack(fn, z[i]) })
}

func convSlack(op engine.Conv2D, in, sizes [][]float64) []float64 {
	sum := op
	sum.Act, sum.Residual = engine.Identity, false
	e := relative(float64(op.KH*op.KW*op.In+4)*u, conv2D(sum, sizes))
	if op.KH == 3 && op.KW == 3 && op.Stride == 1 && op.Compute != engine.Bfloat16 {
		for i, w := range winogradSlack(op, sizes[0], sizes[1]) {
			e[i] = max(e[i], w)
		}
	}
	s := actSlack(op.Act, conv2D(sum, in), e)
	if op.Residual {
		residual := sizes[len(sizes)-1]
		for i, y := range conv2D(op, in) {
			s[i] += u * (math.Abs(y) + residual[i])
		}
	}
	return s
}
