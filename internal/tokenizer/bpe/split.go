package bpe

import (
	"iter"
	"strings"
	"unicode"
	"unicode/utf8"
)

// contractions are the ends of English words that are words of their own.
var contractions = [...]string{"'s", "'t", "'re", "'ve", "'m", "'ll", "'d"}

// words yields the words of a cleaned text, the matches of CLIP's pattern
//
//	mark | mark | 's | 't | 're | 've | 'm | 'll | 'd | \p{L}+ | \p{N} | [^\s\p{L}\p{N}]+
//
// tried in this order: runs of letters, digits one by one, runs of anything else.
func words(s string, marks [2]string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for s != "" {
			r, n := utf8.DecodeRuneInString(s)
			if !unicode.IsSpace(r) {
				n = wordLength(s, r, marks)
				if !yield(s[:n]) {
					return
				}
			}
			s = s[n:]
		}
	}
}

// wordLength returns the length in bytes of the word that s begins with; r is its
// first character.
func wordLength(s string, r rune, marks [2]string) int {
	for _, mark := range marks {
		if n := foldPrefix(s, mark, true); mark != "" && n > 0 {
			return n
		}
	}
	if r == '\'' {
		for _, c := range contractions {
			if n := foldPrefix(s, c, marks[0] != ""); n > 0 {
				return n
			}
		}
	}
	switch {
	case unicode.IsLetter(r):
		return runLength(s, unicode.IsLetter)
	case unicode.Is(unicode.N, r):
		return utf8.RuneLen(r)
	}
	return runLength(s, func(r rune) bool {
		return !unicode.IsSpace(r) && !unicode.IsLetter(r) && !unicode.Is(unicode.N, r)
	})
}

// foldPrefix returns how many bytes of s spell prefix, or 0. The patterns that
// ignore case, which is to say all but Fast's, take ſ for s: of the letters that
// lower case leaves as they are, it alone folds to one of prefix's.
func foldPrefix(s, prefix string, fold bool) int {
	const longS = "ſ"
	n := 0
	for i := range len(prefix) {
		switch rest := s[n:]; {
		case rest == "":
			return 0
		case rest[0] == prefix[i]:
			n++
		case fold && prefix[i] == 's' && strings.HasPrefix(rest, longS):
			n += len(longS)
		default:
			return 0
		}
	}
	return n
}

// runLength returns the length in bytes of the characters of s that in accepts.
func runLength(s string, in func(rune) bool) int {
	if n := strings.IndexFunc(s, func(r rune) bool { return !in(r) }); n >= 0 {
		return n
	}
	return len(s)
}

// added is a token that is found in a text before it is cut into words.
type added struct {
	text           string
	id             int32
	lstrip, rstrip bool // it takes the white space on its left, right
}

// addedSet finds added tokens: those that begin with a byte, the longest first.
type addedSet [256][]added

func (set *addedSet) add(a added) {
	list := &set[a.text[0]]
	i := 0
	for i < len(*list) && len((*list)[i].text) >= len(a.text) {
		i++
	}
	*list = append((*list)[:i], append([]added{a}, (*list)[i:]...)...)
}

// pieces yields the text between added tokens, and the tokens: the leftmost first,
// of those the longest. A piece of text has no token.
func (set *addedSet) pieces(s string) iter.Seq2[string, *added] {
	return func(yield func(string, *added) bool) {
		start, strip := 0, false
		text := func(end int, rstrip bool) bool {
			piece := s[start:end]
			if strip {
				piece = strings.TrimLeftFunc(piece, unicode.IsSpace)
			}
			if rstrip {
				piece = strings.TrimRightFunc(piece, unicode.IsSpace)
			}
			return piece == "" || yield(piece, nil)
		}
		for i := 0; i < len(s); i++ {
			a := set.at(s[i:])
			if a == nil {
				continue
			}
			if !text(i, a.lstrip) || !yield("", a) {
				return
			}
			start, strip = i+len(a.text), a.rstrip
			i = start - 1
		}
		text(len(s), false)
	}
}

// at returns the token that s begins with, or nil.
func (set *addedSet) at(s string) *added {
	list := set[s[0]]
	for i := range list {
		if strings.HasPrefix(s, list[i].text) {
			return &list[i]
		}
	}
	return nil
}
