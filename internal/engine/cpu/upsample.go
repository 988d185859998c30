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
	for x, n := 0, 0; x < k.OutW; x += n {
		p := x * k.W / k.OutW
		n = pieces((p+1)*k.OutW, k.W) - x // pixels that show p
		asm.CopyRows(ptr(to[x*k.C:]), 4*k.C, ptr(from[p*k.C:]), 0, n, k.C, 1)
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
	first := pieces(row*k.OutH, k.H)
	if first >= k.OutH || first*k.H/k.OutH != row {
		clear(to)
		return
	}
	for y := first; y < k.OutH && y*k.H/k.OutH == row; y++ {
		k.row(to, in(a, 0)[(b*k.OutH+y)*k.OutW*k.C:], y == first)
	}
}

// row adds an enlarged row into the one it shows. The first one overwrites it.
func (k *upsampleGrad) row(to, from []float32, first bool) {
	next := 0 // the pixel that nothing has been added to
	for x := range k.OutW {
		p := x * k.W / k.OutW
		at, dy := to[p*k.C:][:k.C], from[x*k.C:][:k.C]
		if !first || p < next {
			asm.Add(at, at, dy)
			continue
		}
		clear(to[next*k.C : p*k.C])
		copy(at, dy)
		next = p + 1
	}
	if first {
		clear(to[next*k.C:])
	}
}
