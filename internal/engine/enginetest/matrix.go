package enginetest

import (
	"gorgonia.org/tensor"

	"github.com/easel-go/easel/internal/engine"
)

func linear(op engine.Linear, in [][]float64) []float64 {
	x, w := factor(op.Compute, in[0]), factor(op.Compute, in[1])
	in = in[2:]
	bias, residual := operand(&in, op.Bias), operand(&in, op.Residual)
	rows := op.Batch * op.Rows
	z := make([]float64, rows*op.Out)
	for r := range rows {
		for o := range op.Out {
			s := 0.0
			for i := range op.In {
				if op.Transposed {
					s += x[r*op.In+i] * w[i*op.Out+o]
				} else {
					s += x[r*op.In+i] * w[o*op.In+i]
				}
			}
			if bias != nil {
				s += bias[o]
			}
			z[r*op.Out+o] = s
		}
	}
	y := unary(engine.Unary{Fn: op.Act}, z)
	if op.GLU != engine.NoGLU {
		y = gate(engine.Gate{GLU: op.GLU, Rows: rows, C: op.Out / 2}, z)
	}
	for i := range residual {
		y[i] += residual[i]
	}
	return y
}

// factor returns v as a product with the given arithmetic sees it.
func factor(compute tensor.Dtype, v []float64) []float64 {
	if compute != engine.Bfloat16 {
		return v
	}
	r := make([]float64, len(v))
	for i := range v {
		r[i] = roundBF16(v[i])
	}
	return r
}

func matMul(op engine.MatMul, in [][]float64) []float64 {
	a, b := in[0], in[1]
	y := make([]float64, op.M*op.N)
	for m := range op.M {
		for n := range op.N {
			s := 0.0
			if op.Add {
				s = in[2][m*op.N+n]
			}
			for k := range op.K {
				ia, ib := m*op.K+k, k*op.N+n
				if op.TransA {
					ia = k*op.M + m
				}
				if op.TransB {
					ib = n*op.K + k
				}
				s += a[ia] * b[ib]
			}
			y[m*op.N+n] = s
		}
	}
	return y
}

// eachTap calls f for every product of a convolution: the index of an output number,
// of an input number and of the weight between them.
func eachTap(c engine.Conv2D, f func(y, x, w int)) {
	outH, outW := c.OutSize()
	upH, upW := c.H, c.W
	if c.UpH > 0 {
		upH, upW = c.UpH, c.UpW
	}
	for b := range c.Batch {
		for p := range outH * outW * c.KH * c.KW {
			kx, ky := p%c.KW, p/c.KW%c.KH
			ox, oy := p/c.KW/c.KH%outW, p/c.KW/c.KH/outW
			iy, ix := oy*c.Stride+ky-c.Pad[0], ox*c.Stride+kx-c.Pad[1]
			if iy < 0 || iy >= upH || ix < 0 || ix >= upW {
				continue
			}
			py, px := iy*c.H/upH, ix*c.W/upW
			for o := range c.Out {
				for i := range c.In {
					f(((b*outH+oy)*outW+ox)*c.Out+o, ((b*c.H+py)*c.W+px)*c.In+i, ((o*c.In+i)*c.KH+ky)*c.KW+kx)
				}
			}
		}
	}
}

func conv2D(op engine.Conv2D, in [][]float64) []float64 {
	x, w := factor(op.Compute, in[0]), factor(op.Compute, in[1])
	in = in[2:]
	bias, item, residual := operand(&in, op.Bias), operand(&in, op.Item), operand(&in, op.Residual)
	outH, outW := op.OutSize()
	z := make([]float64, op.Batch*outH*outW*op.Out)
	eachTap(op, func(iy, ix, iw int) { z[iy] += x[ix] * w[iw] })
	for i := range z {
		o, b := i%op.Out, i/(outH*outW*op.Out)
		if bias != nil {
			z[i] += bias[o]
		}
		if item != nil {
			z[i] += item[b*op.Out+o]
		}
	}
	y := unary(engine.Unary{Fn: op.Act}, z)
	for i := range residual {
		y[i] += residual[i]
	}
	return y
}

func conv2DInputGrad(op engine.Conv2DInputGrad, dy, w []float64) []float64 {
	dy, w = factor(op.Compute, dy), factor(op.Compute, w)
	dx := make([]float64, op.Batch*op.H*op.W*op.In)
	eachTap(op.Conv2D, func(iy, ix, iw int) { dx[ix] += dy[iy] * w[iw] })
	return dx
}

func conv2DWeightGrad(op engine.Conv2DWeightGrad, x, dy []float64) []float64 {
	dw := make([]float64, op.Out*op.In*op.KH*op.KW)
	eachTap(op.Conv2D, func(iy, ix, iw int) { dw[iw] += dy[iy] * x[ix] })
	return dw
}
