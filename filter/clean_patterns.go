package filter

import (
	"context"
	"strings"
)

func init() {
	Register("clean_links_mapper", func() Op { return &clean{builtin: linkPattern, may: mayBeLink} })
	Register("clean_email_mapper", func() Op { return &clean{builtin: emailPattern, may: mayBeEmail} })
	Register("clean_ip_mapper", func() Op { return &clean{builtin: ipPattern, may: mayBeIP} })
}

// clean replaces what a pattern matches: links, mail addresses, IP addresses.
type clean struct {
	Pattern *string `param:"pattern"` // null is the op's own
	Repl    string  `param:"repl"`

	builtin string
	may     func(text string) bool // false is certain: the op's own pattern does not occur
	re      *pattern
	to      replacement
}

// The patterns are Data-Juicer's (ops/mapper/clean_*_mapper.py).
const (
	linkPattern = `(?i)\b((?:[a-z][\w-]+:(?:\/{1,3}|[a-z0-9%])|www\d{0,3}[.]|[a-z0-9.\-]+[.][a-z]{2,4}\/)` +
		`(?:[^\s()<>]+|\(([^\s()<>]+|(\([^\s()<>]+\)))*\))+` +
		`(?:\(([^\s()<>]+|(\([^\s()<>]+\)))*\)|[^\s` + "`" + `!()\[\]{};:\'\".,<>?«»“”‘’]))`
	emailPattern = `[A-Za-z0-9.\-+_]+@[a-z0-9.\-+_]+\.[a-z]+`
	ipPattern    = `(?:(?:1[0-9][0-9]\.)|(?:2[0-4][0-9]\.)|(?:25[0-5]\.)|(?:[1-9][0-9]\.)|(?:[0-9]\.)){3}` +
		`(?:(?:1[0-9][0-9])|(?:2[0-4][0-9])|(?:25[0-5])|(?:[1-9][0-9])|(?:[0-9]))|([\da-fA-F]{1,4}:){7}[\da-fA-F]{1,4}`
)

func mayBeLink(text string) bool {
	return strings.ContainsAny(text, ":") || strings.Contains(text, ".") && (strings.Contains(text, "/") || containsFold(text, "www"))
}

func mayBeEmail(text string) bool { return strings.Contains(text, "@") }

func mayBeIP(text string) bool { return strings.Count(text, ".") >= 3 || strings.Count(text, ":") >= 7 }

func containsFold(text, word string) bool {
	return strings.Contains(strings.ToLower(text), word)
}

func (m *clean) check() (err error) {
	expr := m.builtin
	if m.Pattern != nil {
		expr, m.may = unquoteRaw(*m.Pattern), nil
	}
	if m.re, err = compile(expr, true, false); err != nil {
		return err
	}
	m.to, err = m.re.template(m.Repl)
	return err
}

func (m *clean) Map(_ context.Context, r *Row) ([]*Row, error) {
	return r.mapText(func(text string) (string, error) {
		if m.may != nil && !m.may(text) {
			return text, nil
		}
		return m.re.sub(text, m.to)
	})
}
