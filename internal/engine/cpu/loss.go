package cpu

import (
	"github.com/easel-go/easel/internal/asm"
	"github.com/easel-go/easel/internal/engine"
)

// mse is a mean of squared differences. A piece is a slice of a picture; the pieces
// are added up in order.
type mse struct{ engine.MSE }

func newMSE(_ *Engine, op engine.MSE) (engine.Kernel, error) { return &mse{op}, nil }

// lossGrain is how many squares are added up in float32 lanes.
const lossGrain = 4096

func (k *mse) per() int { return pieces(k.Len, lossGrain) }

// Scratch holds a float64 for each piece.
func (k *mse) Scratch() int64 { return int64(8 * k.Batch * k.per()) }

func (k *mse) Launch(r engine.Run, a *engine.Args) error {
	if err := r.(*run).parallel(k, a, 0, k.Batch*k.per()); err != nil {
		return err
	}
	var loss float64
	for i, s := range engine.Slice[float64](a.Scratch)[:k.Batch*k.per()] {
		if k.Weighted {
			s *= float64(in(a, 2)[i/k.per()])
		}
		loss += s
	}
	out(a, 0)[0] = float32(loss / (float64(k.Batch) * float64(k.Len)))
	return nil
}

func (k *mse) do(a *engine.Args, _, _, i int) {
	b := i / k.per()
	lo, hi := span(i%k.per(), lossGrain, k.Len)
	x, target := in(a, 0)[b*k.Len+lo:b*k.Len+hi], in(a, 1)[b*k.Len+lo:b*k.Len+hi]
	engine.Slice[float64](a.Scratch)[i] = asm.SumSquaredDiff(x, target)
}

// mseGrad is its gradient.
type mseGrad struct {
	noScratch
	engine.MSEGrad
}

func newMSEGrad(_ *Engine, op engine.MSEGrad) (engine.Kernel, error) {
	return &mseGrad{MSEGrad: op}, nil
}

func (k *mseGrad) Launch(r engine.Run, a *engine.Args) error {
	return r.(*run).parallel(k, a, 0, k.Batch*pieces(k.Len, grain))
}

func (k *mseGrad) do(a *engine.Args, _, _, i int) {
	per := pieces(k.Len, grain)
	b := i / per
	lo, hi := span(i%per, grain, k.Len)
	scale := 2 * float64(in(a, len(a.In)-1)[0]) / (float64(k.Batch) * float64(k.Len))
	if k.Weighted {
		scale *= float64(in(a, 2)[b])
	}
	lo, hi = b*k.Len+lo, b*k.Len+hi
	asm.Diff(out(a, 0)[lo:hi], in(a, 0)[lo:hi], in(a, 1)[lo:hi], float32(scale))
}

// sumSquares is Σx².
type sumSquares struct{ engine.SumSquares }

func newSumSquares(_ *Engine, op engine.SumSquares) (engine.Kernel, error) {
	return &sumSquares{op}, nil
}

// Scratch holds a float64 for each piece.
func (k *sumSquares) Scratch() int64 { return int64(8 * pieces(k.Len, grain)) }

func (k *sumSquares) Launch(r engine.Run, a *engine.Args) error {
	n := pieces(k.Len, grain)
	if err := r.(*run).parallel(k, a, 0, n); err != nil {
		return err
	}
	var total float64
	for _, s := range engine.Slice[float64](a.Scratch)[:n] {
		total += s
	}
	out(a, 0)[0] = float32(total)
	return nil
}

func (k *sumSquares) do(a *engine.Args, _, _, i int) {
	lo, hi := span(i, grain, k.Len)
	engine.Slice[float64](a.Scratch)[i] = asm.SumSquares64(in(a, 0)[lo:hi])
}
