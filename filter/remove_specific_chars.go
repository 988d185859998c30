package filter

import (
	"context"
	"strings"
)

func init() {
	Register("remove_specific_chars_mapper", func() Op { return &removeChars{Chars: []string{"◆●■►▼▲▴∆▻▷❖♡□"}} })
}

// removeChars removes every code point that occurs in Chars.
type removeChars struct {
	Chars []string `param:"chars_to_remove"`
}

func (m *removeChars) Map(_ context.Context, r *Row) ([]*Row, error) {
	set := strings.Join(m.Chars, "")
	return r.mapText(func(text string) (string, error) {
		if !strings.ContainsAny(text, set) {
			return text, nil
		}
		return strings.Map(func(c rune) rune {
			if strings.ContainsRune(set, c) {
				return -1
			}
			return c
		}, text), nil
	})
}
