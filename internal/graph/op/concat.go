package op

import (
	"slices"

	"github.com/easel-go/easel/internal/engine"
	"github.com/easel-go/easel/internal/graph"
)

// Concat joins arrays along an axis, in which alone they may differ. A negative axis
// counts from the last.
func Concat(b *graph.Builder, axis int, xs ...*graph.Node) *graph.Node {
	if len(xs) == 1 {
		return xs[0]
	}
	if axis < 0 && len(xs) > 0 {
		axis += len(b.Desc(xs[0]).Shape)
	}
	return b.Apply(concat{axis}, xs...)
}

type concat struct{ axis int }

func (o concat) Name() string { return "concat" }

func (o concat) Infer(in []graph.Desc) (graph.Desc, error) {
	if len(in) == 0 || float32s(in...) != nil || o.axis < 0 || o.axis >= len(in[0].Shape) {
		return want("float32 inputs with an axis %d", o.axis)
	}
	out, total := slices.Clone(in[0].Shape), 0
	for _, d := range in {
		if len(d.Shape) != len(out) {
			return want("inputs that differ in axis %d alone", o.axis)
		}
		total += d.Shape[o.axis]
		if out[o.axis] = d.Shape[o.axis]; !slices.Equal(out, d.Shape) {
			return want("inputs that differ in axis %d alone", o.axis)
		}
	}
	out[o.axis] = total
	return of(out...)
}

func (o concat) Grad(d *graph.Diff) []*graph.Node {
	gs, from := make([]*graph.Node, len(d.In)), 0
	for i, n := range d.In {
		to := from + d.B.Desc(n).Shape[o.axis]
		if d.Need[i] {
			gs[i] = Slice(d.B, d.Grad[0], o.axis, from, to)
		}
		from = to
	}
	return gs
}

func (o concat) Kernel(in []graph.Desc, _ []bool) engine.Op {
	k := engine.Concat{Outer: product(in[0].Shape[:o.axis]), Inner: product(in[0].Shape[o.axis+1:])}
	for _, d := range in {
		k.Sizes = append(k.Sizes, d.Shape[o.axis])
	}
	return k
}
