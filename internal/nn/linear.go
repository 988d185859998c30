package nn

import (
	"github.com/easel-go/easel/internal/graph"
	"github.com/easel-go/easel/internal/graph/op"
)

// Linear is y = x·Wᵀ + b.
type Linear struct {
	Weight *Param   `weight:"weight"` // [out, in]
	Bias   *Param   `weight:"bias"`   // [out]; nil when the layer has none
	Deltas []*Delta // of the adapters in use, set by package lora
}

// NewLinear returns an unbound layer from in to out features.
func NewLinear(in, out int) *Linear {
	return &Linear{Weight: NewParam(out, in), Bias: NewParam(out)}
}

// NewProjection is NewLinear without a bias.
func NewProjection(in, out int) *Linear {
	return &Linear{Weight: NewParam(out, in)}
}

// Forward applies the layer.
//
//	x [B, …, in] → [B, …, out]
func (l *Linear) Forward(b *graph.Builder, x *graph.Node) *graph.Node {
	return adapt(b, l.Deltas, x, l.Bias, layer{
		base: func(x, bias *graph.Node) *graph.Node { return op.Linear(b, x, l.Weight.Node(b), bias) },
		diff: func(a applier, c Change, x *graph.Node) *graph.Node { return c.linear(a, x) },
	})
}
