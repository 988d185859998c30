package filter

import (
	"context"
	"strings"
)

func init() {
	Register("remove_long_words_mapper", func() Op { return &removeLongWords{Min: 1, Max: maxSize} })
}

// removeLongWords removes words that are too short or too long. A long one may stay if
// it is short enough without the special characters around it.
type removeLongWords struct {
	Min int `param:"min_len"`
	Max int `param:"max_len"`
}

func (m *removeLongWords) Map(_ context.Context, r *Row) ([]*Row, error) {
	return r.mapText(func(text string) (string, error) { return eachWord(text, m.keep), nil })
}

func (m *removeLongWords) keep(word string) bool {
	n := pyLen(word)
	if n > m.Max {
		n = pyLen(strings.TrimFunc(word, isSpecial))
	}
	return m.Min <= n && n <= m.Max
}
