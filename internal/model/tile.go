package model

import (
	"context"
	"math"

	"github.com/easel-go/easel/internal/fault"
)

// exp32 is the exponential, rounded to float32.
func exp32(x float32) float32 { return float32(math.Exp(float64(x))) }

// overlap is the share of a tile that its neighbour covers too.
const overlap = 0.25

// DecodeTiled is DecodeZ in tiles that overlap by a quarter and are blended, for
// latents too large to decode at once (diffusers 0.36 autoencoder_kl.py,
// tiled_decode). Latents no larger than a tile are decoded whole.
func (b *Bundle) DecodeTiled(ctx context.Context, z Picture) (Picture, error) {
	c := b.VAE.Config()
	tile := c.SampleSize / c.Factor()
	if z.H <= tile && z.W <= tile {
		return b.DecodeZ(ctx, z)
	}
	return tiled(z, tile, c.SampleSize, 3, z.H*c.Factor(), z.W*c.Factor(), func(p Picture) (Picture, error) { return b.DecodeZ(ctx, p) })
}

// EncodeTiled is EncodeImage in tiles (tiled_encode).
func (b *Bundle) EncodeTiled(ctx context.Context, p Picture) (Picture, error) {
	c := b.VAE.Config()
	if p.H <= c.SampleSize && p.W <= c.SampleSize {
		return b.EncodeImage(ctx, p)
	}
	return tiled(p, c.SampleSize, c.SampleSize/c.Factor(), 2*c.LatentChannels, p.H/c.Factor(), p.W/c.Factor(),
		func(p Picture) (Picture, error) { return b.EncodeImage(ctx, p) })
}

// tiled maps p in tiles of in×in to tiles of out×out and joins them to h×w.
func tiled(p Picture, in, out, channels, h, w int, f func(Picture) (Picture, error)) (Picture, error) {
	stride, extent := int(float64(in)*(1-overlap)), int(float64(out)*overlap)
	limit := out - extent
	if stride < 1 || limit < 1 {
		return Picture{}, fault.Newf(fault.Invalid, "model", "tiles of %d×%d to %d×%d, want a sample_size of the autoencoder that is larger", in, in, out, out)
	}
	result := NewPicture(h, w, channels)
	var above []Picture
	for y, row := 0, 0; y < p.H; y, row = y+stride, row+1 {
		var line []Picture
		for x, col := 0, 0; x < p.W; x, col = x+stride, col+1 {
			q, err := f(p.window(y, x, in, in))
			if err != nil {
				return Picture{}, err
			}
			if row > 0 {
				blendDown(above[col], q, extent)
			}
			if col > 0 {
				blendRight(line[col-1], q, extent)
			}
			line = append(line, q)
			result.paste(q.window(0, 0, limit, limit), row*limit, col*limit)
		}
		above = line
	}
	return result, nil
}

// blendDown fades from the last rows of a into the first of b.
func blendDown(a, b Picture, extent int) {
	extent = min(a.H, b.H, extent)
	n := min(a.W, b.W) * b.C
	for y := range extent {
		from, to := a.Pix[(a.H-extent+y)*a.W*a.C:][:n], b.Pix[y*b.W*b.C:][:n]
		fade(from, to, y, extent)
	}
}

// blendRight fades from the last columns of a into the first of b.
func blendRight(a, b Picture, extent int) {
	extent = min(a.W, b.W, extent)
	for y := range min(a.H, b.H) {
		for x := range extent {
			from, to := a.Pix[(y*a.W+a.W-extent+x)*a.C:][:a.C], b.Pix[(y*b.W+x)*b.C:][:b.C]
			fade(from, to, x, extent)
		}
	}
}

func fade(from, to []float32, i, extent int) {
	t := float64(i) / float64(extent)
	for j := range to {
		to[j] = float32(float64(from[j])*(1-t) + float64(to[j])*t)
	}
}
