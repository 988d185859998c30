package enginetest

import (
	"math"

	"github.com/easel-go/easel/internal/engine"
)

func mse(op engine.MSE, in [][]float64) []float64 {
	total := 0.0
	for i := range in[0] {
		w := 1.0
		if op.Weighted {
			w = in[2][i/op.Len]
		}
		d := in[0][i] - in[1][i]
		total += w * d * d
	}
	return []float64{total / float64(op.Batch*op.Len)}
}

func mseGrad(op engine.MSEGrad, in [][]float64) []float64 {
	dloss := in[len(in)-1][0]
	dx := make([]float64, len(in[0]))
	for i := range dx {
		w := 1.0
		if op.Weighted {
			w = in[2][i/op.Len]
		}
		dx[i] = dloss * w * 2 * (in[0][i] - in[1][i]) / float64(op.Batch*op.Len)
	}
	return dx
}

func sumSquares(x []float64) []float64 { return []float64{dot(x, x)} }

// adamW takes one step; torch 2.x, torch/optim/adamw.py, without amsgrad.
func adamW(in [][]float64) [][]float64 {
	p, m, v, g, h := in[0], in[1], in[2], in[3], in[4]
	lr, beta1, beta2, eps, decay, bias1, sqrtBias2, factor := h[0], h[1], h[2], h[3], h[4], h[5], h[6], h[7]
	n := len(p)
	p1, m1, v1 := make([]float64, n), make([]float64, n), make([]float64, n)
	for i := range p {
		gi := g[i] * factor
		m1[i] = m[i] + (gi-m[i])*(1-beta1)
		v1[i] = beta2*v[i] + (1-beta2)*gi*gi
		p1[i] = p[i]*(1-lr*decay) - lr/bias1*m1[i]/(math.Sqrt(v1[i])/sqrtBias2+eps)
	}
	return [][]float64{p1, m1, v1}
}
