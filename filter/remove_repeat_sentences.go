package filter

import (
	"context"
	"strings"
)

func init() {
	Register("remove_repeat_sentences_mapper", func() Op { return &removeRepeats{IgnoreSpecial: true, MinLen: 2} })
}

// removeRepeats removes sentences that occurred before in the same text.
type removeRepeats struct {
	Lowercase     bool    `param:"lowercase"`
	IgnoreSpecial bool    `param:"ignore_special_character"` // compare letters, digits and Chinese alone
	MinLen        int     `param:"min_repeat_sentence_length"`
	Tokenizer     *string `param:"tokenizer"`
}

func (m *removeRepeats) check() error {
	if m.Tokenizer != nil {
		return &Error{Kind: Unsupported, Op: "filter", What: "remove_repeat_sentences_mapper: tokenizer", Have: "Python code", Want: "null"}
	}
	return nil
}

func (m *removeRepeats) Map(_ context.Context, r *Row) ([]*Row, error) {
	return r.mapText(func(text string) (string, error) {
		lines := strings.Split(text, "\n")
		seen := map[string]bool{}
		for i, line := range lines {
			if line == "" {
				continue
			}
			sentences, err := splitSentences(line)
			if err != nil {
				return "", err
			}
			lines[i] = m.fresh(sentences, seen)
		}
		return strings.Join(lines, "\n"), nil
	})
}

// fresh joins the sentences that were not seen yet.
func (m *removeRepeats) fresh(sentences []string, seen map[string]bool) string {
	var b strings.Builder
	for _, s := range sentences {
		key := m.key(s)
		if short := pyLen(key) < m.MinLen; short || !seen[key] {
			b.WriteString(s)
			seen[key] = seen[key] || !short
		}
	}
	return b.String()
}

func (m *removeRepeats) key(s string) string {
	s = pyStrip(s)
	if m.Lowercase {
		s = pyLower(s)
	}
	if !m.IgnoreSpecial {
		return s
	}
	return strings.Map(func(c rune) rune {
		switch {
		case c == ' ' || c == '\t' || c == '\n', 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', 0x4e00 <= c && c <= 0x9fa5:
			return c
		}
		return -1
	}, s)
}

// sentenceEnds are put to work one after the other; each match gets a line feed
// between its groups.
var sentenceEnds = []*pattern{
	mustCompile(`([.。！!？\?])([^’”])`, false, false),
	mustCompile(`(\.{6})([^’”])`, false, false),
	mustCompile(`(\…{2})([^’”])`, false, false),
	mustCompile(`([.。!！？\?\.{6}\…{2}][’”])([^’”])`, false, false),
}

var lineBetween = replacement{{group: 1}, {"\n", -1}, {group: 2}}

func splitSentences(line string) ([]string, error) {
	if strings.ContainsAny(line, ".。！!？?…’”") {
		for _, p := range sentenceEnds {
			var err error
			if line, err = p.sub(line, lineBetween); err != nil {
				return nil, err
			}
		}
	}
	return strings.Split(line, "\n"), nil
}
