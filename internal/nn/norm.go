package nn

import (
	"github.com/easel-go/easel/internal/graph"
	"github.com/easel-go/easel/internal/graph/op"
)

// GroupNorm normalises groups of channels over each picture.
type GroupNorm struct {
	Weight *Param `weight:"weight"` // [c]
	Bias   *Param `weight:"bias"`   // [c]

	Groups int
	Eps    float32
}

// NewGroupNorm returns an unbound norm of c channels in groups.
func NewGroupNorm(groups, c int, eps float32) *GroupNorm {
	return &GroupNorm{Weight: NewParam(c), Bias: NewParam(c), Groups: groups, Eps: eps}
}

// Forward normalises.
//
//	x [B, …, c] → like x
func (n *GroupNorm) Forward(b *graph.Builder, x *graph.Node) *graph.Node {
	return op.GroupNorm(b, x, n.Weight.Node(b), n.Bias.Node(b), n.Groups, n.Eps)
}

// LayerNorm normalises the last axis.
type LayerNorm struct {
	Weight *Param `weight:"weight"` // [c]; nil when the layer has none
	Bias   *Param `weight:"bias"`   // [c]; nil when the layer has none

	Eps float32
}

// NewLayerNorm returns an unbound norm of c channels.
func NewLayerNorm(c int, eps float32) *LayerNorm {
	return &LayerNorm{Weight: NewParam(c), Bias: NewParam(c), Eps: eps}
}

// Forward normalises.
//
//	x […, c] → like x
func (n *LayerNorm) Forward(b *graph.Builder, x *graph.Node) *graph.Node {
	return op.LayerNorm(b, x, optional(b, n.Weight), optional(b, n.Bias), n.Eps)
}

// RMSNorm divides the last axis by its root mean square.
type RMSNorm struct {
	Weight *Param `weight:"weight"` // [c]

	Eps float32
}

// NewRMSNorm returns an unbound norm of c channels.
func NewRMSNorm(c int, eps float32) *RMSNorm {
	return &RMSNorm{Weight: NewParam(c), Eps: eps}
}

// Forward normalises.
//
//	x […, c] → like x
func (n *RMSNorm) Forward(b *graph.Builder, x *graph.Node) *graph.Node {
	return op.RMSNorm(b, x, optional(b, n.Weight), n.Eps)
}
