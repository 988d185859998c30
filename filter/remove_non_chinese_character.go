package filter

import (
	"context"
	"strings"
)

func init() {
	Register("remove_non_chinese_character_mapper", func() Op { return &onlyChinese{Alphabet: true, Number: true, Punctuation: true} })
}

// onlyChinese removes what is not Chinese, with exceptions.
type onlyChinese struct {
	Alphabet    bool `param:"keep_alphabet"`
	Number      bool `param:"keep_number"`
	Punctuation bool `param:"keep_punc"`
}

func (m *onlyChinese) Map(_ context.Context, r *Row) ([]*Row, error) {
	return r.mapText(func(text string) (string, error) { return strings.Map(m.keep, text), nil })
}

func (m *onlyChinese) keep(c rune) rune {
	switch {
	case 0x4e00 <= c && c <= 0x9fa5,
		m.Alphabet && ('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'),
		m.Number && '0' <= c && c <= '9',
		m.Punctuation && strings.ContainsRune(".， ,-。%《*》/•、&＆(—)（+）：？!！“”·", c):
		return c
	}
	return -1
}
