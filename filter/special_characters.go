package filter

import "context"

func init() {
	Register("special_characters_filter", func() Op { return &specialChars{Max: 0.25} })
}

// specialChars keeps texts by their share of special characters: punctuation, digits,
// white space, symbols and emoji.
type specialChars struct {
	Min float64 `param:"min_ratio"`
	Max float64 `param:"max_ratio"`
	Interval
}

func (f *specialChars) Measure(_ context.Context, r *Row) error {
	return r.measureText("special_char_ratio", func(text string) any { return share(text, isSpecial) })
}

func (f *specialChars) Keep(r *Row) (bool, error) { return f.Bounds()[0].keepOne(r.Stats) }

func (f *specialChars) Bounds() []Bound {
	return []Bound{{Stat: "special_char_ratio", Min: f.Min, Max: f.Max, MinName: "min_ratio", MaxName: "max_ratio", Interval: f.Interval}}
}
