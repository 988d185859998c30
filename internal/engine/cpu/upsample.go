package cpu

import (
	"github.com/easel-go/easel/internal/asm"
	"github.com/easel-go/easel/internal/engine"
)

// upsample enlarges pictures, nearest neighbour; a piece is a row of pixels.
type upsample struct {
	noScratch
	engine.Upsample
}

func newUpsample(_ *Engine, op engine.Upsample) (engine.Kernel, error) {
	return &upsample{Upsample: op}, nil
}

func (k *upsample) Launch(r engine.Run, a *engine.Args) error {
	return r.(*run).parallel(k, a, 0, k.Batch*k.OutH)
}

func (k *upsample) do(a *engine.Args, _, _, i int) {
	b, y := i/k.OutH, i%k.OutH
	to := out(a, 0)[i*k.OutW*k.C:]
	from := in(a, 0)[(b*k.H+y*k.H/k.OutH)*k.W*k.C:]
	for x := range k.OutW {
		copy(to[x*k.C:][:k.C], from[x*k.W/k.OutW*k.C:])
	}
}

// upsampleGrad adds up the pixels that show the same one; a piece is a row of these.
type upsampleGrad struct {
	noScratch
	engine.UpsampleGrad
}

func newUpsampleGrad(_ *Engine, op engine.UpsampleGrad) (engine.Kernel, error) {
	return &upsampleGrad{UpsampleGrad: op}, nil
}

func (k *upsampleGrad) Launch(r engine.Run, a *engine.Args) error {
	return r.(*run).parallel(k, a, 0, k.Batch*k.H)
}

func (k *upsampleGrad) do(a *engine.Args, _, _, i int) {
	b, row := i/k.H, i%k.H
	to := out(a, 0)[i*k.W*k.C:][:k.W*k.C]
	clear(to)
	for y := pieces(row*k.OutH, k.H); y < k.OutH && y*k.H/k.OutH == row; y++ {
		from := in(a, 0)[(b*k.OutH+y)*k.OutW*k.C:]
		for x := range k.OutW {
			at := to[x*k.W/k.OutW*k.C:][:k.C]
			asm.Add(at, at, from[x*k.C:][:k.C])
		}
	}
}
