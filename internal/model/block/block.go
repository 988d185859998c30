// Package block holds what the UNet and the autoencoder share: the ResNet block and
// the layers that halve and double a picture. Pictures are [B, H, W, C].
package block

import (
	"github.com/easel-go/easel/internal/graph"
	"github.com/easel-go/easel/internal/graph/op"
	"github.com/easel-go/easel/internal/nn"
)

// ResNet is a residual block of two 3×3 convolutions, each behind a group norm and
// SiLU (He et al. 2016; diffusers 0.36 models/resnet.py, ResnetBlock2D).
type ResNet struct {
	Norm1       *nn.GroupNorm `weight:"norm1"`
	Conv1       *nn.Conv2D    `weight:"conv1"`
	TimeEmbProj *nn.Linear    `weight:"time_emb_proj"` // nil without a time embedding
	Norm2       *nn.GroupNorm `weight:"norm2"`
	Conv2       *nn.Conv2D    `weight:"conv2"`
	Shortcut    *nn.Conv2D    `weight:"conv_shortcut"` // nil where the widths are equal
}

// NewResNet returns an unbound block from in to out channels. A temb of 0 makes one
// without a time embedding.
func NewResNet(in, out, temb, groups int, eps float32) *ResNet {
	r := &ResNet{
		Norm1: nn.NewGroupNorm(groups, in, eps),
		Conv1: nn.NewConv2D(in, out, 3, 1, 1),
		Norm2: nn.NewGroupNorm(groups, out, eps),
		Conv2: nn.NewConv2D(out, out, 3, 1, 1),
	}
	if temb > 0 {
		r.TimeEmbProj = nn.NewLinear(temb, out)
	}
	if in != out {
		r.Shortcut = nn.NewConv2D(in, out, 1, 1, 0)
	}
	return r
}

// Forward applies the block; temb, already through SiLU, is nil without a time
// embedding.
//
//	x [B, H, W, in], temb [B, T] → [B, H, W, out]
func (r *ResNet) Forward(b *graph.Builder, x, temb *graph.Node) *graph.Node {
	h := r.Conv1.Forward(b, op.SiLU(b, r.Norm1.Forward(b, x)))
	if r.TimeEmbProj != nil {
		h = op.AddItem(b, h, r.TimeEmbProj.Forward(b, temb))
	}
	h = r.Conv2.Forward(b, op.SiLU(b, r.Norm2.Forward(b, h)))
	if r.Shortcut != nil {
		x = r.Shortcut.Forward(b, x)
	}
	return b.Mark(op.Add(b, h, x))
}

// Downsample halves a picture with a strided convolution.
type Downsample struct {
	Conv *nn.Conv2D `weight:"conv"`
}

// NewDownsample returns an unbound layer of c channels. pad is the zeros at top,
// left, bottom and right: one all around in the UNet, {0, 0, 1, 1} in the
// autoencoder.
func NewDownsample(c int, pad [4]int) *Downsample {
	conv := nn.NewConv2D(c, c, 3, 2, 0)
	conv.Conv.Pad = pad
	return &Downsample{conv}
}

// Forward applies the layer.
//
//	x [B, H, W, C] → [B, H/2, W/2, C]
func (d *Downsample) Forward(b *graph.Builder, x *graph.Node) *graph.Node {
	return b.Mark(d.Conv.Forward(b, x))
}

// Upsample enlarges a picture, nearest neighbour, and convolves it.
type Upsample struct {
	Conv *nn.Conv2D `weight:"conv"`
}

// NewUpsample returns an unbound layer of c channels.
func NewUpsample(c int) *Upsample { return &Upsample{nn.NewConv2D(c, c, 3, 1, 1)} }

// Forward enlarges to h×w, which is double the size or, where the size was odd on
// the way down, one less.
//
//	x [B, H, W, C] → [B, h, w, C]
func (u *Upsample) Forward(b *graph.Builder, x *graph.Node, h, w int) *graph.Node {
	return b.Mark(u.Conv.ForwardUp(b, x, h, w))
}
