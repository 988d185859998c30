package filter

import (
	"context"
	"strings"
)

func init() {
	Register("word_repetition_filter", func() Op { return &wordRepetition{Lang: "en", N: 10, Max: 0.5} })
}

// wordRepetition keeps texts by the share of their runs of N words that occur more
// than once.
type wordRepetition struct {
	Lang         string  `param:"lang"`
	Tokenization bool    `param:"tokenization"`
	N            int     `param:"rep_len"`
	Min          float64 `param:"min_ratio"`
	Max          float64 `param:"max_ratio"`
	Interval

	pieces
}

func (f *wordRepetition) check() error {
	if err := positive("rep_len", f.N); err != nil {
		return err
	}
	return f.load(f.Tokenization, f.Lang)
}

func (f *wordRepetition) Measure(_ context.Context, r *Row) error {
	return r.measureText("word_rep_ratio", func(text string) any { return wordsRepeated(f.lower(text), f.N) })
}

func wordsRepeated(words []string, n int) float64 {
	if len(words) < n {
		return 0
	}
	seen := make(map[string]int, len(words)-n+1)
	for i := 0; i+n <= len(words); i++ {
		seen[strings.Join(words[i:i+n], " ")]++
	}
	again := 0
	for _, c := range seen {
		if c > 1 {
			again += c
		}
	}
	return ratio(again, len(words)-n+1)
}

func (f *wordRepetition) Keep(r *Row) (bool, error) { return f.Bounds()[0].keepOne(r.Stats) }

func (f *wordRepetition) Bounds() []Bound {
	return []Bound{{Stat: "word_rep_ratio", Min: f.Min, Max: f.Max, MinName: "min_ratio", MaxName: "max_ratio", Interval: f.Interval}}
}
