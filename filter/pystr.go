package filter

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// The functions here are Python's str methods where Go's strings package differs.

// pyLen is len: the number of code points.
func pyLen(s string) int { return utf8.RuneCountInString(s) }

// isPySpace is str.isspace: Unicode's white space and the four separators of ASCII.
func isPySpace(r rune) bool {
	return unicode.IsSpace(r) || 0x1c <= r && r <= 0x1f
}

// pyStrip is str.strip without arguments.
func pyStrip(s string) string { return strings.TrimFunc(s, isPySpace) }

// isAlnum is str.isalnum: letters, and numbers of any kind.
func isAlnum(r rune) bool {
	if r < utf8.RuneSelf {
		return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
	}
	return unicode.IsLetter(r) || unicode.IsNumber(r)
}

func isLineEnd(r rune) bool {
	switch r {
	case '\n', '\r', '\v', '\f', 0x1c, 0x1d, 0x1e, 0x85, 0x2028, 0x2029:
		return true
	}
	return false
}

// splitLines is str.splitlines, as the lengths of the lines in code points.
func splitLines(s string) (lengths []int) {
	n, open := 0, false
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		i += size
		if !isLineEnd(r) {
			n, open = n+1, true
			continue
		}
		if r == '\r' && i < len(s) && s[i] == '\n' {
			i++
		}
		lengths = append(lengths, n)
		n, open = 0, false
	}
	if open {
		lengths = append(lengths, n)
	}
	return lengths
}

// pyLower is str.lower: full case mapping, with the final form of sigma.
func pyLower(s string) string {
	if !strings.ContainsAny(s, "İΣ") {
		return strings.ToLower(s)
	}
	var b strings.Builder
	runes := []rune(s)
	for i, r := range runes {
		switch {
		case r == 'İ':
			b.WriteString("i̇")
		case r == 'Σ' && finalSigma(runes, i):
			b.WriteRune('ς')
		default:
			b.WriteRune(unicode.ToLower(r))
		}
	}
	return b.String()
}

// finalSigma is Unicode's condition Final_Sigma: a cased letter before, none after.
func finalSigma(s []rune, i int) bool {
	before := false
	for j := i - 1; j >= 0; j-- {
		if !caseIgnorable(s[j]) {
			before = cased(s[j])
			break
		}
	}
	if !before {
		return false
	}
	for j := i + 1; j < len(s); j++ {
		if !caseIgnorable(s[j]) {
			return !cased(s[j])
		}
	}
	return true
}

func cased(r rune) bool {
	return unicode.In(r, unicode.Lu, unicode.Ll, unicode.Lt, unicode.Other_Lowercase, unicode.Other_Uppercase)
}

func caseIgnorable(r rune) bool {
	return unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf, unicode.Lm, unicode.Sk) || strings.ContainsRune("'.:··’‘․﹒＇．", r)
}
