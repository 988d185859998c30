package cpu

import (
	"slices"

	"github.com/easel-go/easel/internal/engine"
)

// concat joins arrays along their middle axis; a piece is some outer rows.
type concat struct {
	noScratch
	engine.Concat
	width int // numbers in an outer row of the result
}

func newConcat(_ *Engine, op engine.Concat) (engine.Kernel, error) {
	op.Sizes = slices.Clone(op.Sizes)
	k := &concat{Concat: op}
	for _, n := range op.Sizes {
		k.width += n * op.Inner
	}
	return k, nil
}

func (k *concat) Launch(r engine.Run, a *engine.Args) error {
	return r.(*run).parallel(k, a, 0, pieces(k.Outer*k.width, grain))
}

// do copies the part of every input that falls into the piece of the result.
func (k *concat) do(a *engine.Args, _, _, i int) {
	lo, hi := span(i, grain, k.Outer*k.width)
	y := out(a, 0)
	for o := lo / k.width; o*k.width < hi; o++ {
		at := o * k.width
		for s, n := range k.Sizes {
			from, to := max(at, lo), min(at+n*k.Inner, hi)
			if from < to {
				copy(y[from:to], in(a, s)[o*n*k.Inner+from-at:])
			}
			at += n * k.Inner
		}
	}
}

// cut takes a range of the middle axis.
type cut struct {
	noScratch
	engine.Cut
}

func newCut(_ *Engine, op engine.Cut) (engine.Kernel, error) { return &cut{Cut: op}, nil }

func (k *cut) width() int { return (k.To - k.From) * k.Inner }

func (k *cut) Launch(r engine.Run, a *engine.Args) error {
	return r.(*run).parallel(k, a, 0, pieces(k.Outer*k.width(), grain))
}

func (k *cut) do(a *engine.Args, _, _, i int) {
	lo, hi := span(i, grain, k.Outer*k.width())
	for lo < hi {
		o, c := lo/k.width(), lo%k.width()
		n := min(k.width()-c, hi-lo)
		copy(out(a, 0)[lo:lo+n], in(a, 0)[(o*k.Size+k.From)*k.Inner+c:])
		lo += n
	}
}

// cutGrad puts a range back into zeros.
type cutGrad struct {
	noScratch
	engine.CutGrad
}

func newCutGrad(_ *Engine, op engine.CutGrad) (engine.Kernel, error) {
	return &cutGrad{CutGrad: op}, nil
}

func (k *cutGrad) Launch(r engine.Run, a *engine.Args) error {
	return r.(*run).parallel(k, a, 0, pieces(k.Outer*k.Size*k.Inner, grain))
}

func (k *cutGrad) do(a *engine.Args, _, _, i int) {
	lo, hi := span(i, grain, k.Outer*k.Size*k.Inner)
	width, skip := (k.To-k.From)*k.Inner, k.From*k.Inner
	clear(out(a, 0)[lo:hi])
	for o := lo / (k.Size * k.Inner); o*k.Size*k.Inner < hi; o++ {
		at := o*k.Size*k.Inner + skip
		from, to := max(at, lo), min(at+width, hi)
		if from < to {
			copy(out(a, 0)[from:to], in(a, 0)[o*width+from-at:])
		}
	}
}
