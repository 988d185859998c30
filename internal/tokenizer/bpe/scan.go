package bpe

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// gpt2Pattern is the pattern that ByteLevel cuts by itself (openai/gpt-2, encoder.py).
const gpt2Pattern = `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`

// tiktokenPattern is that of openai/tiktoken's cl100k_base, in the form that Llama 3 has;
// Qwen's takes numbers one by one.
const (
	tiktokenPattern = `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
	qwenPattern     = `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
)

// style is what the known patterns differ in.
type style struct {
	pattern  string
	tiktoken bool
	most     int // at most so many in a row, 0 for any number
}

var styles = []*style{{gpt2Pattern, false, 0}, {tiktokenPattern, true, 3}, {qwenPattern, true, 1}}

var gpt2 = styles[0]

// known returns the style of a pattern, nil if it is none of them.
func known(pattern string) *style {
	for _, s := range styles {
		if s.pattern == pattern {
			return s
		}
	}
	return nil
}

// scan finds the words of a known pattern, which leave nothing between them. [regex] is
// what it must be equal to.
func scan(x *style) func(string, func(start, end int)) error {
	return func(s string, found func(start, end int)) error {
		for at := 0; at < len(s); {
			n := x.word(s[at:])
			found(at, at+n)
			at += n
		}
		return nil
	}
}

// word returns the length of the word at the head of s.
func (x *style) word(s string) int {
	if n := x.contraction(s); n > 0 {
		return n
	}
	r, size := utf8.DecodeRuneInString(s)
	next, _ := utf8.DecodeRuneInString(s[size:])
	more := len(s) > size
	lead := r == ' ' // what may stand before a word
	if x.tiktoken {
		lead = r != '\r' && r != '\n' && !isLetter(r, false) && !isNumber(r, false)
	}
	switch {
	case isLetter(r, false):
		return lettersIn(s)
	case lead && more && isLetter(next, false):
		return size + lettersIn(s[size:])
	case isNumber(r, false):
		return digits(s, x.most)
	case !x.tiktoken && r == ' ' && more && isNumber(next, false):
		return size + digits(s[size:], 0)
	case isSign(r):
		return x.signs(s)
	case r == ' ' && more && isSign(next):
		return size + x.signs(s[size:])
	}
	return x.blanks(s)
}

// contraction returns the length of the end of an English word at the head of s.
func (x *style) contraction(s string) int {
	if s[0] != '\'' {
		return 0
	}
	for _, c := range contractions {
		if n := x.spells(s, c); n > 0 {
			return n
		}
	}
	return 0
}

// spells returns how many bytes of s spell word; ſ is an s where case means nothing.
func (x *style) spells(s, word string) int {
	if !x.tiktoken {
		if strings.HasPrefix(s, word) {
			return len(word)
		}
		return 0
	}
	n := 0
	for _, want := range word {
		r, size := utf8.DecodeRuneInString(s[n:])
		if size == 0 || r != want && unicode.ToLower(r) != want && !(r == 'ſ' && want == 's') {
			return 0
		}
		n += size
	}
	return n
}

func lettersIn(s string) int {
	return runLength(s, func(r rune) bool { return isLetter(r, false) })
}

func digits(s string, most int) int {
	n := 0
	for i, r := range s {
		if !isNumber(r, false) || most > 0 && n == most {
			return i
		}
		n++
	}
	return len(s)
}

// isSign is [^\s\p{L}\p{N}].
func isSign(r rune) bool {
	return !unicode.IsSpace(r) && !isLetter(r, false) && !isNumber(r, false)
}

func (x *style) signs(s string) int {
	n := runLength(s, isSign)
	if x.tiktoken {
		n += runLength(s[n:], func(r rune) bool { return r == '\r' || r == '\n' })
	}
	return n
}

// blanks returns how much of the white space at the head of s is a word: up to the last
// line end, or all but the last character if something follows.
func (x *style) blanks(s string) int {
	n := runLength(s, unicode.IsSpace)
	if i := strings.LastIndexAny(s[:n], "\r\n"); x.tiktoken && i >= 0 {
		return i + 1
	}
	if _, last := utf8.DecodeLastRuneInString(s[:n]); n < len(s) && n > last {
		return n - last
	}
	return n
}
