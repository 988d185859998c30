package cpu

import (
	"github.com/easel-go/easel/internal/asm"
	"github.com/easel-go/easel/internal/engine"
)

// softmax is that of rows.
type softmax struct {
	noScratch
	engine.Softmax
}

func newSoftmax(_ *Engine, op engine.Softmax) (engine.Kernel, error) {
	return &softmax{Softmax: op}, nil
}

func (k *softmax) Launch(r engine.Run, a *engine.Args) error {
	return r.(*run).parallel(k, a, 0, pieces(k.Rows, rowsPerPiece(k.C)))
}

func (k *softmax) do(a *engine.Args, _, _, i int) {
	lo, hi := span(i, rowsPerPiece(k.C), k.Rows)
	for row := lo; row < hi; row++ {
		x, y := in(a, 0)[row*k.C:][:k.C], out(a, 0)[row*k.C:][:k.C]
		total := asm.ExpSum(y, x, asm.Max(x))
		asm.Scale(y, float32(1/total), y)
	}
}

// softmaxGrad is dx = y·(dy − Σ y·dy).
type softmaxGrad struct {
	noScratch
	engine.SoftmaxGrad
}

func newSoftmaxGrad(_ *Engine, op engine.SoftmaxGrad) (engine.Kernel, error) {
	return &softmaxGrad{SoftmaxGrad: op}, nil
}

func (k *softmaxGrad) Launch(r engine.Run, a *engine.Args) error {
	return r.(*run).parallel(k, a, 0, pieces(k.Rows, rowsPerPiece(k.C)))
}

func (k *softmaxGrad) do(a *engine.Args, _, _, i int) {
	lo, hi := span(i, rowsPerPiece(k.C), k.Rows)
	for row := lo; row < hi; row++ {
		y, dy := in(a, 0)[row*k.C:][:k.C], in(a, 1)[row*k.C:][:k.C]
		asm.MulShifted(out(a, 0)[row*k.C:][:k.C], y, dy, float32(asm.Dot(y, dy)))
	}
}
