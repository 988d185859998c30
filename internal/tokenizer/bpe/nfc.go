package bpe

import (
	"slices"
	"strings"

	"golang.org/x/text/unicode/norm"
)

// manyMarks is the number of combining characters in a row from which package norm
// departs from Unicode's composition: it puts U+034F between them (UAX #15, stream-safe
// text format), as the reference does not.
const manyMarks = 30

// nfc returns Unicode's canonical composition of s.
func nfc(s string) string {
	var b strings.Builder
	done := 0
	for start, end := range manyMarked(s) {
		b.WriteString(norm.NFC.String(s[done:start]))
		b.WriteString(compose(s[start:end]))
		done = end
	}
	if done == 0 {
		return norm.NFC.String(s)
	}
	b.WriteString(norm.NFC.String(s[done:]))
	return b.String()
}

// manyMarked yields the parts of s, from one boundary of composition to the next,
// that norm would alter: those of more than manyMarks characters.
func manyMarked(s string) func(yield func(start, end int) bool) {
	return func(yield func(start, end int) bool) {
		start, count := 0, 0
		for i := 0; i < len(s); {
			p := norm.NFC.PropertiesString(s[i:])
			if p.BoundaryBefore() {
				if count > manyMarks && !yield(start, i) {
					return
				}
				start, count = i, 0
			}
			count += max(1, len([]rune(string(p.Decomposition()))))
			i += max(1, p.Size())
		}
		if count > manyMarks {
			yield(start, len(s))
		}
	}
}

// mark is a character with its canonical combining class, 0 for starters.
type mark struct {
	r     rune
	class uint8
}

// compose is the algorithm of UAX #15: decompose, sort the marks behind each
// starter by class, then join each with its starter unless one of the same or a higher class
// stands between.
func compose(s string) string {
	marks := decompose(s)
	starter, last := -1, -1 // index of the starter, class of the mark before
	kept := marks[:0]
	for _, m := range marks {
		if starter >= 0 && last < int(m.class) {
			if r, ok := pair(kept[starter].r, m.r); ok {
				kept[starter].r = r
				continue
			}
		}
		last = int(m.class)
		if m.class == 0 {
			starter, last = len(kept), -1
		}
		kept = append(kept, m)
	}
	var b strings.Builder
	for _, m := range kept {
		b.WriteRune(m.r)
	}
	return b.String()
}

// decompose returns the characters of s in canonical decomposition and order.
func decompose(s string) []mark {
	var marks []mark
	sorted := 0 // the marks before are in order
	sort := func() {
		slices.SortStableFunc(marks[sorted:], func(a, b mark) int { return int(a.class) - int(b.class) })
		sorted = len(marks)
	}
	for _, r := range s {
		text := string(r)
		if d := norm.NFD.PropertiesString(text).Decomposition(); d != nil {
			text = string(d)
		}
		for _, r := range text {
			class := norm.NFD.PropertiesString(string(r)).CCC()
			if class == 0 {
				sort()
			}
			marks = append(marks, mark{r, class})
			if class == 0 {
				sorted = len(marks)
			}
		}
	}
	sort()
	return marks
}

// pair returns the character that a and b compose to.
func pair(a, b rune) (rune, bool) {
	joined := []rune(norm.NFC.String(string([]rune{a, b})))
	return joined[0], len(joined) == 1
}
