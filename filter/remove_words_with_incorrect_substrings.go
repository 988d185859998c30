package filter

import (
	"context"
	"slices"
	"strings"
)

func init() {
	Register("remove_words_with_incorrect_substrings_mapper", func() Op { return &removeWords{Lang: "en"} })
}

// removeWords removes words that contain one of some texts, by default of links.
type removeWords struct {
	Lang         string   `param:"lang"`
	Tokenization bool     `param:"tokenization"`
	Substrings   []string `param:"substrings"`
}

func (m *removeWords) check() error {
	if m.Substrings == nil {
		m.Substrings = []string{"http", "www", ".com", "href", "//"}
	}
	return noTokenizer(m.Tokenization)
}

func (m *removeWords) Map(_ context.Context, r *Row) ([]*Row, error) {
	return r.mapText(func(text string) (string, error) {
		return eachWord(text, func(word string) bool {
			word = strings.TrimFunc(word, isSpecial)
			return !slices.ContainsFunc(m.Substrings, func(s string) bool { return strings.Contains(word, s) })
		}), nil
	})
}
