package diffusion

import (
	"context"
	"time"

	"github.com/easel-go/easel/internal/model"
	"github.com/easel-go/easel/internal/sampler"
)

// paint runs requests: those that can share calls of the UNet on one canvas.
func (p *Pipeline) paint(ctx context.Context, requests []Request) ([]*Result, error) {
	start := time.Now()
	jobs := make([]*job, len(requests))
	for i, r := range requests {
		j, err := p.newJob(r)
		if err != nil {
			return nil, err
		}
		jobs[i] = j
	}
	for _, c := range canvases(p, jobs) {
		if err := c.run(ctx); err != nil {
			return nil, err
		}
	}
	results := make([]*Result, len(jobs))
	for i, j := range jobs {
		results[i] = j.result
	}
	p.opts.log.Info("painted", "requests", len(requests), "took", time.Since(start))
	return results, nil
}

// run paints the canvas's jobs: THE SPINE, one run from top to bottom.
func (c *canvas) run(ctx context.Context) error {
	conds, err := c.encode(ctx) // what the UNet is told, negative halves first
	if err != nil {
		return err
	}
	unet, err := c.bundle.Denoiser(c.h, c.w, conds)
	if err != nil {
		return err
	}
	x, err := c.begin(ctx) // noise, or a start picture with noise on it
	if err != nil {
		return err
	}
	course, noise := sampler.Start[float32](c.plan, c.pictures), c.noise
	input := make([]float32, len(conds)*c.h*c.w*c.bundle.UNet.Config().InChannels)
	answer := make([]float32, len(conds)*c.size)
	c.started = time.Now()
	for i := range c.calls {
		c.view(input, x, c.plan.InputScale(i))
		if err := unet.Run(ctx, answer, input, c.plan.Timestep(i)); err != nil {
			return err
		}
		c.traceUNet(i, input, answer)
		if err := course.Step(x, c.guide(answer), noise); err != nil {
			return err
		}
		c.keepOutside(x, i)
		if err := c.report(ctx, i, x); err != nil {
			return err
		}
	}
	return c.finish(ctx, x)
}

// canvas is what is painted in one go: pictures of one size on one course.
type canvas struct {
	p      *Pipeline
	bundle *model.Bundle
	jobs   []*job
	plan   *sampler.Plan
	calls  int // of the plan that are made
	draws  []draw

	h, w, channels int // of latents
	size           int // numbers of one picture's latents
	pictures       int
	guided         bool // there is a negative half

	fill    *fill // of a run with start pictures
	started time.Time
	trace   func(event string, call int, values ...[]float32) // for tests; may be nil
}

// canvases groups jobs by what they must have in common.
func canvases(p *Pipeline, jobs []*job) []*canvas {
	var all []*canvas
	byCourse := map[course]*canvas{}
	for _, j := range jobs {
		c := byCourse[j.course]
		if c == nil {
			c = newCanvas(p, j)
			byCourse[j.course] = c
			all = append(all, c)
		}
		c.add(j)
	}
	return all
}

func newCanvas(p *Pipeline, first *job) *canvas {
	f := p.bundle.VAE.Config().Factor()
	c := &canvas{
		p: p, bundle: p.bundle, plan: first.plan, guided: first.course.guided,
		h: first.request.Height / f, w: first.request.Width / f, channels: p.bundle.UNet.Config().OutChannels,
	}
	c.size = c.h * c.w * c.channels
	c.calls = calls(c.plan, first.request.DenoisingEnd, trained(first.schedule))
	return c
}

// add puts a job's pictures on the canvas.
func (c *canvas) add(j *job) {
	j.from = c.pictures
	c.pictures += j.request.N
	for _, d := range j.draws {
		d.from += j.from
		c.draws = append(c.draws, d)
	}
	c.jobs = append(c.jobs, j)
}

// view writes what the UNet sees of latents x: scaled, once for each half and, for a
// UNet made for inpainting, with the mask and the masked picture beside them.
func (c *canvas) view(input, x []float32, scale float64) {
	if len(input) == len(x)*c.halves() {
		for i, v := range x {
			input[i] = float32(float64(v) * scale)
		}
	} else {
		c.fill.view(input, x, scale)
	}
	half := len(input) / c.halves()
	for k := 1; k < c.halves(); k++ {
		copy(input[k*half:], input[:half])
	}
}

func (c *canvas) halves() int {
	if c.guided {
		return 2
	}
	return 1
}

// guide joins the two halves of an answer (Ho and Salimans 2022): negative +
// scale·(positive − negative).
func (c *canvas) guide(answer []float32) []float32 {
	if !c.guided {
		return answer
	}
	half := len(answer) / 2
	negative, positive := answer[:half], answer[half:]
	for _, j := range c.jobs {
		for k := j.from; k < j.from+j.request.N; k++ {
			n, p := negative[k*c.size:][:c.size], positive[k*c.size:][:c.size]
			s := float32(j.request.GuidanceScale)
			for i := range n {
				n[i] += s * (p[i] - n[i])
			}
			if r := j.request.GuidanceRescale; r > 0 {
				rescale(n, p, r)
			}
		}
	}
	return negative
}

// report tells each job's OnStep how far the run has come.
func (c *canvas) report(ctx context.Context, i int, x []float32) error {
	c.traceLatents(i, x)
	took := time.Since(c.started)
	for _, j := range c.jobs {
		if j.request.OnStep == nil {
			continue
		}
		err := j.request.OnStep(Step{
			Index: i + 1, Total: c.calls, Timestep: c.plan.Timestep(i),
			Left:    took / time.Duration(i+1) * time.Duration(c.calls-i-1),
			preview: func() (pics, error) { return c.preview(ctx, j, x, i) },
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// finish decodes every job's pictures.
func (c *canvas) finish(ctx context.Context, x []float32) error {
	for _, j := range c.jobs {
		for k := range j.request.N {
			latents := model.Picture{H: c.h, W: c.w, C: c.channels, Pix: x[(j.from+k)*c.size:][:c.size]}
			img, err := c.decode(ctx, latents, j.request.Tiled)
			if err != nil {
				return err
			}
			j.result.Images = append(j.result.Images, img)
			j.result.Latents = append(j.result.Latents, Latents{c.h, c.w, c.channels, latents.Pix})
		}
	}
	return nil
}

func (c *canvas) traceConds(conds []model.Cond) {
	for i, k := range conds {
		ids := make([]float32, len(k.TimeIDs))
		for n, v := range k.TimeIDs {
			ids[n] = float32(v)
		}
		c.trace("cond", i, k.Context, k.KeyBias, k.Pooled, ids)
	}
}

func (c *canvas) traceUNet(call int, in, out []float32) {
	if c.trace != nil {
		c.trace("unet", call, in, out)
	}
}

func (c *canvas) traceLatents(call int, x []float32) {
	if c.trace != nil {
		c.trace("latents", call, x)
	}
}
