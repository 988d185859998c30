package filter

import (
	"context"
	"strings"
)

func init() {
	Register("clean_links_mapper", func() Op { return &clean{builtin: linkPattern, plain: linkPlain, starts: &linkStarts} })
	Register("clean_email_mapper", func() Op { return &clean{builtin: emailPattern, plain: emailPattern, starts: &emailStarts} })
	Register("clean_ip_mapper", func() Op { return &clean{builtin: ipPattern, plain: ipPattern, starts: &ipStarts} })
}

// clean replaces what a pattern matches: links, mail addresses, IP addresses.
type clean struct {
	Pattern *string `param:"pattern"` // null is the op's own
	Repl    string  `param:"repl"`

	builtin string
	plain   string  // matches the same as builtin, with no groups inside a match
	starts  *starts // of matches of builtin
	re      *pattern
	to      replacement
}

// The patterns are Data-Juicer's (ops/mapper/clean_*_mapper.py).
const (
	linkPattern = `(?i)\b((?:[a-z][\w-]+:(?:\/{1,3}|[a-z0-9%])|www\d{0,3}[.]|[a-z0-9.\-]+[.][a-z]{2,4}\/)` +
		`(?:[^\s()<>]+|\(([^\s()<>]+|(\([^\s()<>]+\)))*\))+` +
		`(?:\(([^\s()<>]+|(\([^\s()<>]+\)))*\)|[^\s` + "`" + `!()\[\]{};:\'\".,<>?«»“”‘’]))`
	// linkPlain matches what linkPattern does. That tries every way to cut a run of
	// characters into runs, which takes forever on some texts; here there is one way only,
	// and no groups within the link.
	linkPlain = `(?i)\b((?:[a-z][\w-]+:(?:\/{1,3}|[a-z0-9%])|www\d{0,3}[.]|[a-z0-9.\-]+[.][a-z]{2,4}\/)` +
		`(?:[^\s()<>]+(?:` + linkBraces + `[^\s()<>]*)*|(?:` + linkBraces + `[^\s()<>]*)+)` +
		`(?:` + linkBraces + `|[^\s` + "`" + `!()\[\]{};:\'\".,<>?«»“”‘’]))`
	linkBraces   = `\((?:(?>[^\s()<>]+)|\([^\s()<>]+\))*\)`
	emailPattern = `[A-Za-z0-9.\-+_]+@[a-z0-9.\-+_]+\.[a-z]+`
	ipPattern    = `(?:(?:1[0-9][0-9]\.)|(?:2[0-4][0-9]\.)|(?:25[0-5]\.)|(?:[1-9][0-9]\.)|(?:[0-9]\.)){3}` +
		`(?:(?:1[0-9][0-9])|(?:2[0-4][0-9])|(?:25[0-5])|(?:[1-9][0-9])|(?:[0-9]))|([\da-fA-F]{1,4}:){7}[\da-fA-F]{1,4}`
)

// Where matches of the patterns may begin.
var (
	linkStarts = starts{words: true, any: []start{
		{in: func(c byte) bool { return isWordByte(c) || c == '-' }, end: ':'},
		{in: isWordByte, end: '.', first: "wW"},
		{in: func(c byte) bool { return isWordByte(c) || c == '-' || c == '.' }, end: '/'},
	}}
	emailStarts = starts{any: []start{{in: func(c byte) bool { return isWordByte(c) || strings.IndexByte(".-+", c) >= 0 }, end: '@'}}}
	ipStarts    = starts{any: []start{{in: isDigitByte, end: '.'}, {in: isHexByte, end: ':'}}}
)

func containsFold(text, word string) bool {
	return strings.Contains(strings.ToLower(text), word)
}

func (m *clean) check() (err error) {
	expr := m.builtin
	if m.Pattern != nil {
		expr = unquoteRaw(*m.Pattern)
	}
	if m.re, err = compile(expr, true, false); err != nil {
		return err
	}
	if m.to, err = m.re.template(m.Repl); err != nil || m.Pattern != nil {
		return err
	}
	if m.to.usesGroups() {
		return m.re.beginAt(m.builtin, m.starts)
	}
	return m.re.beginAt(m.plain, m.starts)
}

func (m *clean) Map(_ context.Context, r *Row) ([]*Row, error) {
	return r.mapText(func(text string) (string, error) { return m.re.sub(text, m.to) })
}
