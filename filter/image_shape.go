package filter

import (
	"context"
)

func init() {
	Register("image_shape_filter", func() Op {
		return &imageShape{MinWidth: 1, MaxWidth: maxSize, MinHeight: 1, MaxHeight: maxSize, AnyOrAll: "any"}
	})
}

// imageShape keeps samples whose pictures have a width and a height in range, upright
// as they are shown. Samples without pictures stay.
type imageShape struct {
	MinWidth  int    `param:"min_width"`
	MaxWidth  int    `param:"max_width"`
	MinHeight int    `param:"min_height"`
	MaxHeight int    `param:"max_height"`
	AnyOrAll  quorum `param:"any_or_all"`
	Interval
}

func (f *imageShape) check() error { return f.AnyOrAll.check() }

func (f *imageShape) Measure(_ context.Context, r *Row) error {
	if r.Stats.Has("image_width") && r.Stats.Has("image_height") {
		return nil
	}
	pics, _, err := r.pictures()
	if err != nil {
		return err
	}
	w, h := make([]any, len(pics)), make([]any, len(pics))
	for i, p := range pics {
		info, err := r.info(p)
		if err != nil {
			return err
		}
		width, height := info.Upright()
		w[i], h[i] = int64(width), int64(height)
	}
	r.Stats.Set("image_width", w)
	r.Stats.Set("image_height", h)
	return nil
}

func (f *imageShape) Keep(r *Row) (bool, error) {
	var few [2][4]float64
	w, ok := r.Stats.numbers(few[0][:0], "image_width")
	if !ok {
		return false, badStat(r.Stats, "image_width", "a list of numbers")
	}
	h, ok := r.Stats.numbers(few[1][:0], "image_height")
	if !ok {
		return false, badStat(r.Stats, "image_height", "a list of numbers")
	}
	return f.AnyOrAll.of(min(len(w), len(h)), func(i int) bool {
		return f.holds(w[i], float64(f.MinWidth), float64(f.MaxWidth)) && f.holds(h[i], float64(f.MinHeight), float64(f.MaxHeight))
	}), nil
}

func (f *imageShape) Bounds() []Bound {
	all := f.AnyOrAll == "all"
	return []Bound{
		{Stat: "image_width", Min: float64(f.MinWidth), Max: float64(f.MaxWidth), MinName: "min_width", MaxName: "max_width", Interval: f.Interval, All: all},
		{Stat: "image_height", Min: float64(f.MinHeight), Max: float64(f.MaxHeight), MinName: "min_height", MaxName: "max_height", Interval: f.Interval, All: all},
	}
}
