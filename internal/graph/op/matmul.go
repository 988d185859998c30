package op

import (
	"github.com/easel-go/easel/internal/engine"
	"github.com/easel-go/easel/internal/graph"
)

// MatMul is the product of two float32 matrices, either transposed before.
//
//	x [M, K], or [K, M] with transX; y [K, N], or [N, K] with transY → [M, N]
func MatMul(b *graph.Builder, x, y *graph.Node, transX, transY bool) *graph.Node {
	return b.Apply(matMul{transX, transY}, x, y)
}

type matMul struct{ transX, transY bool }

func (o matMul) Name() string { return "matmul" }

func (o matMul) sizes(in []graph.Desc) (m, n, k, k2 int) {
	m, k = in[0].Shape[0], in[0].Shape[1]
	if o.transX {
		m, k = k, m
	}
	k2, n = in[1].Shape[0], in[1].Shape[1]
	if o.transY {
		k2, n = n, k2
	}
	return m, n, k, k2
}

func (o matMul) Infer(in []graph.Desc) (graph.Desc, error) {
	if float32s(in...) != nil || len(in[0].Shape) != 2 || len(in[1].Shape) != 2 {
		return want("two float32 matrices")
	}
	m, n, k, k2 := o.sizes(in)
	if k != k2 {
		return want("the same inner size, not %d and %d", k, k2)
	}
	return of(m, n)
}

func (o matMul) Grad(d *graph.Diff) []*graph.Node {
	x, y, dz := d.In[0], d.In[1], d.Grad[0]
	gs := make([]*graph.Node, 2)
	if d.Need[0] {
		if o.transX {
			gs[0] = MatMul(d.B, y, dz, o.transY, true)
		} else {
			gs[0] = MatMul(d.B, dz, y, false, !o.transY)
		}
	}
	if d.Need[1] {
		if o.transY {
			gs[1] = MatMul(d.B, dz, x, true, o.transX)
		} else {
			gs[1] = MatMul(d.B, x, dz, !o.transX, false)
		}
	}
	return gs
}

func (o matMul) Kernel(in []graph.Desc, _ []bool) engine.Op {
	m, n, k, _ := o.sizes(in)
	return engine.MatMul{M: m, N: n, K: k, TransA: o.transX, TransB: o.transY}
}
