package diffusion

import (
	"context"
	"image"

	"github.com/easel-go/easel/internal/imageio"
	"github.com/easel-go/easel/internal/model"
	"github.com/easel-go/easel/internal/sampler"
)

// fill is what a run with start pictures remembers.
type fill struct {
	original []float32 // latents of the start pictures
	noise    []float32 // what was added to them
	mask     []float32 // [pictures, h, w]: 1 where something is painted, 0 where the original stays; nil without a mask
	masked   []float32 // latents of the start pictures without the masked part, for a UNet made for inpainting
	channels int
}

// beginFrom writes what the run begins with to x: latents, or those of start pictures,
// with the noise of the run's first level on them unless they have theirs. Its
// generators are drawn from in diffusers' order: first for the autoencoder's sample,
// then for the latents; DiffSynth takes the mean.
func (c *canvas) beginFrom(ctx context.Context, x []float32) error {
	c.fill = &fill{original: make([]float32, len(x)), noise: make([]float32, len(x)), channels: c.channels}
	pictures, err := c.startPictures()
	if err != nil {
		return err
	}
	if pictures == nil {
		c.copyLatents(c.fill.original)
	} else if err := c.encodeStart(ctx, c.fill.original, pictures); err != nil {
		return err
	}
	first := &c.jobs[0].request
	if first.DenoisingStart == 0 || first.Mask != nil {
		c.noise(c.fill.noise)
	}
	if first.Mask != nil {
		if err := c.beginMask(ctx, pictures); err != nil {
			return err
		}
	}
	switch {
	case first.DenoisingStart > 0:
		copy(x, c.fill.original)
	case first.Mask != nil && first.Strength >= 1:
		sigma := c.plan.InitNoiseSigma()
		for i, v := range c.fill.noise {
			x[i] = float32(float64(v) * sigma)
		}
	default:
		sampler.AddNoise(x, c.fill.original, c.fill.noise, c.plan.Level(0))
	}
	if c.trace != nil {
		c.trace("begin", 0, x)
	}
	return nil
}

// startPictures returns each job's start picture; nil where the jobs begin with latents.
func (c *canvas) startPictures() ([]model.Picture, error) {
	if c.jobs[0].request.Start == nil {
		return nil, nil
	}
	pictures := make([]model.Picture, len(c.jobs))
	for i, j := range c.jobs {
		p, err := startPicture(j.request.Start, j.request.Width, j.request.Height)
		if err != nil {
			return nil, err
		}
		pictures[i] = p
	}
	return pictures, nil
}

// copyLatents writes the latents that the jobs begin with, one for each picture.
func (c *canvas) copyLatents(dst []float32) {
	for _, j := range c.jobs {
		given := j.request.StartLatents
		for k := range j.request.N {
			copy(dst[(j.from+k)*c.size:][:c.size], given[min(k, len(given)-1)].Values)
		}
	}
}

// encodeStart writes latents of each job's picture, once for each of its pictures. A
// generator that draws several pictures samples the autoencoder once for all of them.
func (c *canvas) encodeStart(ctx context.Context, dst []float32, pictures []model.Picture) error {
	for i, j := range c.jobs {
		encode := c.bundle.EncodeImage
		if j.request.Tiled {
			encode = c.bundle.EncodeTiled
		}
		moments, err := encode(ctx, pictures[i])
		if err != nil {
			return err
		}
		for _, d := range j.draws {
			z := c.bundle.Mean(moments)
			if c.bundle.Numerics() == Diffusers {
				drawn, noise := make([]float32, c.size), make([]float32, c.size)
				d.source.Normal(drawn, d.precision)
				toNHWC(noise, drawn, c.channels)
				z = c.bundle.Sample(moments, noise)
			}
			for k := range d.n {
				copy(dst[(j.from+d.from+k)*c.size:], z.Pix)
			}
		}
	}
	return nil
}

// beginMask prepares masks (diffusers 0.36 pipeline_stable_diffusion_inpaint.py,
// prepare_mask_latents).
func (c *canvas) beginMask(ctx context.Context, pictures []model.Picture) error {
	f := c.fill
	f.mask = make([]float32, c.pictures*c.h*c.w)
	masked := make([]model.Picture, len(c.jobs))
	for i, j := range c.jobs {
		white, err := maskPicture(j.request.Mask, j.request.Width, j.request.Height)
		if err != nil {
			return err
		}
		small := nearest(white, j.request.Width, j.request.Height, c.w, c.h)
		for k := range j.request.N {
			copy(f.mask[(j.from+k)*c.h*c.w:], small)
		}
		masked[i] = without(pictures[i], white)
	}
	f.masked = make([]float32, c.pictures*c.size)
	return c.encodeStart(ctx, f.masked, masked)
}

// keepOutside puts the original, as noisy as the latents are after call i, where
// nothing is to be painted.
func (c *canvas) keepOutside(x []float32, i int) {
	if c.fill == nil || c.fill.mask == nil || c.bundle.UNet.Config().InChannels != c.channels {
		return
	}
	f := c.fill
	outside := f.original
	if i+1 < c.calls {
		outside = make([]float32, len(x))
		sampler.AddNoise(outside, f.original, f.noise, c.plan.Level(i+1))
	}
	for p, m := range f.mask {
		for ch := range f.channels {
			k := p*f.channels + ch
			x[k] = (1-m)*outside[k] + m*x[k]
		}
	}
}

// view writes latents, mask and masked picture side by side: the nine channels of a
// UNet made for inpainting.
func (f *fill) view(input, x []float32, scale float64) {
	if f == nil || f.mask == nil {
		return
	}
	n := 2*f.channels + 1
	for p, m := range f.mask {
		row := input[p*n:][:n]
		for ch := range f.channels {
			row[ch] = float32(float64(x[p*f.channels+ch]) * scale)
			row[f.channels+1+ch] = f.masked[p*f.channels+ch]
		}
		row[f.channels] = m
	}
}

// startPicture returns a picture resized to w×h, in [−1, 1].
func startPicture(m image.Image, w, h int) (model.Picture, error) {
	p, err := imageio.FromImage(m)
	if err == nil && (p.Width != w || p.Height != h) {
		p, err = p.Resize(w, h, imageio.Lanczos)
	}
	if err != nil {
		return model.Picture{}, err
	}
	out := model.NewPicture(h, w, 3)
	for i, v := range p.Pix {
		out.Pix[i] = 2*(float32(v)/255) - 1
	}
	return out, nil
}

// maskPicture returns 1 where m is white and 0 where it is black, [h, w].
func maskPicture(m image.Image, w, h int) ([]float32, error) {
	b := m.Bounds()
	gray := image.NewGray(b)
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			gray.Set(x, y, m.At(x, y))
		}
	}
	p := &imageio.Picture{Mode: imageio.Gray, Width: b.Dx(), Height: b.Dy(), Pix: gray.Pix}
	if p.Width != w || p.Height != h {
		var err error
		if p, err = p.Resize(w, h, imageio.Lanczos); err != nil {
			return nil, err
		}
	}
	out := make([]float32, w*h)
	for i, v := range p.Pix {
		if v >= 128 {
			out[i] = 1
		}
	}
	return out, nil
}

// nearest resizes [h, w] as torch's interpolate does without a mode.
func nearest(src []float32, w, h, toW, toH int) []float32 {
	dst := make([]float32, toW*toH)
	for y := range toH {
		for x := range toW {
			dst[y*toW+x] = src[y*h/toH*w+x*w/toW]
		}
	}
	return dst
}

// without returns p with zeros, grey, where the mask is white.
func without(p model.Picture, white []float32) model.Picture {
	q := model.NewPicture(p.H, p.W, p.C)
	for i, v := range p.Pix {
		q.Pix[i] = v * (1 - white[i/p.C])
	}
	return q
}
