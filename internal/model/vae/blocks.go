package vae

import (
	"math"
	"strconv"

	"github.com/easel-go/easel/internal/graph"
	"github.com/easel-go/easel/internal/graph/op"
	"github.com/easel-go/easel/internal/model/block"
	"github.com/easel-go/easel/internal/nn"
)

// level is ResNets of one width and, between levels, a change of size.
type level struct {
	ResNets     []*block.ResNet     `weight:"resnets"`
	Downsamples []*block.Downsample `weight:"downsamplers"`
	Upsamples   []*block.Upsample   `weight:"upsamplers"`
}

func newLevel(in, out, layers, groups int) *level {
	l := &level{}
	for range layers {
		l.ResNets = append(l.ResNets, block.NewResNet(in, out, 0, groups, eps))
		in = out
	}
	return l
}

func (l *level) forward(b *graph.Builder, x *graph.Node) *graph.Node {
	for i, r := range l.ResNets {
		x = b.Within(nn.Join("resnets", strconv.Itoa(i)), func() *graph.Node { return r.Forward(b, x, nil) })
	}
	for _, d := range l.Downsamples {
		x = b.Within("downsamplers.0", func() *graph.Node { return d.Forward(b, x) })
	}
	for _, u := range l.Upsamples {
		s := x.Shape()
		x = b.Within("upsamplers.0", func() *graph.Node { return u.Forward(b, x, 2*s[1], 2*s[2]) })
	}
	return x
}

// mid is the middle of both halves: attention between two ResNets.
type mid struct {
	ResNets    []*block.ResNet `weight:"resnets"`
	Attentions []*attention    `weight:"attentions"`
}

func newMid(c Config) *mid {
	width := c.BlockOutChannels[len(c.BlockOutChannels)-1]
	resnet := func() *block.ResNet { return block.NewResNet(width, width, 0, c.Groups, eps) }
	m := &mid{ResNets: []*block.ResNet{resnet(), resnet()}}
	if c.MidAttention {
		m.Attentions = []*attention{newAttention(width, c.Groups)}
	}
	return m
}

func (m *mid) forward(b *graph.Builder, x *graph.Node) *graph.Node {
	x = b.Within("resnets.0", func() *graph.Node { return m.ResNets[0].Forward(b, x, nil) })
	for _, a := range m.Attentions {
		x = b.Within("attentions.0", func() *graph.Node { return a.forward(b, x) })
	}
	return b.Within("resnets.1", func() *graph.Node { return m.ResNets[1].Forward(b, x, nil) })
}

// attention lets every pixel see every other, with a single head as wide as the
// picture.
type attention struct {
	GroupNorm *nn.GroupNorm `weight:"group_norm"`
	ToQ       *nn.Linear    `weight:"to_q"`
	ToK       *nn.Linear    `weight:"to_k"`
	ToV       *nn.Linear    `weight:"to_v"`
	ToOut     *nn.Linear    `weight:"to_out.0"`
}

func newAttention(width, groups int) *attention {
	linear := func() *nn.Linear { return nn.NewLinear(width, width) }
	return &attention{nn.NewGroupNorm(groups, width, eps), linear(), linear(), linear(), linear()}
}

// x [B, H, W, C] → [B, H, W, C]
func (a *attention) forward(b *graph.Builder, x *graph.Node) *graph.Node {
	s := x.Shape()
	h := op.Reshape(b, a.GroupNorm.Forward(b, x), s[0], s[1]*s[2], s[3])
	h = op.Attention(b, a.ToQ.Forward(b, h), a.ToK.Forward(b, h), a.ToV.Forward(b, h), op.Attn{
		Heads: 1, KVHeads: 1, Scale: float32(1 / math.Sqrt(float64(s[3]))),
	})
	h = op.Reshape(b, a.ToOut.Forward(b, h), s[0], s[1], s[2], s[3])
	return b.Mark(op.Add(b, h, x))
}
