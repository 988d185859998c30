package spm

import "strings"

// space is "▁", which stands for a space in pieces.
const space = "\u2581"

// normalizer is NormalizerSpec.
type normalizer struct {
	table       *charsmap // nil for identity, as ChatGLM's
	dummyPrefix bool      // a space in front of the text
	removeExtra bool      // no space at either end, no two in a row
	escape      bool      // spaces become ▁
	suffix      bool      // the added space stands at the end
}

func (n *normalizer) parse(b []byte) error {
	return fields(b, func(x field) (err error) {
		switch x.number {
		case 2:
			if len(x.bytes) > 0 {
				n.table, err = parseCharsmap(x.bytes)
			}
		case 3:
			n.dummyPrefix = x.flag()
		case 4:
			n.removeExtra = x.flag()
		case 5:
			n.escape = x.flag()
		}
		return err
	})
}

// normalize returns the text that is cut into symbols, without a table of replacements.
// Each byte that is not UTF-8 counts as U+FFFD.
func (n normalizer) normalize(s string) string {
	if n.removeExtra {
		s = squeeze(s)
	}
	if s == "" {
		return ""
	}
	var b strings.Builder
	b.Grow(len(s) + len(s)/4)
	add := " "
	if n.escape {
		add = space
	}
	if n.dummyPrefix && !n.suffix {
		b.WriteString(add)
	}
	for _, r := range s {
		if r == ' ' {
			b.WriteString(add)
		} else {
			b.WriteRune(r)
		}
	}
	s = b.String()
	for n.removeExtra && strings.HasSuffix(s, add) { // a ▁ of the text's own goes, too
		s = s[:len(s)-len(add)]
	}
	if n.dummyPrefix && n.suffix {
		s += add
	}
	return s
}

// squeeze removes spaces at both ends and all but one of several in a row.
func squeeze(s string) string {
	var b strings.Builder
	for word := range strings.SplitSeq(s, " ") {
		if word == "" {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(word)
	}
	return b.String()
}
