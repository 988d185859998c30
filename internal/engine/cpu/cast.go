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

// castBlock is how many numbers are float32 for a moment on their way.
const castBlock = 512

func (k *cast) do(a *engine.Args, _, _, i int) {
	lo, hi := span(i, grain, k.Len)
	var block [castBlock]float32
	for ; lo < hi; lo += castBlock {
		end := min(lo+castBlock, hi)
		wide := block[:end-lo]
		switch k.From {
		case engine.Float16:
			asm.WidenF16(wide, engine.Slice[engine.F16](a.In[0])[lo:end])
		case engine.Bfloat16:
			asm.WidenBF16(wide, engine.Slice[engine.BF16](a.In[0])[lo:end])
		default:
			wide = in(a, 0)[lo:end]
		}
		switch k.To {
		case engine.Float16:
			asm.NarrowF16(engine.Slice[engine.F16](a.Out[0])[lo:end], wide)
		case engine.Bfloat16:
			asm.NarrowBF16(engine.Slice[engine.BF16](a.Out[0])[lo:end], wide)
		default:
			copy(out(a, 0)[lo:end], wide)
		}
	}
}
