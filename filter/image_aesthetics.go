package filter

import (
	"context"
	"image"
	"strings"
)

func init() {
	Register("image_aesthetics_filter", func() Op {
		return &imageAesthetics{Min: 0.5, Max: 1, scored: scored{AnyOrAll: "any"}}
	})
}

// defaultAesthetics is the model of a recipe that names none.
const defaultAesthetics = "shunk031/aesthetics-predictor-v2-sac-logos-ava1-l14-linearMSE"

// imageAesthetics keeps samples by the mark of an aesthetics predictor. Marks of models
// whose name has "aesthetics-predictor" in it go from 0 to 10 and are divided by ten.
type imageAesthetics struct {
	Model string  `param:"hf_scorer_model"`
	Min   float64 `param:"min_score"`
	Max   float64 `param:"max_score"`
	scored

	r Rater
}

func (f *imageAesthetics) alone() {}

func (f *imageAesthetics) prepare(ctx context.Context, m Models) (err error) {
	if f.Model == "" {
		f.Model = defaultAesthetics
	}
	if m == nil {
		return noModels("image_aesthetics_filter", f.Model)
	}
	f.r, err = m.Aesthetics(ctx, f.Model)
	return err
}

func (f *imageAesthetics) Measure(ctx context.Context, r *Row) error {
	return f.rate(r, "image_aesthetics_scores", func(pics []image.Image) ([]float64, error) {
		marks, err := f.r.Rate(ctx, pics)
		if strings.Contains(f.Model, "aesthetics-predictor") {
			for i := range marks {
				marks[i] /= 10
			}
		}
		return float64s(marks), err
	})
}

func (f *imageAesthetics) Keep(r *Row) (bool, error) {
	return f.Bounds()[0].keepList(r.Stats, f.AnyOrAll)
}

func (f *imageAesthetics) Bounds() []Bound {
	return []Bound{{Stat: "image_aesthetics_scores", Min: f.Min, Max: f.Max, MinName: "min_score", MaxName: "max_score", Interval: f.Interval, All: f.AnyOrAll == "all"}}
}
