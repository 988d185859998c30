package enginetest

import (
	"math"

	"github.com/easel-go/easel/internal/engine"
)

// u is half a unit in the last place of 1: the largest relative error of one rounded
// float32 operation.
const u = 0x1p-24

// tiny is what may be lost where numbers are too small for float32's normal range.
const tiny = 0x1p-126

// Slack returns, for every number that Define returns, how far a float32 engine may
// be from it. The bounds are those of standard error analysis (Higham 2002, sections
// 3.1 and 4.2), first order in u: n roundings on the way cost n·u of the size of what
// is rounded, a sum of n numbers in any order (n−1)·u·Σ|x|, and an error of an
// argument as much as the function passes on. A sum of a whole row, group or array
// must be better than that: its float32 parts may not be longer than 256 numbers.
func Slack(op engine.Op, in, out [][]float64) [][]float64 {
	one := func(v []float64) [][]float64 { return [][]float64{v} }
	switch op := op.(type) {
	case engine.Linear, engine.MatMul, engine.Conv2D, engine.Conv2DInputGrad, engine.Conv2DWeightGrad:
		return one(matrixSlack(op, in, out[0]))
	case engine.Attention:
		return attentionSlack(op, in, out)
	case engine.AttentionGrad:
		return attentionGradSlack(op, in)
	case engine.GroupNorm:
		return one(groupNormSlack(op, in[0], in[1], in[2]))
	case engine.GroupNormGrad:
		return groupNormGradSlack(op, in[0], in[1], in[2], in[3])
	case engine.LayerNorm:
		return one(layerNormSlack(op, in))
	case engine.LayerNormGrad:
		return layerNormGradSlack(op, in)
	case engine.Softmax:
		return one(softmaxSlack(op, in[0], out[0]))
	case engine.SoftmaxGrad:
		return one(softmaxGradSlack(op, in[0], in[1]))
	case engine.Unary:
		return one(each(in[0], func(i int) float64 { return fnSlack(op.Fn, in[0][i]) }))
	case engine.UnaryGrad:
		return one(each(in[0], func(i int) float64 {
			return math.Abs(in[1][i])*slopeSlack(op.Fn, in[0][i]) + 2*u*math.Abs(out[0][i])
		}))
	case engine.Gate:
		return one(gateSlack(op, in[0], out[0]))
	case engine.GateGrad:
		return one(gateGradSlack(op, in[0], in[1], out[0]))
	case engine.Binary:
		return one(relative(u, out[0]))
	case engine.LinComb:
		return one(linCombSlack(op, in))
	case engine.Sum:
		n := len(in[0]) / len(out[0])
		return one(relative(blocked(n), sum(op, abs(in[0]))))
	case engine.UpsampleGrad:
		n := len(in[0]) / len(out[0])
		return one(relative(float64(4*n+4)*u, upsampleGrad(op, abs(in[0]))))
	case engine.EmbedGrad:
		return one(relative(float64(op.Rows)*u, embedGrad(op, in[0], abs(in[1]))))
	case engine.Rope:
		return one(ropeSlack(op, in[0]))
	case engine.MSE:
		return one(relative(blocked(op.Len)+6*u, out[0]))
	case engine.MSEGrad:
		return one(relative(6*u, out[0]))
	case engine.SumSquares:
		return one(relative(2*u, out[0]))
	case engine.AdamW:
		return adamWSlack(in, out)
	}
	return zeros(out) // what only moves numbers moves them whole
}

// blocked is the relative error of a sum whose float32 parts are bounded.
func blocked(n int) float64 { return (float64(min(n, 256)) + math.Log2(float64(n)) + 2) * u }

func abs(v []float64) []float64 { return each(v, func(i int) float64 { return math.Abs(v[i]) }) }

func relative(f float64, v []float64) []float64 {
	return each(v, func(i int) float64 { return f * math.Abs(v[i]) })
}

func each(v []float64, f func(i int) float64) []float64 {
	r := make([]float64, len(v))
	for i := range v {
		r[i] = f(i)
	}
	return r
}

func zeros(out [][]float64) [][]float64 {
	r := make([][]float64, len(out))
	for i, v := range out {
		r[i] = make([]float64, len(v))
	}
	return r
}

func linCombSlack(op engine.LinComb, in [][]float64) []float64 {
	s := make([]float64, op.Len)
	for i, c := range op.Coef {
		axpy(math.Abs(float64(c)), abs(in[i]), s)
	}
	return relative(float64(len(op.Coef)+1)*u, s)
}

// ropeSlack: two products and their sum, of factors no larger than 1.
func ropeSlack(op engine.Rope, x []float64) []float64 {
	return each(x, func(i int) float64 {
		c := i % op.Dim
		if c >= op.Rot {
			return 0
		}
		return 3 * u * (math.Abs(x[i]) + math.Abs(x[i-c+(c^1)]))
	})
}

func adamWSlack(in, out [][]float64) [][]float64 {
	p, m, v, g, h := in[0], in[1], in[2], in[3], in[4]
	dm := each(m, func(i int) float64 { return 6 * u * (math.Abs(m[i]) + math.Abs(g[i]*h[7])) })
	dv := each(v, func(i int) float64 { return 6 * u * out[2][i] })
	dp := each(p, func(i int) float64 {
		step := h[0] / h[5] / (math.Sqrt(out[2][i])/h[6] + h[3])
		return 6*u*math.Abs(p[i]) + step*(dm[i]+16*u*math.Abs(out[1][i]))
	})
	return [][]float64{dp, dm, dv}
}
