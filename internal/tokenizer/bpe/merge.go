package bpe

import "github.com/easel-go/easel/internal/tokenizer/join"

// merge is a rule: a pair of neighbours becomes one symbol. Lower ranks go first.
type merge struct {
	rank, to int32
}

// merges has the rules by the pair they join.
type merges map[uint64]merge

func pairOf(a, b int32) uint64 { return uint64(uint32(a))<<32 | uint64(uint32(b)) }

// shortWord is the length up to which trying all pairs is faster than a heap.
const shortWord = 32

// apply joins the symbols of a word, in place, until no rule fits, and returns
// those that are left. transformers' slow tokenizer joins in batches, its fast one
// is eager.
func (m merges) apply(word []int32, order join.Order) []int32 {
	if len(word) <= shortWord {
		return m.applyShort(word, order)
	}
	return m.applyLong(word, order)
}

// applyShort is the definition, quadratic: the pair of the lowest rank is joined
// wherever it stands (eager: where it stands first), from left to right.
func (m merges) applyShort(word []int32, order join.Order) []int32 {
	for {
		best, pair := m.lowest(word)
		if best.rank < 0 {
			return word
		}
		n, done := 0, false
		for i := 0; i < len(word); i++ {
			word[n] = word[i]
			if !done && i+1 < len(word) && pairOf(word[i], word[i+1]) == pair {
				word[n] = best.to
				i++
				done = order == join.Eager
			}
			n++
		}
		word = word[:n]
	}
}

// lowest returns the rule of the lowest rank that fits, or one of rank −1.
func (m merges) lowest(word []int32) (best merge, pair uint64) {
	best.rank = -1
	for i := range len(word) - 1 {
		p := pairOf(word[i], word[i+1])
		if r, ok := m[p]; ok && (best.rank < 0 || r.rank < best.rank) {
			best, pair = r, p
		}
	}
	return best, pair
}

// applyLong does the same in time n·log n.
func (m merges) applyLong(word []int32, order join.Order) []int32 {
	left := join.All(len(word), inWord{m, word}, order)
	for n, i := range left {
		word[n] = word[i]
	}
	return word[:len(left)]
}

// inWord is the rules for the symbols of a word.
type inWord struct {
	merges merges
	word   []int32
}

// Rank implements join.Rules.
func (w inWord) Rank(i, j int32) (uint32, bool) {
	r, ok := w.merges[pairOf(w.word[i], w.word[j])]
	return uint32(r.rank), ok
}

// Join implements join.Rules.
func (w inWord) Join(i, j int32) { w.word[i] = w.merges[pairOf(w.word[i], w.word[j])].to }
