package filter

import "context"

func init() {
	Register("words_num_filter", func() Op { return &wordsNum{Min: 10, Max: maxSize, Lang: "en"} })
}

// wordsNum keeps texts of so many words.
type wordsNum struct {
	Lang         string `param:"lang"`
	Tokenization bool   `param:"tokenization"`
	Min          int    `param:"min_num"`
	Max          int    `param:"max_num"`
	Interval

	pieces
}

func (f *wordsNum) check() error { return f.load(f.Tokenization, f.Lang) }

func (f *wordsNum) Measure(_ context.Context, r *Row) error {
	return r.measureText("num_words", func(text string) any { return int64(len(refineWords(f.words(text)))) })
}

func (f *wordsNum) Keep(r *Row) (bool, error) { return f.Bounds()[0].keepOne(r.Stats) }

func (f *wordsNum) Bounds() []Bound {
	return []Bound{{Stat: "num_words", Min: float64(f.Min), Max: float64(f.Max), MinName: "min_num", MaxName: "max_num", Interval: f.Interval}}
}
