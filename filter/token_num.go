package filter

import (
	"context"
	"os"
	"strings"

	"github.com/easel-go/easel/internal/tokenizer/bpe"
)

func init() {
	Register("token_num_filter", func() Op { return &tokenNum{Name: "EleutherAI/pythia-6.9b-deduped", Min: 10, Max: maxSize} })
}

// tokenNum keeps texts of so many tokens, begin and end not counted. The tokenizer is a
// CLIP model's: a folder, or one of OpenAI's by its name. Data-Juicer's default is the
// tokenizer of a language model, which this package does not have.
type tokenNum struct {
	Name string `param:"hf_tokenizer"`
	Min  int    `param:"min_num"`
	Max  int    `param:"max_num"`
	Interval

	t *bpe.Tokenizer
}

func (f *tokenNum) check() (err error) {
	if st, serr := os.Stat(f.Name); serr == nil && st.IsDir() {
		f.t, err = bpe.Open(os.DirFS(f.Name), bpe.Options{})
		return err
	}
	if strings.HasPrefix(f.Name, "openai/clip-") {
		f.t, err = bpe.Standard(bpe.Options{})
		return err
	}
	return as("OSError", &Error{Kind: Unsupported, Op: "filter", What: "token_num_filter: hf_tokenizer", Have: f.Name,
		Want: "a folder with a CLIP tokenizer, or openai/clip-vit-base-patch32 or another of that family"})
}

func (f *tokenNum) Measure(_ context.Context, r *Row) error {
	return r.measureText("num_token", func(text string) any { return int64(len(f.t.Tokens(text))) })
}

func (f *tokenNum) Keep(r *Row) (bool, error) { return f.Bounds()[0].keepOne(r.Stats) }

func (f *tokenNum) Bounds() []Bound {
	return []Bound{{Stat: "num_token", Min: float64(f.Min), Max: float64(f.Max), MinName: "min_num", MaxName: "max_num", Interval: f.Interval}}
}
