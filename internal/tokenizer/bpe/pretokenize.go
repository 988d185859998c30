package bpe

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/dlclark/regexp2"
	"github.com/easel-go/easel/internal/fault"
)

// splitter is a step that cuts a text: find says where its pattern is, behavior what
// becomes of those places and of what lies between them.
type splitter struct {
	find     func(s string, found func(start, end int)) error
	behavior string
	invert   bool
}

// splitterOf makes the step of a pre-tokenizer.
func splitterOf(s stepJSON) (splitter, error) {
	switch s.Type {
	case "ByteLevel":
		if s.UseRegex == nil || *s.UseRegex {
			return splitter{find: scan(gpt2), behavior: "Isolated"}, nil
		}
		return splitter{find: nothing, behavior: "Isolated"}, nil
	case "Digits":
		if s.EachDigit {
			return splitter{find: runes(isDigit), behavior: "Isolated"}, nil
		}
		return splitter{find: runes(isDigit), behavior: "Contiguous"}, nil
	case "Split":
		return splitOf(s)
	}
	return splitter{}, refuse("pre_tokenizer", s.Type, "ByteLevel, Split, Digits, or a Sequence of them")
}

func splitOf(s stepJSON) (x splitter, err error) {
	x = splitter{behavior: s.Behavior, invert: s.Invert}
	switch s.Behavior {
	case "Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous":
	default:
		return x, refuse("behavior", s.Behavior, "Removed, Isolated, MergedWithPrevious, MergedWithNext or Contiguous")
	}
	switch {
	case s.Pattern.Regex != nil && known(*s.Pattern.Regex) != nil:
		x.find = scan(known(*s.Pattern.Regex))
	case s.Pattern.Regex != nil:
		x.find, err = regex(*s.Pattern.Regex)
	case s.Pattern.String != nil && *s.Pattern.String != "":
		x.find = literal(*s.Pattern.String)
	default:
		return x, refuse("pattern", "none", "Regex or String")
	}
	return x, err
}

// span is a part of a text: what the pattern found, or what lies between.
type span struct {
	start, end int
	match      bool
}

// split appends the parts of s to out, empty ones left out.
func (x splitter) split(out []string, s string) ([]string, error) {
	var spans []span
	at := 0
	add := func(start, end int, match bool) {
		if start < end {
			spans = append(spans, span{start, end, match != x.invert})
		}
	}
	err := x.find(s, func(start, end int) {
		add(at, start, false)
		add(start, end, true)
		at = end
	})
	if err != nil {
		return nil, err
	}
	add(at, len(s), false)
	for _, p := range x.arrange(spans) {
		out = append(out, s[p.start:p.end])
	}
	return out, nil
}

// arrange does what the behavior says.
func (x splitter) arrange(spans []span) []span {
	out := spans[:0:0]
	switch x.behavior {
	case "Removed":
		for _, p := range spans {
			if !p.match {
				out = append(out, p)
			}
		}
		return out
	case "Contiguous", "MergedWithPrevious":
		before := false
		for _, p := range spans {
			joins := p.match && !before
			if x.behavior == "Contiguous" {
				joins = p.match == before
			}
			if n := len(out); joins && n > 0 {
				out[n-1].end = p.end
			} else {
				out = append(out, p)
			}
			before = p.match
		}
		return out
	case "MergedWithNext":
		for i, p := range spans {
			if n := len(out); n > 0 && spans[i-1].match && !p.match {
				out[n-1].end = p.end
			} else {
				out = append(out, p)
			}
		}
		return out
	}
	return spans
}

func isDigit(r rune) bool { return isNumber(r, false) }

func nothing(string, func(start, end int)) error { return nil }

// runes finds single characters.
func runes(is func(rune) bool) func(string, func(start, end int)) error {
	return func(s string, found func(start, end int)) error {
		for i, r := range s {
			if is(r) {
				found(i, i+utf8.RuneLen(r))
			}
		}
		return nil
	}
}

// literal finds a text.
func literal(text string) func(string, func(start, end int)) error {
	return func(s string, found func(start, end int)) error {
		for at := 0; ; {
			i := strings.Index(s[at:], text)
			if i < 0 {
				return nil
			}
			found(at+i, at+i+len(text))
			at += i + len(text)
		}
	}
}

// patience bounds the time that a pattern may take to find its next place.
const patience = time.Second

// regex finds a regular expression: the slow way, for patterns that scan does not know.
func regex(pattern string) (func(string, func(start, end int)) error, error) {
	re, err := regexp2.Compile(newer(pattern), regexp2.None)
	if err != nil {
		return nil, &fault.Error{Kind: fault.Unsupported, Op: "tokenizer", Where: fastFile, What: "pattern", Have: pattern, Err: err}
	}
	re.MatchTimeout = patience
	return func(s string, found func(start, end int)) error {
		m, err := re.FindStringMatch(s)
		at, runes := 0, 0 // a place in bytes and in characters
		for ; m != nil && err == nil; m, err = re.FindNextMatch(m) {
			start := at + len(prefix(s[at:], m.Index-runes))
			end := start + len(m.String())
			if m.Length > 0 {
				found(start, end)
			}
			at, runes = end, m.Index+m.Length
		}
		if err != nil {
			return &fault.Error{Kind: fault.Limit, Op: "tokenizer", Where: fastFile, What: "pattern", Have: pattern, Err: err}
		}
		return nil
	}, nil
}

// newer adds to \p{L} and \p{N} of a pattern what Unicode 16 added, the version of the
// reference.
func newer(pattern string) string {
	var b strings.Builder
	class := false
	for i := 0; i < len(pattern); i++ {
		name, ranges := "", ""
		switch c := pattern[i]; {
		case strings.HasPrefix(pattern[i:], `\p{L}`):
			name, ranges = `\p{L}`, rangesOf(letters16)
		case strings.HasPrefix(pattern[i:], `\p{N}`):
			name, ranges = `\p{N}`, rangesOf(numbers16)
		case c == '\\' && i+1 < len(pattern):
			b.WriteString(pattern[i : i+2])
			i++
			continue
		default:
			class = c == '[' || class && c != ']'
			b.WriteByte(c)
			continue
		}
		if i += len(name) - 1; class {
			b.WriteString(name + ranges)
		} else {
			b.WriteString("[" + name + ranges + "]")
		}
	}
	return b.String()
}

// rangesOf writes a table as the inside of a class.
func rangesOf(t *unicode.RangeTable) string {
	var b strings.Builder
	for _, r := range t.R16 {
		b.WriteString(string(rune(r.Lo)) + "-" + string(rune(r.Hi)))
	}
	for _, r := range t.R32 {
		b.WriteString(string(rune(r.Lo)) + "-" + string(rune(r.Hi)))
	}
	return b.String()
}

// prefix returns the first n characters of s.
func prefix(s string, n int) string {
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}
