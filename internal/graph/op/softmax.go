package op

import (
	"github.com/easel-go/easel/internal/engine"
	"github.com/easel-go/easel/internal/graph"
)

// Softmax is the softmax over the last axis.
//
//	x […, C] → like x
func Softmax(b *graph.Builder, x *graph.Node) *graph.Node { return b.Apply(softmax{}, x) }

type softmax struct{}

func (o softmax) Name() string { return "softmax" }

func (o softmax) Infer(in []graph.Desc) (graph.Desc, error) { return in[0], float32s(in[0]) }

func (o softmax) Grad(d *graph.Diff) []*graph.Node {
	return []*graph.Node{d.B.Apply(softmaxGrad{}, d.Out, d.Grad[0])}
}

func (o softmax) Kernel(in []graph.Desc, _ []bool) engine.Op {
	return engine.Softmax{Rows: in[0].Size() / last(in[0]), C: last(in[0])}
}

// softmaxGrad takes y and dy.
type softmaxGrad struct{}

func (o softmaxGrad) Name() string { return "softmax gradient" }

func (o softmaxGrad) Infer(in []graph.Desc) (graph.Desc, error) { return in[0], nil }

func (o softmaxGrad) Kernel(in []graph.Desc, _ []bool) engine.Op {
	return engine.SoftmaxGrad{Rows: in[0].Size() / last(in[0]), C: last(in[0])}
}

func (o softmaxGrad) Grad(*graph.Diff) []*graph.Node { return noSecond(o) }
