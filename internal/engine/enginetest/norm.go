package enginetest

import (
	"math"

	"github.com/easel-go/easel/internal/engine"
)

// moments returns the mean and the biased variance of the numbers at idx.
func moments(x []float64, idx []int) (mean, variance float64) {
	n := float64(len(idx))
	for _, i := range idx {
		mean += x[i] / n
	}
	for _, i := range idx {
		variance += (x[i] - mean) * (x[i] - mean) / n
	}
	return mean, variance
}

// groupIndex lists where the numbers of group g of picture b lie.
func groupIndex(op engine.GroupNorm, b, g int) []int {
	width := op.C / op.Groups
	idx := make([]int, 0, op.Pixels*width)
	for p := range op.Pixels {
		for c := range width {
			idx = append(idx, (b*op.Pixels+p)*op.C+g*width+c)
		}
	}
	return idx
}

// normalised returns x̂ = (x−mean)/√(var+Eps) and 1/√(var+Eps), both spread over x.
func normalised(op engine.GroupNorm, x []float64) (hat, r []float64) {
	hat, r = make([]float64, len(x)), make([]float64, len(x))
	for b := range op.Batch {
		for g := range op.Groups {
			idx := groupIndex(op, b, g)
			mean, variance := moments(x, idx)
			for _, i := range idx {
				r[i] = 1 / math.Sqrt(variance+float64(op.Eps))
				hat[i] = (x[i] - mean) * r[i]
			}
		}
	}
	return hat, r
}

func groupNorm(op engine.GroupNorm, x, gamma, beta []float64) []float64 {
	y, _ := normalised(op, x)
	for i := range y {
		y[i] = apply(op.Act, y[i]*gamma[i%op.C]+beta[i%op.C])
	}
	return y
}

// groupNormGrad: with h = dy·Act′(z)·γ and means over the group,
// dx = (h − mean h − x̂·mean(h·x̂))/√(var+Eps).
func groupNormGrad(op engine.GroupNormGrad, x, gamma, beta, dy []float64) [][]float64 {
	hat, r := normalised(op.GroupNorm, x)
	dgamma, dbeta := make([]float64, op.C), make([]float64, op.C)
	h := make([]float64, len(x))
	for i := range x {
		c := i % op.C
		dz := dy[i] * slope(op.Act, hat[i]*gamma[c]+beta[c])
		dgamma[c] += dz * hat[i]
		dbeta[c] += dz
		h[i] = dz * gamma[c]
	}
	dx := make([]float64, len(x))
	for b := range op.Batch {
		for g := range op.Groups {
			idx := groupIndex(op.GroupNorm, b, g)
			normGrad(dx, h, hat, r, idx, true)
		}
	}
	if op.Params {
		return [][]float64{dx, dgamma, dbeta}
	}
	return [][]float64{dx}
}

// normGrad is the gradient through the normalising of the numbers at idx.
func normGrad(dx, h, hat, r []float64, idx []int, centred bool) {
	n := float64(len(idx))
	var meanH, meanHX float64
	for _, i := range idx {
		if centred {
			meanH += h[i] / n
		}
		meanHX += h[i] * hat[i] / n
	}
	for _, i := range idx {
		dx[i] = (h[i] - meanH - hat[i]*meanHX) * r[i]
	}
}

func rowIndex(r, c int) []int {
	idx := make([]int, c)
	for i := range idx {
		idx[i] = r*c + i
	}
	return idx
}

// normalisedRows returns x̂ of every row and the factor it was made with.
func normalisedRows(op engine.LayerNorm, x []float64) (hat, r []float64) {
	hat, r = make([]float64, len(x)), make([]float64, len(x))
	for row := range op.Rows {
		idx := rowIndex(row, op.C)
		mean, variance := moments(x, idx)
		if op.RMS {
			mean, variance = 0, variance+mean*mean
		}
		for _, i := range idx {
			r[i] = 1 / math.Sqrt(variance+float64(op.Eps))
			hat[i] = (x[i] - mean) * r[i]
		}
	}
	return hat, r
}

func layerNorm(op engine.LayerNorm, in [][]float64) []float64 {
	y, _ := normalisedRows(op, in[0])
	in = in[1:]
	gamma, beta := operand(&in, op.Gamma), operand(&in, op.Beta)
	for i := range y {
		if gamma != nil {
			y[i] *= gamma[i%op.C]
		}
		if beta != nil {
			y[i] += beta[i%op.C]
		}
	}
	return y
}

func layerNormGrad(op engine.LayerNormGrad, in [][]float64) [][]float64 {
	hat, r := normalisedRows(op.LayerNorm, in[0])
	in = in[1:]
	gamma, dy := operand(&in, op.Gamma), operand(&in, true)
	dgamma, dbeta := make([]float64, op.C), make([]float64, op.C)
	h := make([]float64, len(dy))
	for i := range dy {
		c := i % op.C
		dgamma[c] += dy[i] * hat[i]
		dbeta[c] += dy[i]
		h[i] = dy[i]
		if gamma != nil {
			h[i] *= gamma[c]
		}
	}
	dx := make([]float64, len(dy))
	for row := range op.Rows {
		normGrad(dx, h, hat, r, rowIndex(row, op.C), !op.RMS)
	}
	out := [][]float64{dx}
	if op.Params && op.Gamma {
		out = append(out, dgamma)
	}
	if op.Params && op.Beta {
		out = append(out, dbeta)
	}
	return out
}

func softmax(op engine.Softmax, x []float64) []float64 {
	y := make([]float64, len(x))
	for row := range op.Rows {
		s := x[row*op.C:][:op.C]
		lse := logSumExp(s)
		for i := range s {
			y[row*op.C+i] = math.Exp(s[i] - lse)
		}
	}
	return y
}

func softmaxGrad(op engine.SoftmaxGrad, y, dy []float64) []float64 {
	dx := make([]float64, len(y))
	for row := range op.Rows {
		mean := dot(y[row*op.C:][:op.C], dy[row*op.C:])
		for i := range op.C {
			dx[row*op.C+i] = y[row*op.C+i] * (dy[row*op.C+i] - mean)
		}
	}
	return dx
}
