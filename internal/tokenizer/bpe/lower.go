package bpe

import (
	"strings"
	"unicode"
)

// lowerFast puts each character into lower case on its own, as Rust's
// char::to_lowercase.
func lowerFast(s string) string {
	if isLowerASCII(s) {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	for _, r := range s {
		writeLower(&b, r)
	}
	return b.String()
}

// lowerPython is Python's str.lower: as lowerFast, but a Σ at the end of a word
// becomes ς (Unicode's SpecialCasing, Final_Sigma).
func lowerPython(s string) string {
	if !strings.ContainsRune(s, 'Σ') {
		return lowerFast(s)
	}
	runes := []rune(s)
	followed := casedFollows(runes)
	var b strings.Builder
	b.Grow(len(s))
	preceded := false // by a cased letter, case-ignorable ones between apart
	for i, r := range runes {
		if r == 'Σ' && preceded && !followed[i] {
			b.WriteRune('ς')
		} else {
			writeLower(&b, r)
		}
		if !isCaseIgnorable(r) {
			preceded = isCased(r)
		}
	}
	return b.String()
}

// casedFollows says for each position whether the next character that is not
// case-ignorable is a cased one.
func casedFollows(runes []rune) []bool {
	follows := make([]bool, len(runes))
	cased := false
	for i := len(runes) - 1; i >= 0; i-- {
		follows[i] = cased
		if r := runes[i]; !isCaseIgnorable(r) {
			cased = isCased(r)
		}
	}
	return follows
}

// writeLower writes the lower case of r: one character, but for İ.
func writeLower(b *strings.Builder, r rune) {
	if r == 'İ' {
		b.WriteString("i̇")
		return
	}
	b.WriteRune(unicode.ToLower(r))
}

func isLowerASCII(s string) bool {
	for i := range len(s) {
		if c := s[i]; c >= 0x80 || 'A' <= c && c <= 'Z' {
			return false
		}
	}
	return true
}

// isCased is Unicode's derived property Cased.
func isCased(r rune) bool {
	return unicode.In(r, unicode.Lu, unicode.Ll, unicode.Lt, unicode.Other_Lowercase, unicode.Other_Uppercase)
}

// isCaseIgnorable is Unicode's derived property Case_Ignorable: marks, format
// characters, modifiers, and what stands inside words.
func isCaseIgnorable(r rune) bool {
	switch r {
	case '\'', '.', ':', '·', '\u0387', '\u055f', '\u05f4', '\u2018', '\u2019', '\u2024', '\u2027',
		'\ufe13', '\ufe52', '\ufe55', '\uff07', '\uff0e', '\uff1a':
		return true
	}
	return unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf, unicode.Lm, unicode.Sk)
}
