package filter

import "context"

func init() {
	Register("stopwords_filter", func() Op {
		return &stopwords{wordList: wordList{Lang: "en", Min: 0.3, Max: 1, Groups: []int{2}}}
	})
}

// stopwords keeps texts by their share of stop words: running text has many, a list of
// tags has none.
type stopwords struct {
	Dir string `param:"stopwords_dir"`
	wordList
}

func (f *stopwords) check() error { return f.load(f.Dir, "stopwords", "stopwords_dir") }

func (f *stopwords) Measure(_ context.Context, r *Row) error {
	return r.measureText("stopwords_ratio", f.ratio)
}

func (f *stopwords) Keep(r *Row) (bool, error) { return f.Bounds()[0].keepOne(r.Stats) }

func (f *stopwords) Bounds() []Bound { return f.bound("stopwords_ratio") }
