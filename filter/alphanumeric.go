package filter

import "context"

func init() {
	Register("alphanumeric_filter", func() Op { return &alphanumeric{Min: 0.25, Max: maxSize} })
}

// alphanumeric keeps texts by their share of letters and numbers.
type alphanumeric struct {
	Tokenization bool    `param:"tokenization"`
	Min          float64 `param:"min_ratio"`
	Max          float64 `param:"max_ratio"`
	Interval
}

func (f *alphanumeric) check() error { return noTokenizer(f.Tokenization) }

func (f *alphanumeric) Measure(_ context.Context, r *Row) error {
	return r.measureText("alnum_ratio", func(text string) any { return share(text, isAlnum) })
}

func (f *alphanumeric) Keep(r *Row) (bool, error) { return f.Bounds()[0].keepOne(r.Stats) }

func (f *alphanumeric) Bounds() []Bound {
	return []Bound{{Stat: "alnum_ratio", Min: f.Min, Max: f.Max, MinName: "min_ratio", MaxName: "max_ratio", Interval: f.Interval}}
}

// share returns the part of the text's code points that are of a kind, 0 for none.
func share(text string, is func(rune) bool) float64 {
	n, of := 0, 0
	for _, r := range text {
		of++
		if is(r) {
			n++
		}
	}
	return ratio(n, of)
}
