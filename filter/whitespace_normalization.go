package filter

import (
	"context"
	"strings"
)

func init() {
	Register("whitespace_normalization_mapper", func() Op { return &whitespace{} })
}

// whitespace trims texts and turns every kind of white space within into a blank.
type whitespace struct{}

func (whitespace) Map(_ context.Context, r *Row) ([]*Row, error) {
	return r.mapText(func(text string) (string, error) {
		return strings.Map(func(c rune) rune {
			if isVariousSpace(c) {
				return ' '
			}
			return c
		}, pyStrip(text)), nil
	})
}

// isVariousSpace holds the code points of Data-Juicer's VARIOUS_WHITESPACES: spaces and
// joiners of no width, but no line ends.
func isVariousSpace(c rune) bool {
	switch c {
	case ' ', '\t', 0x84, 0xa0, 0x202f, 0x205f, 0x2060, 0x3000, 0xfffc:
		return true
	}
	return 0x2000 <= c && c <= 0x200d
}

// mapText replaces the row's text.
func (r *Row) mapText(of func(text string) (string, error)) ([]*Row, error) {
	text, err := r.Text()
	if err != nil {
		return nil, err
	}
	to, err := of(text)
	if err != nil {
		return nil, err
	}
	if to != text {
		r.SetText(to)
	}
	return []*Row{r}, nil
}
