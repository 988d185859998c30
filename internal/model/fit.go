package model

import (
	"fmt"

	"github.com/easel-go/easel/internal/fault"
	"github.com/easel-go/easel/internal/weights"
)

// fit reports parts that do not belong to each other: a folder put together from two
// models opens, part by part, and would fail in the middle of a run.
func (b *Bundle) fit(where string) error {
	u := b.UNet.Config()
	latent := b.VAE.Config().LatentChannels
	if u.OutChannels != latent {
		return misfit(where, "autoencoder", fmt.Sprintf("of %d channels", latent), fmt.Sprintf("the UNet's %d", u.OutChannels))
	}
	if u.InChannels != latent && u.InChannels != 2*latent+1 {
		return misfit(where, "UNet", fmt.Sprintf("of %d input channels", u.InChannels),
			fmt.Sprintf("%d, or %d in a model made for inpainting", latent, 2*latent+1))
	}
	context, pooled := b.textWidths()
	if context != u.ContextDim() {
		return misfit(where, "text encoder", fmt.Sprintf("of width %d", context), fmt.Sprintf("the UNet's %d", u.ContextDim()))
	}
	if u.AddEmbeddingIn > 0 && pooled != u.PooledDim() {
		return misfit(where, "text encoder", fmt.Sprintf("whose pooled text has width %d", pooled), fmt.Sprintf("the UNet's %d", u.PooledDim()))
	}
	if b.family.name == weights.SDXL {
		if one, two := b.Text[0].CLIP.Config().Positions, b.Text[1].CLIP.Config().Positions; one != two {
			return misfit(where, "text encoders", fmt.Sprintf("of %d and %d positions", one, two), "equal numbers")
		}
	}
	return nil
}

// textWidths returns the width of the rows that the UNet attends to, and that of the
// pooled text.
func (b *Bundle) textWidths() (context, pooled int) {
	for _, te := range b.Text {
		if te.GLM != nil {
			return te.GLM.Config().Width, te.GLM.Config().Width
		}
		c := te.CLIP.Config()
		context += c.Width
		pooled = c.Width
		if te.CLIP.Projection != nil {
			pooled = c.ProjectionDim
		}
	}
	return context, pooled
}

func misfit(where, what, have, want string) error {
	return &fault.Error{Kind: fault.Shape, Op: "model", Where: where, What: what, Have: have, Want: want}
}
