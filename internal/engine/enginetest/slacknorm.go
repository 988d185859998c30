package enginetest

import (
	"math"

	"github.com/easel-go/easel/internal/engine"
)

// normError is what is known of the numbers at idx once they are normalised.
type normError struct {
	r, relR float64   // 1/√(var+Eps) and its relative error
	hat     []float64 // error of x̂, in idx's order
}

// normErrors bounds the error of x̂ = (x−mean)·r. The mean is off by the error of a
// blocked sum and by its own rounding; each number is rounded where the mean leaves it.
func normErrors(x, hat []float64, r float64, idx []int, centred bool) normError {
	size, mean := 0.0, 0.0
	for _, i := range idx {
		size += math.Abs(x[i]) / float64(len(idx))
		mean += x[i] / float64(len(idx))
	}
	e := normError{r: r, relR: blocked(len(idx))/2 + 4*u, hat: make([]float64, len(idx))}
	dm := (blocked(len(idx)) + u) * size
	if !centred {
		dm, mean = 0, 0
	}
	e.relR += dm * dm * r * r
	for j, i := range idx {
		e.hat[j] = r*(dm+3*u*(math.Abs(x[i])+math.Abs(mean))) + math.Abs(hat[i])*(e.relR+2*u)
	}
	return e
}

func groupNormSlack(op engine.GroupNorm, x, gamma, beta []float64) []float64 {
	hat, r := normalised(op, x)
	s := make([]float64, len(x))
	eachGroup(op, func(idx []int) {
		e := normErrors(x, hat, r[idx[0]], idx, true)
		for j, i := range idx {
			s[i] = e.actSlack(op, j, hat[i], gamma[i%op.C], beta[i%op.C])
		}
	})
	return s
}

func eachGroup(op engine.GroupNorm, f func(idx []int)) {
	for b := range op.Batch {
		for g := range op.Groups {
			f(groupIndex(op, b, g))
		}
	}
}

// zSlack is the error of z = γ·x̂ + β, actSlack that of Act(z).
func (e normError) zSlack(j int, hat, gamma, beta float64) float64 {
	return math.Abs(gamma)*e.hat[j] + 3*u*(math.Abs(gamma*hat)+math.Abs(beta))
}

func (e normError) actSlack(op engine.GroupNorm, j int, hat, gamma, beta float64) float64 {
	return steepest*e.zSlack(j, hat, gamma, beta) + fnSlack(op.Act, gamma*hat+beta)
}

// steepest bounds the slopes of all functions, bend those of their slopes.
const (
	steepest = 1.13
	bend     = 0.9
)

// gradErrors bounds the error of dx = r·(h − mean h − x̂·mean(h·x̂)) for an error dh of h.
func (e normError) gradErrors(dx, h, dh, hat []float64, idx []int, centred bool) {
	n := float64(len(idx))
	var mh, mhx, sizeH, sizeHX, dmh, dmhx float64
	for j, i := range idx {
		mh, mhx = mh+h[i]/n, mhx+h[i]*hat[i]/n
		sizeH, sizeHX = sizeH+math.Abs(h[i])/n, sizeHX+math.Abs(h[i]*hat[i])/n
		dmh, dmhx = dmh+dh[i]/n, dmhx+(dh[i]*math.Abs(hat[i])+math.Abs(h[i])*e.hat[j])/n
	}
	dmh, dmhx = dmh+(blocked(len(idx))+4*u)*sizeH, dmhx+(blocked(len(idx))+4*u)*sizeHX
	if !centred {
		mh, dmh = 0, 0
	}
	for j, i := range idx {
		terms := math.Abs(h[i]) + math.Abs(mh) + math.Abs(hat[i]*mhx)
		dx[i] = e.r * (dh[i] + dmh + math.Abs(hat[i])*dmhx + e.hat[j]*math.Abs(mhx) + (e.relR+5*u)*terms)
	}
}

func groupNormGradSlack(op engine.GroupNormGrad, x, gamma, beta, dy []float64) [][]float64 {
	hat, r := normalised(op.GroupNorm, x)
	n := len(x)
	dx, h, dh := make([]float64, n), make([]float64, n), make([]float64, n)
	dgamma, dbeta := make([]float64, op.C), make([]float64, op.C)
	sums := blocked(op.Batch*op.Pixels) + 4*u
	eachGroup(op.GroupNorm, func(idx []int) {
		e := normErrors(x, hat, r[idx[0]], idx, true)
		for j, i := range idx {
			c := i % op.C
			z := gamma[c]*hat[i] + beta[c]
			dz := dy[i] * slope(op.Act, z)
			ddz := math.Abs(dy[i])*(bend*e.zSlack(j, hat[i], gamma[c], beta[c])+slopeSlack(op.Act, z)) + 2*u*math.Abs(dz)
			dgamma[c] += ddz*math.Abs(hat[i]) + math.Abs(dz)*e.hat[j] + sums*math.Abs(dz*hat[i])
			dbeta[c] += ddz + sums*math.Abs(dz)
			h[i], dh[i] = dz*gamma[c], ddz*math.Abs(gamma[c])
		}
		e.gradErrors(dx, h, dh, hat, idx, true)
	})
	if op.Params {
		return [][]float64{dx, dgamma, dbeta}
	}
	return [][]float64{dx}
}

func layerNormSlack(op engine.LayerNorm, in [][]float64) []float64 {
	x := in[0]
	hat, r := normalisedRows(op, x)
	in = in[1:]
	gamma, beta := operand(&in, op.Gamma), operand(&in, op.Beta)
	s := make([]float64, len(x))
	for row := range op.Rows {
		idx := rowIndex(row, op.C)
		e := normErrors(x, hat, r[idx[0]], idx, !op.RMS)
		for j, i := range idx {
			s[i] = e.zSlack(j, hat[i], at(gamma, j, 1), at(beta, j, 0))
		}
	}
	return s
}

// at is v[i], or otherwise if there is no v.
func at(v []float64, i int, otherwise float64) float64 {
	if v == nil {
		return otherwise
	}
	return v[i]
}

func layerNormGradSlack(op engine.LayerNormGrad, in [][]float64) [][]float64 {
	x := in[0]
	hat, r := normalisedRows(op.LayerNorm, x)
	in = in[1:]
	gamma, dy := operand(&in, op.Gamma), operand(&in, true)
	n := len(x)
	dx, h, dh := make([]float64, n), make([]float64, n), make([]float64, n)
	dgamma, dbeta := make([]float64, op.C), make([]float64, op.C)
	sums := blocked(op.Rows) + 4*u
	for row := range op.Rows {
		idx := rowIndex(row, op.C)
		e := normErrors(x, hat, r[idx[0]], idx, !op.RMS)
		for j, i := range idx {
			h[i] = dy[i] * at(gamma, j, 1)
			dh[i] = u * math.Abs(h[i])
			dgamma[j] += math.Abs(dy[i])*e.hat[j] + sums*math.Abs(dy[i]*hat[i])
			dbeta[j] += sums * math.Abs(dy[i])
		}
		e.gradErrors(dx, h, dh, hat, idx, !op.RMS)
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
