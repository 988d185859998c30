package unet

import (
	"math"

	"github.com/easel-go/easel/internal/graph"
	"github.com/easel-go/easel/internal/graph/op"
	"github.com/easel-go/easel/internal/nn"
)

// context is the text that transformers attend to.
type context struct {
	x       *graph.Node // [B, M, C]
	keyBias *graph.Node // [B, M] or nil
}

// transformer attends from the pixels of a picture to each other and to the text
// (diffusers 0.36 models/transformers/transformer_2d.py). Its projections are linear
// layers or 1×1 convolutions, which are the same arithmetic under weights of other
// shapes.
type transformer struct {
	Norm    *nn.GroupNorm       `weight:"norm"`
	ProjIn  projection          `weight:"proj_in"`
	Blocks  []*transformerBlock `weight:"transformer_blocks"`
	ProjOut projection          `weight:"proj_out"`
}

// projection maps [B, H, W, C] to [B, H, W, C].
type projection interface {
	Forward(b *graph.Builder, x *graph.Node) *graph.Node
}

func newTransformer(c Config, level int) *transformer {
	width := c.BlockOutChannels[level]
	t := &transformer{Norm: nn.NewGroupNorm(c.Groups, width, c.TransformerEps)}
	project := func() projection { return nn.NewConv2D(width, width, 1, 1, 0) }
	if c.LinearProjection {
		project = func() projection { return nn.NewLinear(width, width) }
	}
	t.ProjIn, t.ProjOut = project(), project()
	for range c.TransformerLayers[level] {
		t.Blocks = append(t.Blocks, newTransformerBlock(width, c.CrossAttentionDim, c.Heads[level]))
	}
	return t
}

// x [B, H, W, C] → [B, H, W, C]
func (t *transformer) forward(b *graph.Builder, x *graph.Node, text context) *graph.Node {
	s := x.Shape()
	h := t.ProjIn.Forward(b, t.Norm.Forward(b, x))
	h = op.Reshape(b, h, s[0], s[1]*s[2], s[3])
	for i, blk := range t.Blocks {
		h = b.Within(nn.Join("transformer_blocks", itoa(i)), func() *graph.Node { return blk.forward(b, h, text) })
	}
	h = t.ProjOut.Forward(b, op.Reshape(b, h, s[0], s[1], s[2], s[3]))
	return b.Mark(op.Add(b, h, x))
}

// transformerBlock is self-attention, cross-attention and a gated feed-forward
// layer, each behind a layer norm and added to its input (diffusers 0.36
// models/attention.py, BasicTransformerBlock).
type transformerBlock struct {
	Norm1 *nn.LayerNorm `weight:"norm1"`
	Attn1 *attention    `weight:"attn1"`
	Norm2 *nn.LayerNorm `weight:"norm2"`
	Attn2 *attention    `weight:"attn2"`
	Norm3 *nn.LayerNorm `weight:"norm3"`
	FF    *feedForward  `weight:"ff"`
}

func newTransformerBlock(width, ctxDim, heads int) *transformerBlock {
	norm := func() *nn.LayerNorm { return nn.NewLayerNorm(width, 1e-5) }
	return &transformerBlock{
		norm(), newAttention(width, width, heads),
		norm(), newAttention(width, ctxDim, heads),
		norm(), newFeedForward(width),
	}
}

// x [B, N, C] → [B, N, C]
func (t *transformerBlock) forward(b *graph.Builder, x *graph.Node, text context) *graph.Node {
	n := t.Norm1.Forward(b, x)
	x = op.Add(b, b.Within("attn1", func() *graph.Node { return t.Attn1.forward(b, n, context{x: n}) }), x)
	n = t.Norm2.Forward(b, x)
	x = op.Add(b, b.Within("attn2", func() *graph.Node { return t.Attn2.forward(b, n, text) }), x)
	n = t.Norm3.Forward(b, x)
	x = op.Add(b, b.Within("ff", func() *graph.Node { return t.FF.forward(b, n) }), x)
	return b.Mark(x)
}

// attention is multi-head attention.
type attention struct {
	ToQ   *nn.Linear `weight:"to_q"`
	ToK   *nn.Linear `weight:"to_k"`
	ToV   *nn.Linear `weight:"to_v"`
	ToOut *nn.Linear `weight:"to_out.0"`

	heads int
}

func newAttention(width, ctxDim, heads int) *attention {
	return &attention{
		nn.NewProjection(width, width), nn.NewProjection(ctxDim, width), nn.NewProjection(ctxDim, width),
		nn.NewLinear(width, width), heads,
	}
}

// x [B, N, C], to [B, M, ctxDim] → [B, N, C]
func (a *attention) forward(b *graph.Builder, x *graph.Node, to context) *graph.Node {
	head := a.ToQ.Weight.Shape[0] / a.heads
	y := op.Attention(b, a.ToQ.Forward(b, x), a.ToK.Forward(b, to.x), a.ToV.Forward(b, to.x), op.Attn{
		Heads: a.heads, KVHeads: a.heads, Scale: float32(1 / math.Sqrt(float64(head))), KeyBias: to.keyBias,
	})
	return b.Mark(a.ToOut.Forward(b, y))
}

// feedForward is a linear layer to twice 4·C, GEGLU, and a linear layer back
// (Shazeer 2020).
type feedForward struct {
	Proj *nn.Linear `weight:"net.0.proj"`
	Out  *nn.Linear `weight:"net.2"`
}

func newFeedForward(width int) *feedForward {
	return &feedForward{nn.NewLinear(width, 8*width), nn.NewLinear(4*width, width)}
}

// x [B, N, C] → [B, N, C]
func (f *feedForward) forward(b *graph.Builder, x *graph.Node) *graph.Node {
	return b.Mark(f.Out.Forward(b, op.GEGLU(b, f.Proj.Forward(b, x))))
}
