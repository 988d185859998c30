package lora

import (
	"encoding/json"
	"slices"

	"github.com/easel-go/easel/internal/fault"
	"github.com/easel-go/easel/internal/model"
	"github.com/easel-go/easel/internal/model/chatglm"
	"github.com/easel-go/easel/internal/rng"
	"github.com/easel-go/easel/internal/sampler"
	"github.com/easel-go/easel/internal/train"
)

// noiser makes a batch of latents: noise at a drawn timestep, and what the network is
// to answer.
type noiser struct {
	schedule   *sampler.Schedule
	prediction sampler.Prediction
	gamma      float64 // MinSNR
	offset     float64
	sample     bool
}

func newNoiser(b *model.Bundle, c *Config) (noiser, error) {
	n := noiser{gamma: c.MinSNR, offset: c.NoiseOffset, sample: c.SampleLatents}
	config, err := sampler.ParseConfig(b.Scheduler)
	if err != nil {
		return n, err
	}
	s, err := sampler.New(config)
	if err != nil {
		return n, err
	}
	n.schedule = s.Schedule()
	var p struct {
		Prediction sampler.Prediction `json:"prediction_type"`
	}
	if err := json.Unmarshal(b.Scheduler, &p); err != nil {
		return n, &fault.Error{Kind: fault.Invalid, Op: "lora", What: "scheduler_config.json", Err: err}
	}
	n.prediction = p.Prediction
	if n.prediction == "" {
		n.prediction = sampler.Epsilon
	}
	return n, nil
}

// latents takes the mean of a distribution, or draws from it.
func (n noiser) latents(b *model.Bundle, moments model.Picture, g *rng.Torch) model.Picture {
	if !n.sample {
		return b.Mean(moments)
	}
	return b.Sample(moments, normal(g, 1, moments.H, moments.W, moments.C/2)[0])
}

// normal draws noise [n, C, H, W] as torch does and returns it picture by picture as
// [H, W, C].
func normal(g *rng.Torch, n, h, w, c int) [][]float32 {
	all := make([]float32, n*h*w*c)
	g.Normal(all, rng.F32)
	out := make([][]float32, n)
	for i := range out {
		out[i] = make([]float32, h*w*c)
		for ch := range c {
			for p := range h * w {
				out[i][p*c+ch] = all[(i*c+ch)*h*w+p]
			}
		}
	}
	return out
}

// batch draws noise and timesteps, one for each picture.
func (n noiser) batch(latents []model.Picture, conds []model.Cond, g *rng.Torch) (train.Batch, error) {
	l := latents[0]
	b := train.Batch{H: l.H, W: l.W, Conds: conds}
	noise := normal(g, len(latents), l.H, l.W, l.C)
	if n.offset > 0 {
		shift := make([]float32, len(latents)*l.C)
		g.Normal(shift, rng.F32)
		for i := range noise {
			for j := range noise[i] {
				noise[i][j] += float32(n.offset) * shift[i*l.C+j%l.C]
			}
		}
	}
	at := make([]int64, len(latents))
	if err := g.Ints(at, 0, int64(n.schedule.Len())); err != nil {
		return b, err
	}
	for i, x := range latents {
		level, err := n.schedule.Level(int(at[i]))
		if err != nil {
			return b, err
		}
		noisy, target := make([]float32, len(x.Pix)), make([]float32, len(x.Pix))
		sampler.AddNoise(noisy, x.Pix, noise[i], level)
		if err := sampler.Target(target, x.Pix, noise[i], level, n.prediction); err != nil {
			return b, err
		}
		b.Noisy, b.Target, b.Times = append(b.Noisy, noisy...), append(b.Target, target...), append(b.Times, float64(at[i]))
		if n.gamma > 0 {
			w, err := level.MinSNRWeight(n.gamma, n.prediction)
			if err != nil {
				return b, err
			}
			b.Weights = append(b.Weights, float32(w))
		}
	}
	return b, nil
}

// level gives all conditions as many rows as the longest has; the others are hidden.
func level(conds []model.Cond) {
	rows := 0
	for _, c := range conds {
		rows = max(rows, c.Rows)
	}
	for i := range conds {
		c := &conds[i]
		if more := rows - c.Rows; more > 0 {
			width := len(c.Context) / c.Rows
			c.Context = append(slices.Clone(c.Context), make([]float32, more*width)...)
			c.KeyBias = append(slices.Clone(c.KeyBias), slices.Repeat([]float32{chatglm.Hidden}, more)...)
			c.Rows = rows
		}
	}
}
