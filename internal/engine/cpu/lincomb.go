package cpu

import (
	"slices"

	"github.com/easel-go/easel/internal/asm"
	"github.com/easel-go/easel/internal/engine"
)

// linComb adds up inputs, each times its coefficient.
type linComb struct {
	noScratch
	engine.LinComb
}

func newLinComb(_ *Engine, op engine.LinComb) (engine.Kernel, error) {
	op.Coef = slices.Clone(op.Coef)
	return &linComb{LinComb: op}, nil
}

func (k *linComb) Launch(r engine.Run, a *engine.Args) error {
	return r.(*run).parallel(k, a, 0, pieces(k.Len, grain))
}

// linCombBlock is how many numbers stay in the first cache while the inputs are added.
const linCombBlock = 2048

func (k *linComb) do(a *engine.Args, _, _, i int) {
	lo, hi := span(i, grain, k.Len)
	for ; lo < hi; lo += linCombBlock {
		k.block(a, lo, min(lo+linCombBlock, hi))
	}
}

func (k *linComb) block(a *engine.Args, lo, hi int) {
	y := out(a, 0)[lo:hi]
	next := 2
	switch len(k.Coef) {
	case 0:
		clear(y)
		return
	case 1:
		asm.Scale(y, k.Coef[0], in(a, 0)[lo:hi])
		return
	default:
		asm.Comb(y, k.Coef[0], in(a, 0)[lo:hi], k.Coef[1], in(a, 1)[lo:hi])
	}
	for ; next < len(k.Coef); next++ {
		asm.Axpy(y, k.Coef[next], in(a, next)[lo:hi])
	}
}
