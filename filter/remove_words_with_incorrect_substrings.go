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

	pieces
}

func (m *removeWords) check() error {
	if m.Substrings == nil {
		m.Substrings = []string{"http", "www", ".com", "href", "//"}
	}
	return m.load(m.Tokenization, m.Lang)
}

func (m *removeWords) Map(_ context.Context, r *Row) ([]*Row, error) {
	return r.mapText(func(text string) (string, error) {
		if m.Tokenization {
			return m.withoutPieces(text), nil
		}
		return eachWord(text, m.keeps), nil
	})
}

func (m *removeWords) keeps(word string) bool {
	word = strings.TrimFunc(word, isSpecial)
	return !slices.ContainsFunc(m.Substrings, func(s string) bool { return strings.Contains(word, s) })
}

// withoutPieces puts together what is left of the pieces of a text, the signs for blanks
// taken out. A text that nothing goes from stays as it is.
func (m *removeWords) withoutPieces(text string) string {
	pieces := m.words(text)
	var kept []string
	for _, p := range pieces {
		if p = strings.ReplaceAll(p, "\u2581", ""); m.keeps(p) {
			kept = append(kept, p)
		}
	}
	if len(kept) == len(pieces) {
		return text
	}
	return strings.Join(kept, "")
}
