package filter

import "context"

func init() {
	Register("token_num_filter", func() Op { return &tokenNum{Name: defaultTokenizer, Min: 10, Max: maxSize} })
}

// tokenNum keeps texts of so many tokens, begin and end not counted. The tokenizer is that
// of a language model or of CLIP: a folder, a name on a hub that is in the cache, or one of
// OpenAI's CLIP models by its name.
type tokenNum struct {
	Name string `param:"hf_tokenizer"`
	Min  int    `param:"min_num"`
	Max  int    `param:"max_num"`
	Interval

	count tokenCounter
}

func (f *tokenNum) check() (err error) {
	if f.count == nil {
		f.count, err = openTokenizer("token_num_filter", f.Name)
	}
	return err
}

func (f *tokenNum) Measure(_ context.Context, r *Row) error {
	return r.tryText("num_token", func(text string) (any, error) {
		n, err := f.count(text)
		return int64(n), err
	})
}

func (f *tokenNum) Keep(r *Row) (bool, error) { return f.Bounds()[0].keepOne(r.Stats) }

func (f *tokenNum) Bounds() []Bound {
	return []Bound{{Stat: "num_token", Min: float64(f.Min), Max: float64(f.Max), MinName: "min_num", MaxName: "max_num", Interval: f.Interval}}
}
