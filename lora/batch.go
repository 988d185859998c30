package lora

import (
	"context"

	"github.com/easel-go/easel/internal/model"
	"github.com/easel-go/easel/internal/rng"
	"github.com/easel-go/easel/internal/train"
)

// batch draws one batch: pictures, captions, noise and timesteps, in the order in which
// a shuffling loader of torch and the trainer draw them from one generator.
func (t *training) batch(ctx context.Context, b *model.Bundle, places []int) (train.Batch, error) {
	var latents []model.Picture
	var conds []model.Cond
	var moments []model.Picture
	var texts []string
	for _, place := range places {
		e, err := t.data.pick(ctx, b, place, t)
		if err != nil {
			return train.Batch{}, err
		}
		moments, conds, texts = append(moments, e.moments), append(conds, e.cond), append(texts, e.caption)
	}
	for _, m := range moments {
		latents = append(latents, t.noise.latents(b, m, t.draw))
	}
	level(conds)
	batch, err := t.noise.batch(latents, conds, t.draw)
	batch.Texts = texts
	return batch, err
}

// example is what the network learns from a picture.
type example struct {
	moments model.Picture
	cond    model.Cond // the time ids alone where text encoders are trained
	caption string
}

// pick draws a sample for a place of the epoch's order, its crop, and whether it is
// learned without caption.
func (p *pictures) pick(ctx context.Context, b *model.Bundle, place int, t *training) (e example, err error) {
	i, _, err := train.Pick(t.draw, place, len(p.items))
	if err != nil {
		return e, err
	}
	it := p.items[i]
	cut, err := p.prepare.Draw(it.width, it.height, t.draw)
	if err != nil {
		return e, err
	}
	caption := it.caption
	if t.CaptionDropout > 0 {
		var u [1]float32
		t.draw.Uniform(u[:], rng.F32)
		if float64(u[0]) < t.CaptionDropout {
			caption = ""
		}
	}
	if e.moments, err = p.encodePicture(ctx, b, it, cut); err != nil {
		return e, err
	}
	e.caption = caption
	if !t.TextEncoders {
		e.cond, err = p.encodeText(ctx, b, caption)
	}
	e.cond.TimeIDs = train.TimeIDs(t.Height, t.Width)
	return e, err
}
