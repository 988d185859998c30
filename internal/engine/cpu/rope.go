package cpu

import (
	"github.com/easel-go/easel/internal/asm"
	"github.com/easel-go/easel/internal/engine"
)

// rope turns pairs of channels; a piece is some rows of all heads.
type rope struct {
	noScratch
	engine.Rope
}

func newRope(_ *Engine, op engine.Rope) (engine.Kernel, error) { return &rope{Rope: op}, nil }

func (k *rope) Launch(r engine.Run, a *engine.Args) error {
	return r.(*run).parallel(k, a, 0, pieces(k.Batch*k.N, rowsPerPiece(k.Heads*k.Dim)))
}

func (k *rope) do(a *engine.Args, _, _, i int) {
	lo, hi := span(i, rowsPerPiece(k.Heads*k.Dim), k.Batch*k.N)
	for row := lo; row < hi; row++ {
		at := row
		if !k.PerItem {
			at %= k.N
		}
		table := in(a, 1)[at*k.Rot/2*2:][:k.Rot/2*2]
		for h := range k.Heads {
			head := (row*k.Heads + h) * k.Dim
			k.turn(out(a, 0)[head:][:k.Dim], in(a, 0)[head:][:k.Dim], table)
		}
	}
}

func (k *rope) turn(y, x, table []float32) {
	asm.Rope(y[:len(table)], x[:len(table)], table, k.Inverse)
	copy(y[len(table):], x[len(table):])
}
