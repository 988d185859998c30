package filter

import (
	"context"
	"slices"
)

func init() {
	Register("maximum_line_length_filter", func() Op { return &maximumLine{Min: 10, Max: maxSize} })
}

// maximumLine keeps texts whose longest line has so many code points.
type maximumLine struct {
	Min int `param:"min_len"`
	Max int `param:"max_len"`
	Interval
}

func (f *maximumLine) Measure(_ context.Context, r *Row) error {
	return r.measureText("max_line_length", func(text string) any {
		return int64(slices.Max(append(splitLines(text), 0)))
	})
}

func (f *maximumLine) Keep(r *Row) (bool, error) { return f.Bounds()[0].keepOne(r.Stats) }

func (f *maximumLine) Bounds() []Bound {
	return []Bound{{Stat: "max_line_length", Min: float64(f.Min), Max: float64(f.Max), MinName: "min_len", MaxName: "max_len", Interval: f.Interval}}
}
