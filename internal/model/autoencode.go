package model

import (
	"context"

	"gorgonia.org/tensor"

	"github.com/easel-go/easel/internal/fault"
	"github.com/easel-go/easel/internal/graph"
)

// Picture is an array [H, W, C] of float32: a picture in [−1, 1] or latents.
type Picture struct {
	H, W, C int
	Pix     []float32
}

// NewPicture returns a picture of zeros.
func NewPicture(h, w, c int) Picture { return Picture{h, w, c, make([]float32, h*w*c)} }

// window returns the part of p from (y, x) on, at most h×w.
func (p Picture) window(y, x, h, w int) Picture {
	h, w = min(h, p.H-y), min(w, p.W-x)
	q := NewPicture(h, w, p.C)
	for r := range h {
		copy(q.Pix[r*w*p.C:][:w*p.C], p.Pix[((y+r)*p.W+x)*p.C:])
	}
	return q
}

// paste writes q into p at (y, x), as far as it fits.
func (p Picture) paste(q Picture, y, x int) {
	w := min(q.W, p.W-x)
	if w <= 0 {
		return
	}
	for r := range min(q.H, p.H-y) {
		copy(p.Pix[((y+r)*p.W+x)*p.C:][:w*p.C], q.Pix[r*q.W*q.C:])
	}
}

// unscale returns latents as the autoencoder itself has them.
func (b *Bundle) unscale(latents Picture) Picture {
	c := b.VAE.Config()
	z := NewPicture(latents.H, latents.W, latents.C)
	for i, v := range latents.Pix {
		z.Pix[i] = float32(float64(v)/c.ScalingFactor + c.ShiftFactor)
	}
	return z
}

// DecodeLatents returns the picture of latents, [H, W, C] → [8·H, 8·W, 3], about in
// [−1, 1]: in tiles if asked for and the picture is large.
func (b *Bundle) DecodeLatents(ctx context.Context, latents Picture, tiled bool) (Picture, error) {
	z := b.unscale(latents)
	if tiled {
		return b.DecodeTiled(ctx, z)
	}
	return b.DecodeZ(ctx, z)
}

// DecodeZ is DecodeLatents for latents as the autoencoder itself has them.
func (b *Bundle) DecodeZ(ctx context.Context, z Picture) (Picture, error) {
	c := b.VAE.Config()
	if z.C != c.LatentChannels || z.H <= 0 || z.W <= 0 || len(z.Pix) != z.H*z.W*z.C {
		return Picture{}, fault.Newf(fault.Shape, "model", "latents of %d×%d×%d, want %d channels", z.H, z.W, z.C, c.LatentChannels)
	}
	vm, err := b.vm(shape{part: "vae decoder", batch: 1, h: z.H, w: z.W}, func(g *graph.Builder) []*graph.Node {
		return []*graph.Node{b.VAE.Decode(g, g.Input("z", tensor.Float32, 1, z.H, z.W, z.C))}
	})
	if err != nil {
		return Picture{}, err
	}
	y, err := run(ctx, vm, input{"z", z.Pix})
	if err != nil {
		return Picture{}, err
	}
	p := NewPicture(z.H*c.Factor(), z.W*c.Factor(), 3)
	copy(p.Pix, y)
	return p, finite("the autoencoder's picture", p.Pix)
}

// EncodeImage returns the distribution of a picture's latents as the autoencoder has
// it, mean and logarithm of the variance: [H, W, 3] in [−1, 1] → [H/8, W/8, 2·C].
func (b *Bundle) EncodeImage(ctx context.Context, p Picture) (Picture, error) {
	c := b.VAE.Config()
	if p.C != 3 || p.H < c.Factor() || p.W < c.Factor() || len(p.Pix) != p.H*p.W*3 {
		return Picture{}, fault.Newf(fault.Shape, "model", "picture of %d×%d×%d, want 3 channels and at least %d pixels a side", p.H, p.W, p.C, c.Factor())
	}
	vm, err := b.vm(shape{part: "vae encoder", batch: 1, h: p.H, w: p.W}, func(g *graph.Builder) []*graph.Node {
		return []*graph.Node{b.VAE.Encode(g, g.Input("x", tensor.Float32, 1, p.H, p.W, 3))}
	})
	if err != nil {
		return Picture{}, err
	}
	y, err := run(ctx, vm, input{"x", p.Pix})
	if err != nil {
		return Picture{}, err
	}
	m := NewPicture(p.H/c.Factor(), p.W/c.Factor(), 2*c.LatentChannels)
	copy(m.Pix, y)
	return m, finite("the autoencoder's latents", m.Pix)
}

// Mean returns the latents that a distribution of EncodeImage has on average, times
// the scaling factor.
func (b *Bundle) Mean(moments Picture) Picture { return b.Sample(moments, nil) }

// Sample returns latents of a distribution, mean + exp(½·logvar)·noise, times the
// scaling factor; nil noise is none. The noise is [H, W, C] like the result. The
// logarithm of the variance is clamped to [−30, 20] first.
func (b *Bundle) Sample(moments Picture, noise []float32) Picture {
	c := b.VAE.Config()
	z := NewPicture(moments.H, moments.W, c.LatentChannels)
	for i := range z.Pix {
		at := i/c.LatentChannels*moments.C + i%c.LatentChannels
		v := moments.Pix[at]
		if noise != nil {
			v += exp32(0.5*min(max(moments.Pix[at+c.LatentChannels], -30), 20)) * noise[i]
		}
		z.Pix[i] = float32((float64(v) - c.ShiftFactor) * c.ScalingFactor)
	}
	return z
}
