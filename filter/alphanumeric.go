package filter

import (
	"context"
	"unicode"
)

func init() {
	Register("alphanumeric_filter", func() Op { return &alphanumeric{Min: 0.25, Max: maxSize} })
}

// alphanumeric keeps texts by their share of letters and numbers; with Tokenization, by
// their letters per token of GPT-NeoX's tokenizer.
type alphanumeric struct {
	Tokenization bool    `param:"tokenization"`
	Min          float64 `param:"min_ratio"`
	Max          float64 `param:"max_ratio"`
	Interval

	count tokenCounter
}

func (f *alphanumeric) check() (err error) {
	if f.Tokenization && f.count == nil {
		f.count, err = openTokenizer("alphanumeric_filter", defaultTokenizer)
	}
	return err
}

func (f *alphanumeric) Measure(_ context.Context, r *Row) error {
	if !f.Tokenization {
		return r.measureText("alnum_ratio", func(text string) any { return share(text, isAlnum) })
	}
	return r.tryText("alpha_token_ratio", func(text string) (any, error) {
		letters := 0
		for _, c := range text {
			if unicode.IsLetter(c) {
				letters++
			}
		}
		n, err := f.count(text)
		return ratio(letters, n), err
	})
}

func (f *alphanumeric) Keep(r *Row) (bool, error) { return f.Bounds()[0].keepOne(r.Stats) }

func (f *alphanumeric) Bounds() []Bound {
	stat := "alnum_ratio"
	if f.Tokenization {
		stat = "alpha_token_ratio"
	}
	return []Bound{{Stat: stat, Min: f.Min, Max: f.Max, MinName: "min_ratio", MaxName: "max_ratio", Interval: f.Interval}}
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
