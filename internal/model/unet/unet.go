// Package unet is the denoising network of Stable Diffusion 1.x, SDXL and Kolors:
// diffusers' UNet2DConditionModel (0.36, models/unets/unet_2d_condition.py) under
// its tensor names.
//
// A picture of latents goes down through the levels, each half the size of the one
// before, through a middle block, and up again; every layer on the way up also sees
// the output of its twin on the way down. Transformers on the deeper levels attend
// to the text.
package unet

import (
	"github.com/easel-go/easel/internal/graph"
	"github.com/easel-go/easel/internal/graph/op"
	"github.com/easel-go/easel/internal/nn"
)

// UNet predicts what a timestep's noise did to latents.
type UNet struct {
	HidProj       *nn.Linear    `weight:"encoder_hid_proj"` // nil but in Kolors
	ConvIn        *nn.Conv2D    `weight:"conv_in"`
	TimeEmbedding *timeMLP      `weight:"time_embedding"`
	AddEmbedding  *timeMLP      `weight:"add_embedding"` // nil in SD 1.x
	Down          []*downBlock  `weight:"down_blocks"`
	Up            []*upBlock    `weight:"up_blocks"`
	Mid           *midBlock     `weight:"mid_block"`
	ConvNormOut   *nn.GroupNorm `weight:"conv_norm_out"`
	ConvOut       *nn.Conv2D    `weight:"conv_out"`

	config Config
}

// New returns an unbound network.
func New(c Config) *UNet {
	widths := c.BlockOutChannels
	last := len(widths) - 1
	u := &UNet{
		ConvIn:        nn.NewConv2D(c.InChannels, widths[0], 3, 1, 1),
		TimeEmbedding: newTimeMLP(widths[0], c.TimeEmbedDim()),
		Mid:           newMidBlock(c),
		ConvNormOut:   nn.NewGroupNorm(c.Groups, widths[0], c.NormEps),
		ConvOut:       nn.NewConv2D(widths[0], c.OutChannels, 3, 1, 1),
		config:        c,
	}
	if c.HidDim > 0 {
		u.HidProj = nn.NewLinear(c.HidDim, c.CrossAttentionDim)
	}
	if c.AddEmbeddingIn > 0 {
		u.AddEmbedding = newTimeMLP(c.AddEmbeddingIn, c.TimeEmbedDim())
	}
	for i := range widths {
		u.Down = append(u.Down, newDownBlock(c, i, i < last))
		u.Up = append(u.Up, newUpBlock(c, last-i, c.UpCross[i], i < last))
	}
	return u
}

// Config returns what the network was made from.
func (u *UNet) Config() Config { return u.config }

// Inputs are the nodes the network reads.
type Inputs struct {
	Sample  *graph.Node // [B, H, W, InChannels]: latents, scaled as the sampler says
	Time    *graph.Node // [B, BlockOutChannels[0]]: Features of the timesteps
	Context *graph.Node // [B, M, ContextDim]: text embeddings
	KeyBias *graph.Node // [B, M], added to the logits of attention to the context; nil for none
	Pooled  *graph.Node // [B, PooledDim]: pooled text embedding; nil in SD 1.x
	TimeIDs *graph.Node // [B, 6·TimeIDDim]: Features of the time ids; nil in SD 1.x
}

// Forward predicts.
//
//	→ [B, H, W, OutChannels]
func (u *UNet) Forward(b *graph.Builder, in Inputs) *graph.Node {
	temb := op.SiLU(b, u.timeEmbedding(b, in))
	text := context{in.Context, in.KeyBias}
	if u.HidProj != nil {
		text.x = b.Within("encoder_hid_proj", func() *graph.Node { return b.Mark(u.HidProj.Forward(b, in.Context)) })
	}
	x := b.Within("conv_in", func() *graph.Node { return b.Mark(u.ConvIn.Forward(b, in.Sample)) })

	skips := []*graph.Node{x}
	for i, d := range u.Down {
		leave := b.Scope(nn.Join("down_blocks", itoa(i)))
		x, skips = d.forward(b, x, temb, text, skips)
		leave()
	}
	x = b.Within("mid_block", func() *graph.Node { return u.Mid.forward(b, x, temb, text) })
	for i, d := range u.Up {
		leave := b.Scope(nn.Join("up_blocks", itoa(i)))
		x, skips = d.forward(b, x, temb, text, skips)
		leave()
	}
	x = b.Within("conv_norm_out", func() *graph.Node { return b.Mark(u.ConvNormOut.Forward(b, x)) })
	return b.Within("conv_out", func() *graph.Node { return b.Mark(u.ConvOut.Forward(b, op.SiLU(b, x))) })
}

// timeEmbedding is [B, TimeEmbedDim]: of the timestep and, in SDXL and Kolors, of
// the pooled text and the six numbers that say how the picture was cropped.
func (u *UNet) timeEmbedding(b *graph.Builder, in Inputs) *graph.Node {
	temb := b.Within("time_embedding", func() *graph.Node { return u.TimeEmbedding.forward(b, in.Time) })
	if u.AddEmbedding == nil {
		return temb
	}
	if in.Pooled == nil || in.TimeIDs == nil {
		graph.Fail("unet: pooled text and time ids are needed, have none")
	}
	add := b.Within("add_embedding", func() *graph.Node {
		return u.AddEmbedding.forward(b, op.Concat(b, 1, in.Pooled, in.TimeIDs))
	})
	return op.Add(b, temb, add)
}
