package filter

import "context"

func init() {
	Register("image_aspect_ratio_filter", func() Op { return &imageAspectRatio{Min: 0.333, Max: 3, AnyOrAll: "any"} })
}

// imageAspectRatio keeps samples by width/height of their pictures, upright.
type imageAspectRatio struct {
	Min      float64 `param:"min_ratio"`
	Max      float64 `param:"max_ratio"`
	AnyOrAll quorum  `param:"any_or_all"`
	Interval
}

func (f *imageAspectRatio) check() error { return f.AnyOrAll.check() }

func (f *imageAspectRatio) Measure(_ context.Context, r *Row) error {
	if r.Stats.Has("aspect_ratios") {
		return nil
	}
	pics, column, err := r.pictures()
	if err != nil {
		return err
	}
	if !column && r.Strict {
		return &Error{Kind: Missing, Op: "filter", What: "image column " + r.key().Image}
	}
	ratios := make([]any, len(pics))
	for i, p := range pics {
		info, err := r.info(p)
		if err != nil {
			return err
		}
		w, h := info.Upright()
		ratios[i] = float64(w) / float64(h)
	}
	r.Stats.Set("aspect_ratios", ratios)
	return nil
}

func (f *imageAspectRatio) Keep(r *Row) (bool, error) {
	return f.Bounds()[0].keepList(r.Stats, f.AnyOrAll)
}

func (f *imageAspectRatio) Bounds() []Bound {
	return []Bound{{Stat: "aspect_ratios", Min: f.Min, Max: f.Max, MinName: "min_ratio", MaxName: "max_ratio", Interval: f.Interval, All: f.AnyOrAll == "all"}}
}
