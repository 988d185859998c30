package filter

import (
	"context"
	"image"
)

func init() {
	Register("image_nsfw_filter", func() Op {
		return &imageNSFW{Model: "Falconsai/nsfw_image_detection", Max: 0.5, scored: scored{AnyOrAll: "any"}}
	})
}

// imageNSFW keeps samples whose pictures a classifier does not take for unsafe.
type imageNSFW struct {
	Model string  `param:"hf_nsfw_model"`
	Min   float64 `param:"min_score"`
	Max   float64 `param:"max_score"`
	scored

	c Classifier
}

func (f *imageNSFW) alone() {}

func (f *imageNSFW) prepare(ctx context.Context, m Models) (err error) {
	if m == nil {
		return noModels("image_nsfw_filter", f.Model)
	}
	f.c, err = m.Classifier(ctx, f.Model)
	return err
}

func (f *imageNSFW) Measure(ctx context.Context, r *Row) error {
	return f.rate(r, "image_nsfw_score", func(pics []image.Image) ([]float64, error) { return second(ctx, f.c, pics) })
}

func (f *imageNSFW) Keep(r *Row) (bool, error) { return f.Bounds()[0].keepList(r.Stats, f.AnyOrAll) }

func (f *imageNSFW) Bounds() []Bound {
	return []Bound{{Stat: "image_nsfw_score", Min: f.Min, Max: f.Max, MinName: "min_score", MaxName: "max_score", Interval: f.Interval, All: f.AnyOrAll == "all"}}
}
