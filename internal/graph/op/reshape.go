package op

import (
	"slices"

	"github.com/easel-go/easel/internal/engine"
	"github.com/easel-go/easel/internal/graph"
)

// Reshape sees the same numbers in another shape; it copies nothing. One size may be
// −1: what is left.
func Reshape(b *graph.Builder, x *graph.Node, shape ...int) *graph.Node {
	d := b.Desc(x)
	shape = slices.Clone(shape)
	if i := slices.Index(shape, -1); i >= 0 {
		shape[i] = 1
		if rest := product(shape); rest > 0 {
			shape[i] = d.Size() / rest
		}
	}
	if slices.Equal(shape, d.Shape) {
		return x
	}
	return b.Apply(reshape{shape}, x)
}

type reshape struct{ shape []int }

func (o reshape) Name() string { return "reshape" }

func (o reshape) Infer(in []graph.Desc) (graph.Desc, error) {
	n := 1
	for _, d := range o.shape {
		if d <= 0 || d > in[0].Size()/n {
			n = 0
			break
		}
		n *= d
	}
	if n != in[0].Size() {
		return want("as many elements as %v has", o.shape)
	}
	return graph.Desc{Dtype: in[0].Dtype, Shape: o.shape}, nil
}

func (o reshape) View([]graph.Desc) (int, bool) { return 0, true }

func (o reshape) Grad(d *graph.Diff) []*graph.Node {
	return []*graph.Node{Reshape(d.B, d.Grad[0], d.B.Desc(d.In[0]).Shape...)}
}

func (o reshape) Kernel([]graph.Desc, []bool) engine.Op { return nil }
