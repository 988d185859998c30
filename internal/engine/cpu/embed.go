package cpu

import (
	"github.com/easel-go/easel/internal/asm"
	"github.com/easel-go/easel/internal/engine"
)

// embed looks up rows of a table.
type embed struct {
	noScratch
	engine.Embed
}

func newEmbed(_ *Engine, op engine.Embed) (engine.Kernel, error) {
	if _, ok := kindOf(op.Weight); !ok {
		return nil, engine.ErrNotImplemented
	}
	return &embed{Embed: op}, nil
}

func (k *embed) Launch(r engine.Run, a *engine.Args) error {
	return r.(*run).parallel(k, a, 0, pieces(k.Rows, rowsPerPiece(k.C)))
}

func (k *embed) do(a *engine.Args, _, _, i int) {
	lo, hi := span(i, rowsPerPiece(k.C), k.Rows)
	ids := engine.Slice[int32](a.In[1])
	for row := lo; row < hi; row++ {
		id, to := int(ids[row]), out(a, 0)[row*k.C:][:k.C]
		switch k.Weight {
		case engine.Float16:
			asm.WidenF16(to, engine.Slice[engine.F16](a.In[0])[id*k.C:][:k.C])
		case engine.Bfloat16:
			asm.WidenBF16(to, engine.Slice[engine.BF16](a.In[0])[id*k.C:][:k.C])
		default:
			copy(to, in(a, 0)[id*k.C:])
		}
	}
}

// embedGrad adds rows up into the table's rows, in order; a piece is some columns.
type embedGrad struct {
	noScratch
	engine.EmbedGrad
}

func newEmbedGrad(_ *Engine, op engine.EmbedGrad) (engine.Kernel, error) {
	return &embedGrad{EmbedGrad: op}, nil
}

// embedColumns is the width of a piece.
const embedColumns = 128

func (k *embedGrad) Launch(r engine.Run, a *engine.Args) error {
	run := r.(*run)
	if err := run.parallel(k, a, 0, pieces(k.Vocab*k.C, grain)); err != nil {
		return err
	}
	return run.parallel(k, a, 1, pieces(k.C, embedColumns))
}

func (k *embedGrad) do(a *engine.Args, phase, _, i int) {
	table := out(a, 0)
	if phase == 0 {
		lo, hi := span(i, grain, k.Vocab*k.C)
		clear(table[lo:hi])
		return
	}
	lo, hi := span(i, embedColumns, k.C)
	for row, id := range engine.Slice[int32](a.In[0])[:k.Rows] {
		to := table[int(id)*k.C+lo : int(id)*k.C+hi]
		asm.Add(to, to, in(a, 1)[row*k.C+lo:row*k.C+hi])
	}
}
