package op

import (
	"slices"

	"gorgonia.org/tensor"

	"github.com/easel-go/easel/internal/engine"
	"github.com/easel-go/easel/internal/graph"
)

// Cast changes the dtype among float32, engine.Float16 and engine.Bfloat16, rounding
// to nearest even. Its gradient passes unchanged, in float32.
func Cast(b *graph.Builder, x *graph.Node, to tensor.Dtype) *graph.Node {
	if b.Desc(x).Dtype == to {
		return x
	}
	return b.Apply(cast{to}, x)
}

type cast struct{ to tensor.Dtype }

func (o cast) Name() string { return "cast" }

func (o cast) Infer(in []graph.Desc) (graph.Desc, error) {
	floats := []tensor.Dtype{engine.Float32, engine.Float16, engine.Bfloat16}
	if !slices.Contains(floats, in[0].Dtype) || !slices.Contains(floats, o.to) {
		return want("float32, float16 or bfloat16, before and after")
	}
	return graph.Desc{Dtype: o.to, Shape: in[0].Shape}, nil
}

func (o cast) Grad(d *graph.Diff) []*graph.Node { return []*graph.Node{d.Grad[0]} }

func (o cast) Kernel(in []graph.Desc, _ []bool) engine.Op {
	return engine.Cast{Len: in[0].Size(), From: in[0].Dtype, To: o.to}
}
