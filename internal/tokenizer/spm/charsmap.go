package spm

import (
	"bytes"
	"encoding/binary"
	"strings"
	"unicode/utf8"
)

// charsmap is a table of replacements of characters: what NFKC and the like are in a
// model. It is a double array (Aoe 1989; darts-clone, whose units these are), whose values
// are places in a list of texts, each ended by a zero.
type charsmap struct {
	units []uint32
	texts []byte
}

// parseCharsmap reads NormalizerSpec.precompiled_charsmap: the size of the array in
// bytes, the array, the texts.
func parseCharsmap(b []byte) (*charsmap, error) {
	if len(b) < 4 {
		return nil, truncated("table of replacements", len(b))
	}
	size := binary.LittleEndian.Uint32(b)
	if b = b[4:]; uint64(size) > uint64(len(b)) || size%4 != 0 {
		return nil, truncated("array of replacements", len(b))
	}
	c := &charsmap{units: make([]uint32, size/4), texts: b[size:]}
	for i := range c.units {
		c.units[i] = binary.LittleEndian.Uint32(b[4*i:])
	}
	return c, nil
}

// longest returns the length of the longest text in the table that s begins with, 0 if
// there is none, and what replaces it.
func (c *charsmap) longest(s string) (n int, to string) {
	at := uint32(0)
	unit, ok := c.unit(at)
	if !ok {
		return 0, ""
	}
	at ^= offset(unit)
	for i := range len(s) {
		at ^= uint32(s[i])
		if unit, ok = c.unit(at); !ok || unit&(1<<31|0xff) != uint32(s[i]) {
			break
		}
		at ^= offset(unit)
		if unit>>8&1 == 1 {
			if leaf, ok := c.unit(at); ok {
				n, to = i+1, c.text(leaf&(1<<31-1))
			}
		}
	}
	return n, to
}

func (c *charsmap) unit(at uint32) (uint32, bool) {
	if uint64(at) >= uint64(len(c.units)) {
		return 0, false
	}
	return c.units[at], true
}

func offset(unit uint32) uint32 { return unit >> 10 << (unit & (1 << 9) >> 6) }

// text returns the text that begins at a place.
func (c *charsmap) text(at uint32) string {
	if uint64(at) >= uint64(len(c.texts)) {
		return ""
	}
	t, _, _ := bytes.Cut(c.texts[at:], []byte{0})
	return string(t)
}

// replace normalises s by a table of replacements, around the user-defined pieces
// (normalizer.cc, Normalize).
func (m *Model) replace(s string) string {
	gap := " "
	if m.escape {
		gap = space
	}
	if m.removeExtra {
		for s != "" {
			to, n := m.replaceAt(s)
			if to != " " {
				break
			}
			s = s[n:]
		}
	}
	if s == "" {
		return ""
	}
	var b strings.Builder
	if m.dummyPrefix && !m.suffix {
		b.WriteString(gap)
	}
	spaced := m.removeExtra
	for s != "" {
		to, n := m.replaceAt(s)
		s = s[n:]
		if spaced {
			to = strings.TrimLeft(to, " ")
		}
		if to != "" {
			b.WriteString(strings.ReplaceAll(to, " ", gap))
			spaced = m.removeExtra && strings.HasSuffix(to, " ")
		}
	}
	out := b.String()
	for m.removeExtra && strings.HasSuffix(out, gap) {
		out = out[:len(out)-len(gap)]
	}
	if m.dummyPrefix && m.suffix {
		out += gap
	}
	return out
}

// replaceAt returns what the head of s becomes, and its length.
func (m *Model) replaceAt(s string) (to string, n int) {
	if n, ok := m.definedAt(s); ok {
		return s[:n], n
	}
	if n, to := m.table.longest(s); n > 0 {
		return to, n
	}
	r, n := utf8.DecodeRuneInString(s)
	return string(r), n
}
