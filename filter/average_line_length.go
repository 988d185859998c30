package filter

import "context"

func init() {
	Register("average_line_length_filter", func() Op { return &averageLine{Min: 10, Max: maxSize} })
}

// averageLine keeps texts whose lines have so many code points on average, line ends
// counted in.
type averageLine struct {
	Min float64 `param:"min_len"`
	Max float64 `param:"max_len"`
	Interval
}

func (f *averageLine) Measure(_ context.Context, r *Row) error {
	return r.measureText("avg_line_length", func(text string) any {
		return ratio(pyLen(text), len(splitLines(text)))
	})
}

func (f *averageLine) Keep(r *Row) (bool, error) { return f.Bounds()[0].keepOne(r.Stats) }

func (f *averageLine) Bounds() []Bound {
	return []Bound{{Stat: "avg_line_length", Min: f.Min, Max: f.Max, MinName: "min_len", MaxName: "max_len", Interval: f.Interval}}
}

// ratio is a/b, 0 for b = 0.
func ratio(a, b int) float64 {
	if b == 0 {
		return 0
	}
	return float64(a) / float64(b)
}
