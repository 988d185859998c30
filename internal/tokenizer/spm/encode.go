package spm

import (
	"iter"
	"math"
	"unicode/utf8"

	"github.com/easel-go/easel/internal/tokenizer/join"
)

// Encode returns the ids of text; none for "".
func (m *Model) Encode(text string) []int32 {
	ids := make([]int32, 0, 1+len(text)/3)
	for _, id := range m.segments(text) {
		ids = append(ids, id)
	}
	return ids
}

// Pieces returns the pieces of text instead of their ids: for looking at.
func (m *Model) Pieces(text string) []string {
	var pieces []string
	for s := range m.segments(text) {
		pieces = append(pieces, s)
	}
	return pieces
}

// segments yields the pieces of text with their ids. What the model does not know
// comes byte by byte; in models without byte fallback, all of it that stands
// together is one segment.
func (m *Model) segments(text string) iter.Seq2[string, int32] {
	return func(yield func(string, int32) bool) {
		var strange []byte
		for s, id := range m.split(text) {
			switch {
			case id != m.unk:
				if len(strange) > 0 && !yield(string(strange), m.unk) {
					return
				}
				strange = strange[:0]
				if !yield(s, id) {
					return
				}
			case m.byteFallback:
				for i := range len(s) {
					if !yield(byteName(s[i]), m.bytes[s[i]]) {
						return
					}
				}
			default:
				strange = append(strange, s...)
			}
		}
		if len(strange) > 0 {
			yield(string(strange), m.unk)
		}
	}
}

// split normalises a text and yields its pieces by the model's type.
func (m *Model) split(text string) iter.Seq2[string, int32] {
	if m.table != nil {
		text = m.replace(text)
	} else {
		text = m.normalize(text)
	}
	if m.unigram {
		return m.likeliest(text)
	}
	return m.joined(text)
}

// joined yields the symbols of a normalised text after joining.
func (m *Model) joined(s string) iter.Seq2[string, int32] {
	return func(yield func(string, int32) bool) {
		t := m.symbols(s)
		for _, i := range join.All(len(t.start), t, join.Eager) {
			if !t.yield(s[t.start[i]:t.end[i]], yield) {
				return
			}
		}
	}
}

// symbols is a text cut into symbols.
type symbols struct {
	model      *Model
	text       string
	start, end []int32
	frozen     []bool               // a user-defined piece, which nothing is joined to
	parts      map[string][2]string // what unused pieces were joined from
}

// symbols cuts a text into user-defined pieces and characters.
func (m *Model) symbols(s string) *symbols {
	n := utf8.RuneCountInString(s)
	t := &symbols{model: m, text: s, start: make([]int32, 0, n), end: make([]int32, 0, n), frozen: make([]bool, 0, n), parts: map[string][2]string{}}
	for i := 0; i < len(s); {
		size, frozen := m.definedAt(s[i:])
		if !frozen {
			_, size = utf8.DecodeRuneInString(s[i:])
		}
		t.start, t.end, t.frozen = append(t.start, int32(i)), append(t.end, int32(i+size)), append(t.frozen, frozen)
		i += size
	}
	return t
}

// definedAt returns the length of the longest user-defined piece that s begins with.
func (m *Model) definedAt(s string) (int, bool) {
	for _, n := range m.defined[s[0]] {
		if n <= len(s) {
			if id, ok := m.joinable[s[:n]]; ok && m.pieces[id].kind == userDefined {
				return n, true
			}
		}
	}
	return 0, false
}

// Rank implements join.Rules: the higher the score of what two symbols make, the
// lower the rank.
func (t *symbols) Rank(i, j int32) (uint32, bool) {
	if t.frozen[i] || t.frozen[j] || int(t.end[j]-t.start[i]) > t.model.longest {
		return 0, false
	}
	id, ok := t.model.joinable[t.text[t.start[i]:t.end[j]]]
	if !ok {
		return 0, false
	}
	if p := t.model.pieces[id]; p.kind == unused {
		t.parts[p.text] = [2]string{t.text[t.start[i]:t.end[i]], t.text[t.start[j]:t.end[j]]}
	}
	return descending(t.model.pieces[id].score), true
}

// Join implements join.Rules.
func (t *symbols) Join(i, j int32) { t.end[i] = t.end[j] }

// descending maps scores to numbers in opposite order.
func descending(score float32) uint32 {
	b := math.Float32bits(score + 0) // −0 is 0
	if b>>31 == 0 {
		return ^(b | 1<<31)
	}
	return b
}

// yield yields a symbol, or, if it is an unused piece, what that was joined from.
func (t *symbols) yield(s string, yield func(string, int32) bool) bool {
	id := t.model.id(s)
	if parts, ok := t.parts[s]; ok && t.model.pieces[id].kind == unused {
		return t.yield(parts[0], yield) && t.yield(parts[1], yield)
	}
	return yield(s, id)
}

// id returns the id of a piece, or of the unknown one.
func (m *Model) id(s string) int32 {
	if id, ok := m.reserved[s]; ok {
		return id
	}
	if id, ok := m.joinable[s]; ok {
		return id
	}
	return m.unk
}
