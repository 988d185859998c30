package cpu

import (
	"gorgonia.org/tensor"

	"github.com/easel-go/easel/internal/asm"
	"github.com/easel-go/easel/internal/engine"
)

// kindOf returns how package asm calls a dtype.
func kindOf(d tensor.Dtype) (asm.Kind, bool) {
	switch d {
	case engine.Float32:
		return asm.F32, true
	case engine.Float16:
		return asm.F16, true
	case engine.Bfloat16:
		return asm.BF16, true
	}
	return 0, false
}

// cast changes the dtype.
type cast struct {
	noScratch
	engine.Cast
}

func newCast(_ *Engine, op engine.Cast) (engine.Kernel, error) {
	_, from := kindOf(op.From)
	_, to := kindOf(op.To)
	if !from || !to {
		return nil, engine.ErrNotImplemented
	}
	return &cast{Cast: op}, nil
}

func (k *cast) Launch(r engine.Run, a *engine.Args) error {
	return r.(*run).parallel(k, a, 0, pieces(k.Len, grain))
}

func (k *cast) do(a *engine.Args, _, _, i int) {
	lo, hi := span(i, grain, k.Len)
	switch {
	case k.To == engine.Float32:
		k.widen(a, out(a, 0)[lo:hi], lo)
	case k.From == engine.Float32:
		k.narrow(a, in(a, 0)[lo:hi], lo)
	default:
		k.both(a, lo, hi)
	}
}

// castBlock is how many numbers are float32 for a moment on their way.
const castBlock = 512

// both casts from one short dtype to another.
func (k *cast) both(a *engine.Args, lo, hi int) {
	var block [castBlock]float32
	for ; lo < hi; lo += castBlock {
		wide := block[:min(castBlock, hi-lo)]
		k.widen(a, wide, lo)
		k.narrow(a, wide, lo)
	}
}

// widen reads the numbers from lo on.
func (k *cast) widen(a *engine.Args, y []float32, lo int) {
	switch k.From {
	case engine.Float16:
		asm.WidenF16(y, engine.Slice[engine.F16](a.In[0])[lo:][:len(y)])
	case engine.Bfloat16:
		asm.WidenBF16(y, engine.Slice[engine.BF16](a.In[0])[lo:][:len(y)])
	default:
		copy(y, in(a, 0)[lo:])
	}
}

// narrow writes the numbers from lo on.
func (k *cast) narrow(a *engine.Args, x []float32, lo int) {
	switch k.To {
	case engine.Float16:
		asm.NarrowF16(engine.Slice[engine.F16](a.Out[0])[lo:][:len(x)], x)
	default:
		asm.NarrowBF16(engine.Slice[engine.BF16](a.Out[0])[lo:][:len(x)], x)
	}
}
