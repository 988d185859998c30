package filter

import (
	"context"
	"strings"
	"time"
	"unicode/utf8"
)

// start says where a match of a pattern may begin: at a character from which a run of the
// characters in leads right up to one of end. It is a cheap condition that every match
// meets, not one that makes a match.
type start struct {
	in    func(c byte) bool
	end   byte
	first string // the first character, in any case, is one of these; "" is any of in
}

// starts are the conditions of a pattern, one of which every match meets. Characters
// beyond ASCII are taken to be in every run, so that folded letters and digits of other
// scripts are left to the pattern.
type starts struct {
	any   []start
	words bool // a match begins at the beginning or the end of a word
}

// beginAt lets the pattern be tried only where starts hold. expr is the pattern, or one
// that matches the same.
func (p *pattern) beginAt(expr string, s *starts) error {
	here, err := compile(`\G(?:`+expr+`)`, true, false)
	if err == nil {
		p.starts, p.here = s, here.re
	}
	return err
}

// possible reports whether a text has the characters that a match needs.
func (s *starts) possible(text string) bool {
	for _, a := range s.any {
		if strings.IndexByte(text, a.end) >= 0 {
			return true
		}
	}
	return false
}

// marks returns for each character whether a match may begin there.
func (s *starts) marks(text []rune) []bool {
	may := make([]bool, len(text))
	for _, a := range s.any {
		leads := false // from here, a run leads up to end
		for i := len(text) - 1; i >= 0; i-- {
			c := text[i]
			in := c >= utf8.RuneSelf || a.in(byte(c))
			leads = in && (leads || i+1 < len(text) && text[i+1] == rune(a.end))
			if leads && (a.first == "" || c >= utf8.RuneSelf || strings.IndexByte(a.first, byte(c)) >= 0) {
				may[i] = may[i] || !s.words || i == 0 || bounds(text[i-1], c)
			}
		}
	}
	return may
}

// bounds reports whether a word may begin or end between two characters.
func bounds(a, b rune) bool {
	return a >= utf8.RuneSelf || b >= utf8.RuneSelf || isWordByte(byte(a)) != isWordByte(byte(b))
}

// spansFrom is spans, by trying the pattern at the places that starts leave.
func (p *pattern) spansFrom(runes []rune) (all []span, err error) {
	began, next := time.Now(), 0
	for i, may := range p.starts.marks(runes) {
		if !may || i < next {
			continue
		}
		m, err := p.here.FindRunesMatchStartingAt(runes, i)
		if err == nil && time.Since(began) > matchTimeout {
			err = context.DeadlineExceeded
		}
		if err != nil {
			return nil, slow(err)
		}
		if m != nil {
			all = append(all, spanOf(m))
			next = i + m.Length
		}
	}
	return all, nil
}

func isDigitByte(c byte) bool { return c >= '0' && c <= '9' }

func isHexByte(c byte) bool { return isDigitByte(c) || c|0x20 >= 'a' && c|0x20 <= 'f' }

func isWordByte(c byte) bool {
	return isDigitByte(c) || c == '_' || c|0x20 >= 'a' && c|0x20 <= 'z'
}
