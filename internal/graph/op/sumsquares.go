package op

import (
	"github.com/easel-go/easel/internal/engine"
	"github.com/easel-go/easel/internal/graph"
)

// SumSquares is Σx², the square of the norm, summed in float64.
//
//	x […] → [1]
func SumSquares(b *graph.Builder, x *graph.Node) *graph.Node { return b.Apply(sumSquares{}, x) }

type sumSquares struct{}

func (o sumSquares) Name() string { return "sum of squares" }

func (o sumSquares) Infer(in []graph.Desc) (graph.Desc, error) {
	if err := float32s(in[0]); err != nil {
		return graph.Desc{}, err
	}
	return of(1)
}

func (o sumSquares) Grad(d *graph.Diff) []*graph.Node {
	return []*graph.Node{ScaleBy(d.B, Scale(d.B, d.In[0], 2), d.Grad[0])}
}

func (o sumSquares) Kernel(in []graph.Desc, _ []bool) engine.Op {
	return engine.SumSquares{Len: in[0].Size()}
}
