package cpu

import (
	"github.com/easel-go/easel/internal/asm"
	"github.com/easel-go/easel/internal/engine"
)

// adamW takes a step of the optimiser.
type adamW struct {
	noScratch
	engine.AdamW
}

func newAdamW(_ *Engine, op engine.AdamW) (engine.Kernel, error) { return &adamW{AdamW: op}, nil }

func (k *adamW) Launch(r engine.Run, a *engine.Args) error {
	return r.(*run).parallel(k, a, 0, pieces(k.Len, grain))
}

func (k *adamW) do(a *engine.Args, _, _, i int) {
	lo, hi := span(i, grain, k.Len)
	h := in(a, 4)
	lr, decay, bias1 := float64(h[0]), float64(h[4]), float64(h[5])
	step := asm.AdamW{
		Beta1: h[1], Beta2: h[2], Eps: h[3], Factor: h[7],
		Shrink: float32(1 - lr*decay), Step: float32(lr / bias1), Root: float32(1 / float64(h[6])),
	}
	step.Run(out(a, 0)[lo:hi], out(a, 1)[lo:hi], out(a, 2)[lo:hi], in(a, 3)[lo:hi])
}
