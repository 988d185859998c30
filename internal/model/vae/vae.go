// Package vae is the autoencoder between pictures and latents: diffusers'
// AutoencoderKL (0.36, models/autoencoders/autoencoder_kl.py and vae.py) under its
// tensor names.
package vae

import (
	"strconv"

	"github.com/easel-go/easel/internal/graph"
	"github.com/easel-go/easel/internal/graph/op"
	"github.com/easel-go/easel/internal/model/block"
	"github.com/easel-go/easel/internal/nn"
)

const eps = 1e-6 // of every norm but, under DiffSynth's numerics, the decoder's last

// VAE maps pictures to latents an eighth their size, and back.
type VAE struct {
	Encoder       *encoder   `weight:"encoder"`
	Decoder       *decoder   `weight:"decoder"`
	QuantConv     *nn.Conv2D `weight:"quant_conv"`      // nil without one
	PostQuantConv *nn.Conv2D `weight:"post_quant_conv"` // nil without one

	config Config
}

// New returns an unbound network.
func New(c Config) *VAE {
	v := &VAE{Encoder: newEncoder(c), Decoder: newDecoder(c), config: c}
	if c.QuantConv {
		v.QuantConv = nn.NewConv2D(2*c.LatentChannels, 2*c.LatentChannels, 1, 1, 0)
	}
	if c.PostQuantConv {
		v.PostQuantConv = nn.NewConv2D(c.LatentChannels, c.LatentChannels, 1, 1, 0)
	}
	return v
}

// Config returns what the network was made from.
func (v *VAE) Config() Config { return v.config }

// Encode returns the mean and the logarithm of the variance of the latents of
// pictures in [−1, 1]. The latter is as the network gives it; clamp it to [−30, 20]
// before use.
//
//	x [B, H, W, 3] → [B, H/8, W/8, 2·LatentChannels]
func (v *VAE) Encode(b *graph.Builder, x *graph.Node) *graph.Node {
	x = b.Within("encoder", func() *graph.Node { return v.Encoder.forward(b, x) })
	if v.QuantConv == nil {
		return x
	}
	return b.Within("quant_conv", func() *graph.Node { return b.Mark(v.QuantConv.Forward(b, x)) })
}

// Decode returns the pictures of latents, nearly in [−1, 1].
//
//	z [B, H, W, LatentChannels] → [B, 8·H, 8·W, 3]
func (v *VAE) Decode(b *graph.Builder, z *graph.Node) *graph.Node {
	if v.PostQuantConv != nil {
		z = b.Within("post_quant_conv", func() *graph.Node { return b.Mark(v.PostQuantConv.Forward(b, z)) })
	}
	return b.Within("decoder", func() *graph.Node { return v.Decoder.forward(b, z) })
}

type encoder struct {
	ConvIn      *nn.Conv2D    `weight:"conv_in"`
	Down        []*level      `weight:"down_blocks"`
	Mid         *mid          `weight:"mid_block"`
	ConvNormOut *nn.GroupNorm `weight:"conv_norm_out"`
	ConvOut     *nn.Conv2D    `weight:"conv_out"`
}

func newEncoder(c Config) *encoder {
	widths := c.BlockOutChannels
	last := len(widths) - 1
	e := &encoder{
		ConvIn:      nn.NewConv2D(3, widths[0], 3, 1, 1),
		Mid:         newMid(c),
		ConvNormOut: nn.NewGroupNorm(c.Groups, widths[last], eps),
		ConvOut:     nn.NewConv2D(widths[last], 2*c.LatentChannels, 3, 1, 1),
	}
	for i, w := range widths {
		l := newLevel(widths[max(i-1, 0)], w, c.LayersPerBlock, c.Groups)
		if i < last {
			l.Downsamples = []*block.Downsample{block.NewDownsample(w, [4]int{0, 0, 1, 1})}
		}
		e.Down = append(e.Down, l)
	}
	return e
}

func (e *encoder) forward(b *graph.Builder, x *graph.Node) *graph.Node {
	x = b.Within("conv_in", func() *graph.Node { return b.Mark(e.ConvIn.Forward(b, x)) })
	for i, l := range e.Down {
		x = b.Within(nn.Join("down_blocks", strconv.Itoa(i)), func() *graph.Node { return l.forward(b, x) })
	}
	x = b.Within("mid_block", func() *graph.Node { return e.Mid.forward(b, x) })
	return out(b, e.ConvNormOut, e.ConvOut, x)
}

type decoder struct {
	ConvIn      *nn.Conv2D    `weight:"conv_in"`
	Up          []*level      `weight:"up_blocks"`
	Mid         *mid          `weight:"mid_block"`
	ConvNormOut *nn.GroupNorm `weight:"conv_norm_out"`
	ConvOut     *nn.Conv2D    `weight:"conv_out"`
}

func newDecoder(c Config) *decoder {
	widths := c.BlockOutChannels
	last := len(widths) - 1
	d := &decoder{
		ConvIn:      nn.NewConv2D(c.LatentChannels, widths[last], 3, 1, 1),
		Mid:         newMid(c),
		ConvNormOut: nn.NewGroupNorm(c.Groups, widths[0], c.DecoderNormEps),
		ConvOut:     nn.NewConv2D(widths[0], 3, 3, 1, 1),
	}
	for i := last; i >= 0; i-- {
		l := newLevel(widths[min(i+1, last)], widths[i], c.LayersPerBlock+1, c.Groups)
		if i > 0 {
			l.Upsamples = []*block.Upsample{block.NewUpsample(widths[i])}
		}
		d.Up = append(d.Up, l)
	}
	return d
}

func (d *decoder) forward(b *graph.Builder, x *graph.Node) *graph.Node {
	x = b.Within("conv_in", func() *graph.Node { return b.Mark(d.ConvIn.Forward(b, x)) })
	x = b.Within("mid_block", func() *graph.Node { return d.Mid.forward(b, x) })
	for i, l := range d.Up {
		x = b.Within(nn.Join("up_blocks", strconv.Itoa(i)), func() *graph.Node { return l.forward(b, x) })
	}
	return out(b, d.ConvNormOut, d.ConvOut, x)
}

// out is norm, SiLU and the last convolution of both halves.
func out(b *graph.Builder, norm *nn.GroupNorm, conv *nn.Conv2D, x *graph.Node) *graph.Node {
	x = b.Within("conv_norm_out", func() *graph.Node { return b.Mark(norm.Forward(b, x)) })
	return b.Within("conv_out", func() *graph.Node { return b.Mark(conv.Forward(b, op.SiLU(b, x))) })
}
