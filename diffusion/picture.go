package diffusion

import (
	"context"
	"image"
	"math"

	"github.com/easel-go/easel/internal/model"
	"github.com/easel-go/easel/internal/weights"
)

// decode returns the picture of latents in 8 bits.
func (c *canvas) decode(ctx context.Context, latents model.Picture, tiled bool) (*image.RGBA, error) {
	p, err := c.bundle.DecodeLatents(ctx, latents, tiled)
	if err != nil {
		return nil, err
	}
	if c.trace != nil {
		c.trace("decoded", 0, p.Pix)
	}
	return toRGBA(p, c.bundle.Numerics()), nil
}

// toRGBA maps [−1, 1] to bytes: rounded to the nearest, halves to even (diffusers
// 0.36 image_processor.py), or truncated (DiffSynth b1709fcb pipelines/base.py).
func toRGBA(p model.Picture, n model.Numerics) *image.RGBA {
	m := image.NewRGBA(image.Rect(0, 0, p.W, p.H))
	for i := range p.W * p.H {
		for ch := range 3 {
			v := min(max(p.Pix[3*i+ch]*0.5+0.5, 0), 1) * 255
			if n == DiffSynth {
				m.Pix[4*i+ch] = uint8(v)
			} else {
				m.Pix[4*i+ch] = uint8(math.RoundToEven(float64(v)))
			}
		}
		m.Pix[4*i+3] = 255
	}
	return m
}

// smallVAE is the width of an autoencoder that decodes fast enough for previews.
const smallVAE = 128

// preview paints a job's pictures from latents x after call i.
func (c *canvas) preview(ctx context.Context, j *job, x []float32, i int) (pics, error) {
	var out pics
	scale := 1 / c.level(i+1)
	widths := c.bundle.VAE.Config().BlockOutChannels
	for k := range j.request.N {
		z := model.NewPicture(c.h, c.w, c.channels)
		for n, v := range x[(j.from+k)*c.size:][:c.size] {
			z.Pix[n] = float32(float64(v) * scale)
		}
		if widths[len(widths)-1] < smallVAE || c.channels != 4 {
			p, err := c.bundle.DecodeLatents(ctx, z, j.request.Tiled)
			if err != nil {
				return nil, err
			}
			out = append(out, toRGBA(p, c.bundle.Numerics()))
			continue
		}
		out = append(out, linearPreview(z, c.bundle.Family()))
	}
	return out, nil
}

// level is how large latents are after calls calls, beside those of a clean picture:
// the deviation of signal and noise together.
func (c *canvas) level(calls int) float64 {
	if calls >= c.plan.Len() {
		return 1
	}
	l := c.plan.Level(calls)
	return max(math.Hypot(l.Signal, l.Noise), 1e-6)
}

// latentRGB are the colours of a unit of each latent, fitted to decoded pictures by
// the community (ComfyUI, comfy/latent_formats.py).
var latentRGB = map[weights.Family][4][3]float32{
	weights.SD1:    {{0.3512, 0.2297, 0.3227}, {0.3250, 0.4974, 0.2350}, {-0.2829, 0.1762, 0.2721}, {-0.2120, -0.2616, -0.7177}},
	weights.SDXL:   {{0.3920, 0.4054, 0.4549}, {-0.2634, -0.0196, 0.0653}, {0.0568, 0.1687, -0.0755}, {-0.3112, -0.2359, -0.2076}},
	weights.Kolors: {{0.3920, 0.4054, 0.4549}, {-0.2634, -0.0196, 0.0653}, {0.0568, 0.1687, -0.0755}, {-0.3112, -0.2359, -0.2076}},
}

// linearPreview is a picture of one pixel a latent.
func linearPreview(z model.Picture, f weights.Family) *image.RGBA {
	rgb := latentRGB[f]
	p := model.NewPicture(z.H, z.W, 3)
	for i := range z.W * z.H {
		for ch := range 3 {
			var v float32
			for k := range 4 {
				v += z.Pix[4*i+k] * rgb[k][ch]
			}
			p.Pix[3*i+ch] = v
		}
	}
	return toRGBA(p, Diffusers)
}
