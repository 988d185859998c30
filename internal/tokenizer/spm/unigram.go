package spm

import (
	"iter"
	"math"
	"slices"
	"unicode/utf8"
)

// unknownPenalty is what a character without a piece costs beyond the worst piece.
const unknownPenalty = 10

// step is the best way to a place in a text.
type step struct {
	start int     // where its last piece begins, −1 if there is no way yet
	id    int32   // of that piece
	score float32 // of all pieces
}

// likeliest yields the pieces of a normalised text whose scores have the greatest sum
// (Kudo 2018, "Subword Regularization"; unigram_model.cc, EncodeOptimized). Sums are
// rounded where those are.
func (m *Model) likeliest(s string) iter.Seq2[string, int32] {
	best := make([]step, len(s)+1)
	for i := range best[1:] {
		best[i+1].start = -1
	}
	for at := 0; at < len(s); {
		_, size := utf8.DecodeRuneInString(s[at:])
		m.extend(best, s, at, size)
		at += size
	}
	return backwards(best, s)
}

// extend goes on from a place by every piece that fits, and by an unknown character where
// none of one character does.
func (m *Model) extend(best []step, s string, at, size int) {
	here, single := best[at].score, false
	for end := at + size; end <= len(s) && end-at <= m.longest; {
		if id, ok := m.joinable[s[at:end]]; ok && m.pieces[id].kind != unused {
			score := float64(m.pieces[id].score)
			if m.pieces[id].kind == userDefined {
				score = float64(float32(end-at)*m.most) - 0.1
			}
			if sum := score + float64(here); best[end].start < 0 || sum > float64(best[end].score) {
				best[end] = step{at, id, float32(sum)}
			}
			single = single || end == at+size
		}
		_, n := utf8.DecodeRuneInString(s[end:])
		if n == 0 {
			break
		}
		end += n
	}
	if sum := m.least - unknownPenalty + here; !single && (best[at+size].start < 0 || sum > best[at+size].score) {
		best[at+size] = step{at, m.unk, sum}
	}
}

// backwards yields the pieces of the best way to the end.
func backwards(best []step, s string) iter.Seq2[string, int32] {
	return func(yield func(string, int32) bool) {
		var ends []int
		for end := len(s); end > 0; end = best[end].start {
			ends = append(ends, end)
		}
		for _, end := range slices.Backward(ends) {
			if !yield(s[best[end].start:end], best[end].id) {
				return
			}
		}
	}
}

// setBounds finds the least and the greatest score of the normal pieces; the greatest is
// no less than the smallest positive number, as in the reference.
func (m *Model) setBounds() {
	m.least, m.most = math.MaxFloat32, 0x1p-126
	for _, p := range m.pieces {
		if p.kind == normal {
			m.least, m.most = min(m.least, p.score), max(m.most, p.score)
		}
	}
}
