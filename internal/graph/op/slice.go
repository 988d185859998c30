package op

import (
	"slices"

	"github.com/easel-go/easel/internal/engine"
	"github.com/easel-go/easel/internal/graph"
)

// Slice takes the range from … to−1 of an axis; a negative axis counts from the last.
// It is a view where the range is contiguous in memory.
//
//	x [.., n, ..] → [.., to−from, ..]
func Slice(b *graph.Builder, x *graph.Node, axis, from, to int) *graph.Node {
	shape := b.Desc(x).Shape
	if axis < 0 {
		axis += len(shape)
	}
	if axis >= 0 && axis < len(shape) && from == 0 && to == shape[axis] {
		return x
	}
	return b.Apply(cut{axis, from, to}, x)
}

type cut struct{ axis, from, to int }

func (o cut) Name() string { return "slice" }

func (o cut) Infer(in []graph.Desc) (graph.Desc, error) {
	x := in[0]
	if float32s(x) != nil || o.axis < 0 || o.axis >= len(x.Shape) || o.from < 0 || o.to > x.Shape[o.axis] || o.from >= o.to {
		return want("float32 with an axis %d that has the range %d to %d", o.axis, o.from, o.to)
	}
	out := slices.Clone(x.Shape)
	out[o.axis] = o.to - o.from
	return of(out...)
}

// View says that the range is contiguous where no axis before it is larger than 1.
func (o cut) View(in []graph.Desc) (int, bool) {
	return o.from * product(in[0].Shape[o.axis+1:]), product(in[0].Shape[:o.axis]) == 1
}

func (o cut) Grad(d *graph.Diff) []*graph.Node {
	size := d.B.Desc(d.In[0]).Shape[o.axis]
	return []*graph.Node{d.B.Apply(cutGrad{o, size}, d.Grad[0])}
}

func (o cut) Kernel(in []graph.Desc, _ []bool) engine.Op {
	s := in[0].Shape
	return engine.Cut{Outer: product(s[:o.axis]), Size: s[o.axis], Inner: product(s[o.axis+1:]), From: o.from, To: o.to}
}

// cutGrad puts dy back into an axis of the given size.
type cutGrad struct {
	cut
	size int
}

func (o cutGrad) Name() string { return "slice gradient" }

func (o cutGrad) Infer(in []graph.Desc) (graph.Desc, error) {
	out := slices.Clone(in[0].Shape)
	out[o.axis] = o.size
	return of(out...)
}

// View says no: the zeros are the result's own.
func (o cutGrad) View([]graph.Desc) (int, bool) { return 0, false }

func (o cutGrad) Kernel(in []graph.Desc, _ []bool) engine.Op {
	s := in[0].Shape
	return engine.CutGrad{Outer: product(s[:o.axis]), Size: o.size, Inner: product(s[o.axis+1:]), From: o.from, To: o.to}
}

func (o cutGrad) Grad(d *graph.Diff) []*graph.Node {
	return []*graph.Node{Slice(d.B, d.Grad[0], o.axis, o.from, o.to)}
}
