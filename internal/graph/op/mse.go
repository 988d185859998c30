package op

import (
	"slices"

	"github.com/easel-go/easel/internal/engine"
	"github.com/easel-go/easel/internal/graph"
)

// MSE is the mean over all numbers of weight·(pred−target)². The weights are taken as
// given: no gradient flows to them.
//
//	pred and target [B, …], weight [B] or nil → [1]
func MSE(b *graph.Builder, pred, target, weight *graph.Node) *graph.Node {
	return b.Apply(mse{weight != nil}, with([]*graph.Node{pred, target}, weight)...)
}

type mse struct{ weighted bool }

func (o mse) Name() string { return "mse" }

func (o mse) Infer(in []graph.Desc) (graph.Desc, error) {
	if float32s(in...) != nil || !slices.Equal(in[0].Shape, in[1].Shape) {
		return want("float32 prediction and target of one shape")
	}
	if o.weighted && !vector(in[2], in[0].Shape[0]) {
		return want("weights [%d]", in[0].Shape[0])
	}
	return of(1)
}

func (o mse) Grad(d *graph.Diff) []*graph.Node {
	if o.weighted && d.Need[2] {
		graph.Fail("mse: no gradient flows to the weights")
	}
	in := append(append([]*graph.Node{}, d.In...), d.Grad[0])
	g := d.B.Apply(mseGrad(o), in...)
	gs := []*graph.Node{g, nil, nil}
	if d.Need[1] {
		gs[1] = Scale(d.B, g, -1)
	}
	return gs[:len(d.In)]
}

func (o mse) kernel(in []graph.Desc) engine.MSE {
	batch := in[0].Shape[0]
	return engine.MSE{Batch: batch, Len: in[0].Size() / batch, Weighted: o.weighted}
}

func (o mse) Kernel(in []graph.Desc, _ []bool) engine.Op { return o.kernel(in) }

// mseGrad takes the inputs of mse and the gradient of its result.
type mseGrad struct{ weighted bool }

func (o mseGrad) Name() string { return "mse gradient" }

func (o mseGrad) Infer(in []graph.Desc) (graph.Desc, error) { return in[0], nil }

func (o mseGrad) Kernel(in []graph.Desc, _ []bool) engine.Op {
	return engine.MSEGrad{MSE: mse(o).kernel(in)}
}

func (o mseGrad) Grad(*graph.Diff) []*graph.Node { return noSecond(o) }
