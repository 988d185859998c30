package op

import (
	"github.com/easel-go/easel/internal/engine"
	"github.com/easel-go/easel/internal/graph"
)

// Linear is x·wᵀ + bias.
//
//	x [B, …, in], w [out, in], bias [out] or nil → [B, …, out]
func Linear(b *graph.Builder, x, w, bias *graph.Node) *graph.Node {
	return b.Apply(linear{bias: bias != nil}, with([]*graph.Node{x, w}, bias)...)
}

// LinearT is x·w: Linear with the weight transposed.
//
//	x [B, …, in], w [in, out], bias [out] or nil → [B, …, out]
func LinearT(b *graph.Builder, x, w, bias *graph.Node) *graph.Node {
	return b.Apply(linear{bias: bias != nil, transposed: true}, with([]*graph.Node{x, w}, bias)...)
}

type linear struct{ bias, transposed bool }

func (o linear) Name() string { return "linear" }

func (o linear) sizes(w graph.Desc) (in, out int) {
	if o.transposed {
		return w.Shape[0], w.Shape[1]
	}
	return w.Shape[1], w.Shape[0]
}

func (o linear) Infer(in []graph.Desc) (graph.Desc, error) {
	x, w := in[0], in[1]
	if float32s(x) != nil || len(x.Shape) < 2 || !weight(w, 2) {
		return want("x float32 [B, …, in] and w [out, in]")
	}
	n, out := o.sizes(w)
	if last(x) != n {
		return want("w with %d inputs", last(x))
	}
	if o.bias && !vector(in[2], out) {
		return want("bias [%d]", out)
	}
	return of(withLast(x.Shape, out)...)
}

func (o linear) Grad(d *graph.Diff) []*graph.Node {
	x, w, dy := d.In[0], d.In[1], d.Grad[0]
	gs := make([]*graph.Node, len(d.In))
	if d.Need[0] {
		gs[0] = d.B.Apply(linear{transposed: !o.transposed}, dy, w)
	}
	if d.Need[1] {
		rows, cols := flat(d.B, dy), flat(d.B, x)
		if o.transposed {
			rows, cols = cols, rows
		}
		gs[1] = MatMul(d.B, rows, cols, true, false)
	}
	if o.bias && d.Need[2] {
		gs[2] = spreadSum(d.B, dy, d.In[2])
	}
	return gs
}

func (o linear) Kernel(in []graph.Desc, _ []bool) engine.Op {
	n, out := o.sizes(in[1])
	batch, rows := items(in[0].Shape)
	return engine.Linear{
		Batch: batch, Rows: rows, In: n, Out: out,
		Weight: in[1].Dtype, Transposed: o.transposed, Bias: o.bias, Compute: engine.Float32,
	}
}

// flat views x as a matrix of its rows.
func flat(b *graph.Builder, x *graph.Node) *graph.Node {
	d := b.Desc(x)
	return Reshape(b, x, d.Size()/last(d), last(d))
}
