package filter

import (
	"context"
	"image"
	"math"
)

func init() {
	Register("image_watermark_filter", func() Op {
		return &imageWatermark{Model: "amrul-hzz/watermark_detector", Max: 0.8, scored: scored{AnyOrAll: "any"}}
	})
}

// imageWatermark keeps samples whose pictures a classifier sees no watermark on.
type imageWatermark struct {
	Model string  `param:"hf_watermark_model"`
	Max   float64 `param:"prob_threshold"`
	scored

	c Classifier
}

func (f *imageWatermark) alone() {}

func (f *imageWatermark) prepare(ctx context.Context, m Models) (err error) {
	if m == nil {
		return noModels("image_watermark_filter", f.Model)
	}
	f.c, err = m.Classifier(ctx, f.Model)
	return err
}

func (f *imageWatermark) Measure(ctx context.Context, r *Row) error {
	return f.rate(r, "image_watermark_prob", func(pics []image.Image) ([]float64, error) { return second(ctx, f.c, pics) })
}

func (f *imageWatermark) Keep(r *Row) (bool, error) {
	return f.Bounds()[0].keepList(r.Stats, f.AnyOrAll)
}

func (f *imageWatermark) Bounds() []Bound {
	return []Bound{{Stat: "image_watermark_prob", Min: math.Inf(-1), Max: f.Max, MaxName: "prob_threshold", Interval: f.Interval, All: f.AnyOrAll == "all"}}
}
