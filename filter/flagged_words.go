package filter

import "context"

func init() {
	Register("flagged_words_filter", func() Op {
		return &flaggedWords{wordList: wordList{Lang: "en", Max: 0.045, Groups: []int{2}}}
	})
}

// flaggedWords keeps texts by their share of words from a list of bad words.
type flaggedWords struct {
	Dir string `param:"flagged_words_dir"`
	wordList
}

func (f *flaggedWords) check() error { return f.load(f.Dir, "flagged_words", "flagged_words_dir") }

func (f *flaggedWords) Measure(_ context.Context, r *Row) error {
	return r.measureText("flagged_words_ratio", f.ratio)
}

func (f *flaggedWords) Keep(r *Row) (bool, error) { return f.Bounds()[0].keepOne(r.Stats) }

func (f *flaggedWords) Bounds() []Bound { return f.bound("flagged_words_ratio") }
