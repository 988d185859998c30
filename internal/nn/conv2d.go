package nn

import (
	"github.com/easel-go/easel/internal/graph"
	"github.com/easel-go/easel/internal/graph/op"
)

// Conv2D is a two-dimensional convolution over NHWC pictures.
type Conv2D struct {
	Weight *Param   `weight:"weight"` // [out, in, k, k]
	Bias   *Param   `weight:"bias"`   // [out]; nil when the layer has none
	Deltas []*Delta // of the adapters in use, set by package lora

	Conv op.Conv // stride and padding
}

// NewConv2D returns an unbound convolution with filters of k×k, padded alike on all
// sides.
func NewConv2D(in, out, k, stride, pad int) *Conv2D {
	return &Conv2D{
		Weight: NewParam(out, in, k, k), Bias: NewParam(out),
		Conv: op.Conv{Stride: stride, Pad: [4]int{pad, pad, pad, pad}},
	}
}

// Forward applies the layer.
//
//	x [B, H, W, in] → [B, H', W', out]
func (l *Conv2D) Forward(b *graph.Builder, x *graph.Node) *graph.Node {
	return l.apply(b, x, l.Conv)
}

// ForwardUp enlarges x to h×w, nearest neighbour, and applies the layer.
//
//	x [B, H, W, in] → [B, h', w', out]
func (l *Conv2D) ForwardUp(b *graph.Builder, x *graph.Node, h, w int) *graph.Node {
	c := l.Conv
	c.UpH, c.UpW = h, w
	return l.apply(b, x, c)
}

func (l *Conv2D) apply(b *graph.Builder, x *graph.Node, c op.Conv) *graph.Node {
	return adapt(b, l.Deltas, x, l.Bias, layer{
		base: func(x, bias *graph.Node) *graph.Node { return op.Conv2D(b, x, l.Weight.Node(b), bias, c) },
		diff: func(a applier, d Change, x *graph.Node) *graph.Node { return d.conv(a, x, c) },
	})
}
