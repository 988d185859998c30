package filter

import (
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/dlclark/regexp2"
)

// pattern is a regular expression of Python's module regex, which Data-Juicer's text ops
// use in place of re. The two differ in what \w and \s hold.
type pattern struct {
	re *regexp2.Regexp

	starts *starts         // where matches may begin; nil if nothing is known
	here   *regexp2.Regexp // re at one place alone, if starts are known
}

// matchTimeout bounds one search, since backtracking can take forever.
const matchTimeout = 5 * time.Second

// compile translates a Python pattern. dotAll is re.DOTALL, multiline re.MULTILINE.
func compile(expr string, dotAll, multiline bool) (*pattern, error) {
	opt := regexp2.RegexOptions(regexp2.None)
	if dotAll {
		opt |= regexp2.Singleline
	}
	if multiline {
		opt |= regexp2.Multiline
	}
	re, err := regexp2.Compile(translate(expr), opt)
	if err != nil {
		return nil, as("error", &Error{Kind: Invalid, Op: "filter", What: "regular expression " + strconv.Quote(expr), Err: err})
	}
	re.MatchTimeout = matchTimeout
	return &pattern{re: re}, nil
}

func mustCompile(expr string, dotAll, multiline bool) *pattern {
	p, err := compile(expr, dotAll, multiline)
	if err != nil {
		panic(err)
	}
	return p
}

// unquoteRaw takes the r'…' off a pattern that was written as Python source, as
// Data-Juicer does.
func unquoteRaw(expr string) string {
	for _, q := range []string{"'", `"`} {
		if len(expr) > 2 && strings.HasPrefix(expr, "r"+q) && strings.HasSuffix(expr, q) {
			return expr[2 : len(expr)-1]
		}
	}
	return expr
}

// What Python's classes hold, inside brackets of .NET's syntax, which regexp2 reads.
const (
	wordSet  = `\p{L}\p{M}\p{Nd}\p{Nl}\p{Pc}`
	digitSet = `\p{Nd}`
	spaceSet = `\s`
)

// translate rewrites a pattern of Python's re for regexp2: the Unicode classes, word
// boundaries, named groups, the end of text, and brackets within brackets.
func translate(expr string) string {
	var b strings.Builder
	inClass := false
	for i := 0; i < len(expr); i++ {
		c := expr[i]
		switch {
		case c == '\\' && i+1 < len(expr):
			i++
			if expr[i] >= utf8.RuneSelf {
				b.WriteByte(expr[i]) // an escaped letter beyond ASCII is itself
				continue
			}
			b.WriteString(escape(expr[i], inClass))
		case inClass && c == '[':
			b.WriteString(`\[`)
		case inClass && c == ']' && !openedAt(expr, i):
			inClass = false
			b.WriteByte(c)
		case inClass && c == ']':
			b.WriteString(`\]`)
		case !inClass && c == '[':
			inClass = true
			b.WriteByte(c)
		case !inClass && strings.HasPrefix(expr[i:], "(?P<"):
			b.WriteString("(?<")
			i += len("(?P<") - 1
		case !inClass && strings.HasPrefix(expr[i:], "(?P="):
			end := strings.IndexByte(expr[i:], ')')
			if end < 0 {
				return expr
			}
			b.WriteString(`\k<` + expr[i+4:i+end] + ">")
			i += end
		case !inClass && strings.HasPrefix(expr[i:], "{,"):
			b.WriteString("{0,")
			i++
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// openedAt reports whether the ] at i stands right behind its [ or [^, where Python
// takes it for itself.
func openedAt(expr string, i int) bool {
	return expr[i-1] == '[' && !escaped(expr, i-1) || expr[i-1] == '^' && i > 1 && expr[i-2] == '[' && !escaped(expr, i-2)
}

func escaped(expr string, i int) bool {
	n := 0
	for i--; i >= 0 && expr[i] == '\\'; i-- {
		n++
	}
	return n%2 == 1
}

func escape(c byte, inClass bool) string {
	set, not := "", "^"
	switch c {
	case 'w', 'W':
		set = wordSet
	case 'd', 'D':
		set = digitSet
	case 's', 'S':
		set = spaceSet
	case 'b':
		if !inClass {
			return "(?:(?<=[" + wordSet + "])(?![" + wordSet + "])|(?<![" + wordSet + "])(?=[" + wordSet + "]))"
		}
	case 'B':
		return "(?:(?<=[" + wordSet + "])(?=[" + wordSet + "])|(?<![" + wordSet + "])(?![" + wordSet + "]))"
	case 'Z':
		return `\z`
	}
	if set == "" {
		return `\` + string(rune(c))
	}
	lower := c >= 'a'
	switch {
	case inClass && lower:
		return set
	case inClass && c == 'D':
		return `\P{Nd}`
	case inClass:
		return `\` + string(rune(c)) // \S and \W in a class: .NET's, nearly the same
	case lower:
		not = ""
	}
	return "[" + not + set + "]"
}

// search reports whether the pattern occurs in text.
func (p *pattern) search(text string) (bool, error) {
	ok, err := p.re.MatchString(text)
	return ok, slow(err)
}

func slow(err error) error {
	if err == nil {
		return nil
	}
	return &Error{Kind: Limit, Op: "filter", What: "regular expression", Want: "a match within " + matchTimeout.String(), Err: err}
}

// span is a match: rune offsets of the groups, -1 for one that took no part.
type span struct{ groups [][2]int }

// spans returns all matches that do not overlap, in the order of re.finditer.
func (p *pattern) spans(runes []rune) (all []span, err error) {
	if p.starts != nil {
		return p.spansFrom(runes)
	}
	m, err := p.re.FindRunesMatch(runes)
	for ; m != nil && err == nil; m, err = p.re.FindNextMatch(m) {
		all = append(all, spanOf(m))
	}
	return all, slow(err)
}

func spanOf(m *regexp2.Match) (s span) {
	for _, g := range m.Groups() {
		at := [2]int{-1, -1}
		if len(g.Captures) > 0 {
			at = [2]int{g.Index, g.Index + g.Length}
		}
		s.groups = append(s.groups, at)
	}
	return s
}

// sub is re.sub: every match becomes repl, in which \1 and \g<name> are groups.
func (p *pattern) sub(text string, repl replacement) (string, error) {
	if repl == nil || p.starts != nil && !p.starts.possible(text) {
		return text, nil
	}
	runes := []rune(text)
	all, err := p.spans(runes)
	if err != nil || len(all) == 0 {
		return text, err
	}
	var b strings.Builder
	at := 0
	for _, s := range all {
		b.WriteString(string(runes[at:s.groups[0][0]]))
		repl.expand(&b, runes, s)
		at = s.groups[0][1]
	}
	b.WriteString(string(runes[at:]))
	return b.String(), nil
}

// replacement is a template of re.sub: literal text and groups in turn.
type replacement []part

type part struct {
	text  string
	group int // -1 for text
}

func (t replacement) expand(b *strings.Builder, runes []rune, s span) {
	for _, p := range t {
		if p.group < 0 {
			b.WriteString(p.text)
		} else if g := s.groups[p.group]; g[0] >= 0 {
			b.WriteString(string(runes[g[0]:g[1]]))
		}
	}
}

// usesGroups reports whether the replacement has anything of a match but the whole.
func (t replacement) usesGroups() bool {
	return slices.ContainsFunc(t, func(p part) bool { return p.group > 0 })
}

// template reads the replacement of re.sub for the pattern.
func (p *pattern) template(repl string) (replacement, error) {
	t := replacement{}
	var text strings.Builder
	flush := func() {
		if text.Len() > 0 {
			t = append(t, part{text.String(), -1})
			text.Reset()
		}
	}
	for i := 0; i < len(repl); i++ {
		if repl[i] != '\\' || i+1 == len(repl) {
			text.WriteByte(repl[i])
			continue
		}
		group, size, char := p.reference(repl[i+1:])
		switch {
		case size == 0:
			return nil, as("error", fail(Invalid, "replacement %q: bad escape at %d", repl, i))
		case group >= 0:
			flush()
			t = append(t, part{group: group})
		default:
			text.WriteString(char)
		}
		i += size
	}
	flush()
	return t, nil
}

var simpleEscapes = map[byte]string{'n': "\n", 't': "\t", 'r': "\r", 'a': "\a", 'b': "\b", 'f': "\f", 'v': "\v", '\\': "\\"}

// reference reads what follows a backslash: a group, or a character. size is 0 if it
// is neither.
func (p *pattern) reference(s string) (group, size int, char string) {
	n := len(p.re.GetGroupNumbers())
	if e, ok := simpleEscapes[s[0]]; ok {
		return -1, 1, e
	}
	if s[0] == 'g' && len(s) > 2 && s[1] == '<' {
		end := strings.IndexByte(s, '>')
		if end < 0 {
			return -1, 0, ""
		}
		g, err := strconv.Atoi(s[2:end])
		if err != nil {
			g = p.re.GroupNumberFromName(s[2:end])
		}
		if g < 0 || g >= n {
			return -1, 0, ""
		}
		return g, end + 1, ""
	}
	if s[0] >= '0' && s[0] <= '9' {
		return p.numbered(s, n)
	}
	if s[0] < utf8.RuneSelf && isAlnum(rune(s[0])) {
		return -1, 0, "" // an escape of a letter that means nothing
	}
	_, size = utf8.DecodeRuneInString(s)
	return -1, size, `\` + s[:size]
}

// numbered reads \1 to \99, or an octal code: \0 and three digits below \400.
func (p *pattern) numbered(s string, n int) (group, size int, char string) {
	digits := 1
	for digits < len(s) && digits < 3 && s[digits] >= '0' && s[digits] <= '9' {
		digits++
	}
	if octal, err := strconv.ParseInt(s[:digits], 8, 32); err == nil && (s[0] == '0' || digits == 3) && octal < 256 {
		return -1, digits, string(rune(octal))
	}
	digits = min(digits, 2)
	g, _ := strconv.Atoi(s[:digits])
	if g >= n {
		return -1, 0, ""
	}
	return g, digits, ""
}
