package cpu

import (
	"math"

	"github.com/easel-go/easel/internal/asm"
	"github.com/easel-go/easel/internal/engine"
)

// layerNorm normalises rows: the mean, then the squares about it, both from the
// first cache in 16 or more float32 sums side by side.
type layerNorm struct {
	noScratch
	engine.LayerNorm
}

func newLayerNorm(_ *Engine, op engine.LayerNorm) (engine.Kernel, error) {
	return &layerNorm{LayerNorm: op}, nil
}

func (k *layerNorm) Launch(r engine.Run, a *engine.Args) error {
	return r.(*run).parallel(k, a, 0, pieces(k.Rows, rowsPerPiece(k.C)))
}

func (k *layerNorm) do(a *engine.Args, _, _, i int) {
	gamma, beta := k.affine(a)
	lo, hi := span(i, rowsPerPiece(k.C), k.Rows)
	for row := lo; row < hi; row++ {
		x, y := in(a, 0)[row*k.C:][:k.C], out(a, 0)[row*k.C:][:k.C]
		mean, r := rowMoments(k.LayerNorm, x)
		if gamma != nil && beta != nil {
			asm.Normalise(y, x, gamma, beta, mean, r)
			continue
		}
		asm.Centre(y, x, mean, r)
		switch {
		case gamma != nil:
			asm.Mul(y, y, gamma)
		case beta != nil:
			asm.Add(y, y, beta)
		}
	}
}

// affine returns gamma and beta, nil where there is none.
func (k *layerNorm) affine(a *engine.Args) (gamma, beta []float32) {
	next := 1
	if k.Gamma {
		gamma = in(a, next)[:k.C]
		next++
	}
	if k.Beta {
		beta = in(a, next)[:k.C]
	}
	return gamma, beta
}

// rowMoments returns what a row is normalised by: its mean, 0 for RMS, and
// 1/√(var+Eps).
func rowMoments(op engine.LayerNorm, x []float32) (mean, r float32) {
	n := float64(len(x))
	if !op.RMS {
		mean = float32(asm.Sum(x) / n)
	}
	return mean, float32(1 / math.Sqrt(asm.SumSquaredFrom(x, mean)/n+float64(op.Eps)))
}

// layerNormGrad has, with h = dy·γ and means over the row,
// dx = r·(h − mean h − x̂·mean(h·x̂)); for RMS without mean h.
type layerNormGrad struct {
	engine.LayerNormGrad
	threads, chunk int
}

func newLayerNormGrad(e *Engine, op engine.LayerNormGrad) (engine.Kernel, error) {
	return &layerNormGrad{op, e.threads, min(rowsPerPiece(op.C), 64)}, nil
}

func (k *layerNormGrad) chunks() int { return pieces(k.Rows, k.chunk) }

// Scratch holds two rows for each worker and, for gradients of gamma and beta, two
// rows for each piece.
func (k *layerNormGrad) Scratch() int64 {
	n := 2 * k.threads
	if k.Params {
		n += 2 * k.chunks()
	}
	return int64(4 * k.C * n)
}

func (k *layerNormGrad) Launch(r engine.Run, a *engine.Args) error {
	run := r.(*run)
	if err := run.parallel(k, a, 0, k.chunks()); err != nil || !k.Params {
		return err
	}
	return run.parallel(k, a, 1, pieces(k.C, paramColumns))
}

// twoRows returns two rows of scratch: those of worker w, or beyond the workers those
// of a piece.
func (k *layerNormGrad) twoRows(a *engine.Args, w int) (p, q []float32) {
	s := engine.Slice[float32](a.Scratch)[2*w*k.C:]
	return s[:k.C], s[k.C:][:k.C]
}

func (k *layerNormGrad) do(a *engine.Args, phase, w, i int) {
	if phase == 1 {
		lo, hi := span(i, paramColumns, k.C)
		k.params(a, lo, hi)
		return
	}
	var gamma, dgamma, dbeta []float32
	if k.Gamma {
		gamma = in(a, 1)[:k.C]
	}
	if k.Params {
		dgamma, dbeta = k.twoRows(a, k.threads+i)
		clear(dgamma)
		clear(dbeta)
	}
	lo, hi := span(i, k.chunk, k.Rows)
	for row := lo; row < hi; row++ {
		k.ahead(a, row+1)
		dy := in(a, len(a.In)-1)[row*k.C:][:k.C]
		hat := k.row(a, gamma, dy, w, row)
		if k.Params {
			asm.AddWithProduct(dbeta, dgamma, dy, hat)
		}
	}
}

// ahead asks for a row of x and of dy: the many loops over the one before leave time.
func (k *layerNormGrad) ahead(a *engine.Args, row int) {
	if row < k.Rows {
		asm.Fetch(address(in(a, 0)[row*k.C:]), 0, 1, 4*k.C, false)
		asm.Fetch(address(in(a, len(a.In)-1)[row*k.C:]), 0, 1, 4*k.C, false)
	}
}

// row writes dx of a row and returns x̂.
func (k *layerNormGrad) row(a *engine.Args, gamma, dy []float32, w, row int) []float32 {
	x, dx := in(a, 0)[row*k.C:][:k.C], out(a, 0)[row*k.C:][:k.C]
	hat, h := k.twoRows(a, w)
	mean, r := rowMoments(k.LayerNorm, x)
	asm.Centre(hat, x, mean, r)
	if gamma == nil {
		h = dy
	} else {
		asm.Mul(h, dy, gamma)
	}
	n := float64(k.C)
	pull, push := -asm.Dot(h, hat)/n*float64(r), 0.0
	if !k.RMS {
		push = -asm.Sum(h) / n * float64(r)
	}
	asm.Blend(dx, r, h, float32(pull), hat, float32(push))
	return hat
}

// paramColumns is how many channels' sums a piece puts together.
const paramColumns = 64

// params adds the pieces' sums up in order, for some channels.
func (k *layerNormGrad) params(a *engine.Args, lo, hi int) {
	for c := lo; c < hi; c++ {
		var dgamma, dbeta float64
		for i := range k.chunks() {
			p, q := k.twoRows(a, k.threads+i)
			dgamma += float64(p[c])
			dbeta += float64(q[c])
		}
		next := 1
		if k.Gamma {
			out(a, next)[c] = float32(dgamma)
			next++
		}
		if k.Beta {
			out(a, next)[c] = float32(dbeta)
		}
	}
}
