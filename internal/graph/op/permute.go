package op

import (
	"slices"

	"github.com/easel-go/easel/internal/engine"
	"github.com/easel-go/easel/internal/graph"
)

// Permute reorders axes: axis i of the result is axis perm[i] of x. It is a view where
// only axes of size 1 move.
func Permute(b *graph.Builder, x *graph.Node, perm ...int) *graph.Node {
	if slices.IsSorted(perm) && len(perm) == len(b.Desc(x).Shape) && isPerm(perm) {
		return x
	}
	return b.Apply(permute{slices.Clone(perm)}, x)
}

type permute struct{ perm []int }

func (o permute) Name() string { return "permute" }

func (o permute) Infer(in []graph.Desc) (graph.Desc, error) {
	x := in[0]
	if float32s(x) != nil || len(o.perm) != len(x.Shape) || !isPerm(o.perm) {
		return want("float32 with axes that %v is an order of", o.perm)
	}
	out := make([]int, len(o.perm))
	for i, p := range o.perm {
		out[i] = x.Shape[p]
	}
	return of(out...)
}

func isPerm(perm []int) bool {
	seen := make([]bool, len(perm))
	for _, p := range perm {
		if p < 0 || p >= len(perm) || seen[p] {
			return false
		}
		seen[p] = true
	}
	return true
}

func (o permute) View(in []graph.Desc) (int, bool) {
	before := -1
	for _, p := range o.perm {
		if in[0].Shape[p] == 1 {
			continue
		}
		if p < before {
			return 0, false
		}
		before = p
	}
	return 0, true
}

func (o permute) Grad(d *graph.Diff) []*graph.Node {
	back := make([]int, len(o.perm))
	for i, p := range o.perm {
		back[p] = i
	}
	return []*graph.Node{Permute(d.B, d.Grad[0], back...)}
}

func (o permute) Kernel(in []graph.Desc, _ []bool) engine.Op {
	return engine.Permute{Shape: in[0].Shape, Perm: o.perm}
}
