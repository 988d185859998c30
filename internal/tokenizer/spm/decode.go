package spm

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// Decode returns the text that ids stand for: what Encode was given, but for the
// signs ▁ in it. Control pieces are nothing, unknown ones " ⁇ ", bytes that make no
// character U+FFFD; ids outside the vocabulary are left out.
func (m *Model) Decode(ids []int32) string {
	var b strings.Builder
	var run []byte // of byte pieces
	flush := func() {
		for len(run) > 0 {
			r, n := utf8.DecodeRune(run)
			b.WriteRune(r)
			run = run[n:]
		}
	}
	atStart := true
	for _, id := range ids {
		if id < 0 || int(id) >= len(m.pieces) {
			continue
		}
		p := m.pieces[id]
		if p.kind == byteKind {
			run = append(run, byteOf(p.text))
			continue
		}
		flush()
		atStart = atStart && b.Len() == 0
		switch p.kind {
		case control:
		case unknown:
			b.WriteString(m.unkSurface)
		default:
			text := p.text
			if atStart && (m.dummyPrefix || m.removeExtra) {
				var had bool
				text, had = strings.CutPrefix(text, space)
				atStart = !had || m.removeExtra
			}
			b.WriteString(strings.ReplaceAll(text, space, " "))
		}
	}
	flush()
	return b.String()
}

// byteOf returns the byte that the name of a byte piece spells, 0 for other names.
func byteOf(name string) byte {
	if len(name) != len("<0x00>") {
		return 0
	}
	b, _ := strconv.ParseUint(name[3:5], 16, 8)
	return byte(b)
}
