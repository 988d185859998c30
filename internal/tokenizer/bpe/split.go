package bpe

import (
	"iter"
	"slices"
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
		ignoreCase := marks[0] != "" // all patterns but Fast's
		for s != "" {
			r, n := utf8.DecodeRuneInString(s)
			if !isGap(r, ignoreCase) {
				n = wordLength(s, r, marks, ignoreCase)
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
func wordLength(s string, r rune, marks [2]string, ignoreCase bool) int {
	for _, mark := range marks {
		if n := foldPrefix(s, mark, ignoreCase); mark != "" && n > 0 {
			return n
		}
	}
	if r == '\'' {
		for _, c := range contractions {
			if n := foldPrefix(s, c, ignoreCase); n > 0 {
				return n
			}
		}
	}
	switch {
	case isLetter(r, ignoreCase):
		return runLength(s, func(r rune) bool { return isLetter(r, ignoreCase) })
	case isNumber(r, ignoreCase):
		return utf8.RuneLen(r)
	}
	return runLength(s, func(r rune) bool {
		return !isGap(r, ignoreCase) && !isLetter(r, ignoreCase) && !isNumber(r, ignoreCase)
	})
}

// foldPrefix returns how many bytes of s spell prefix, or 0. A pattern that ignores
// case takes ſ for s: of the letters that lower case leaves as they are, it alone
// folds to one of prefix's.
func foldPrefix(s, prefix string, ignoreCase bool) int {
	const longS = "ſ"
	n := 0
	for i := range len(prefix) {
		switch rest := s[n:]; {
		case rest == "":
			return 0
		case rest[0] == prefix[i]:
			n++
		case ignoreCase && prefix[i] == 's' && strings.HasPrefix(rest, longS):
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

// addedSet finds added tokens. The zero value has none.
type addedSet struct {
	tokens  map[string]added
	lengths [256][]int // of the tokens that begin with a byte, descending
}

// newAddedSet makes a set; of two tokens with one text the first counts.
func newAddedSet(tokens []added) *addedSet {
	set := &addedSet{tokens: make(map[string]added, len(tokens))}
	for _, a := range tokens {
		if _, there := set.tokens[a.text]; there || a.text == "" {
			continue
		}
		set.tokens[a.text] = a
		set.lengths[a.text[0]] = append(set.lengths[a.text[0]], len(a.text))
	}
	for b, lengths := range set.lengths {
		slices.Sort(lengths)
		slices.Reverse(lengths)
		set.lengths[b] = slices.Compact(lengths)
	}
	return set
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
			a, ok := set.at(s[i:])
			if !ok {
				continue
			}
			if !text(i, a.lstrip) || !yield("", &a) {
				return
			}
			start, strip = i+len(a.text), a.rstrip
			i = start - 1
		}
		text(len(s), false)
	}
}

// at returns the longest token that s begins with.
func (set *addedSet) at(s string) (added, bool) {
	for _, n := range set.lengths[s[0]] {
		if n <= len(s) {
			if a, ok := set.tokens[s[:n]]; ok {
				return a, true
			}
		}
	}
	return added{}, false
}
