package op

import (
	"github.com/easel-go/easel/internal/engine"
	"github.com/easel-go/easel/internal/graph"
)

// Rope rotates pairs of neighbouring channels, the first rot of each head, by angles
// given as cosines and sines (Su and others 2021); the rest passes. The table is taken
// as given: no gradient flows to it.
//
//	x [B, N, heads, dim], table [N, rot/2, 2] or [B, N, rot/2, 2] → like x
func Rope(b *graph.Builder, x, table *graph.Node, rot int) *graph.Node {
	return b.Apply(rope{rot, false}, x, table)
}

type rope struct {
	rot     int
	inverse bool
}

func (o rope) Name() string { return "rope" }

func (o rope) Infer(in []graph.Desc) (graph.Desc, error) {
	s := in[0].Shape
	if float32s(in...) != nil || len(s) != 4 || o.rot < 2 || o.rot%2 != 0 || o.rot > s[3] {
		return want("float32 [B, N, heads, dim] with an even number of %d channels to rotate", o.rot)
	}
	if !is(in[1], s[1], o.rot/2, 2) && !is(in[1], s[0], s[1], o.rot/2, 2) {
		return want("a table [%d %d 2], or one for each of %d", s[1], o.rot/2, s[0])
	}
	return in[0], nil
}

func (o rope) Grad(d *graph.Diff) []*graph.Node {
	if d.Need[1] {
		graph.Fail("rope: no gradient flows to the table")
	}
	return []*graph.Node{d.B.Apply(rope{o.rot, !o.inverse}, d.Grad[0], d.In[1]), nil}
}

func (o rope) Kernel(in []graph.Desc, _ []bool) engine.Op {
	s := in[0].Shape
	return engine.Rope{
		Batch: s[0], N: s[1], Heads: s[2], Dim: s[3], Rot: o.rot,
		PerItem: len(in[1].Shape) == 4, Inverse: o.inverse,
	}
}
