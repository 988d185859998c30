package op

import (
	"slices"

	"gorgonia.org/tensor"

	"github.com/easel-go/easel/internal/engine"
	"github.com/easel-go/easel/internal/graph"
)

// Embed looks up rows of a table.
//
//	table [vocab, C] as stored, ids int32 [B, …], each below vocab → [B, …, C]
func Embed(b *graph.Builder, table, ids *graph.Node) *graph.Node {
	return b.Apply(embed{}, table, ids)
}

type embed struct{}

func (o embed) Name() string { return "embed" }

func (o embed) Infer(in []graph.Desc) (graph.Desc, error) {
	if !weight(in[0], 2) || in[1].Dtype != tensor.Int32 {
		return want("a table [vocab, C] and int32 ids")
	}
	return of(append(slices.Clone(in[1].Shape), in[0].Shape[1])...)
}

func (o embed) Grad(d *graph.Diff) []*graph.Node {
	vocab := d.B.Desc(d.In[0]).Shape[0]
	return []*graph.Node{d.B.Apply(embedGrad{vocab}, d.In[1], d.Grad[0]), nil}
}

func (o embed) Kernel(in []graph.Desc, _ []bool) engine.Op {
	return engine.Embed{Rows: in[1].Size(), Vocab: in[0].Shape[0], C: in[0].Shape[1], Weight: in[0].Dtype}
}

// embedGrad takes ids and dy.
type embedGrad struct{ vocab int }

func (o embedGrad) Name() string { return "embed gradient" }

func (o embedGrad) Infer(in []graph.Desc) (graph.Desc, error) { return of(o.vocab, last(in[1])) }

func (o embedGrad) Kernel(in []graph.Desc, _ []bool) engine.Op {
	return engine.EmbedGrad{Rows: in[0].Size(), Vocab: o.vocab, C: last(in[1])}
}

func (o embedGrad) Grad(*graph.Diff) []*graph.Node { return noSecond(o) }
