package join

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// spans joins symbols that are stretches of a text, by a table of ranks for pairs.
type spans struct {
	text  string
	end   []int32
	ranks map[string]uint32
}

func (s spans) Rank(i, j int32) (uint32, bool) {
	r, ok := s.ranks[s.text[i:j]+"|"+s.text[j:s.end[j]]]
	return r, ok
}

func (s spans) Join(i, j int32) { s.end[i] = s.end[j] }

// slow is the definition: of all pairs the one of the lowest rank, the leftmost
// first, and in batches all that are equal to it.
func slow(s spans, order Order) []int32 {
	left := make([]int32, len(s.text))
	for i := range left {
		left[i] = int32(i)
	}
	for {
		best, found := uint32(0), false
		for k := range len(left) - 1 {
			if r, ok := s.Rank(left[k], left[k+1]); ok && (!found || r < best) {
				best, found = r, true
			}
		}
		if !found {
			return left
		}
		var batch []int32 // what had the rank when the batch began
		for k := range len(left) - 1 {
			if r, ok := s.Rank(left[k], left[k+1]); ok && r == best {
				batch = append(batch, left[k])
			}
		}
		for _, i := range batch {
			k := slices.Index(left, i)
			if k < 0 || k+1 == len(left) {
				continue
			}
			if r, ok := s.Rank(i, left[k+1]); !ok || r != best {
				continue
			}
			s.Join(i, left[k+1])
			left = slices.Delete(left, k+1, k+2)
			if order == Eager {
				break
			}
		}
	}
}

// TestAll holds All against the definition: texts of two letters, any of whose
// short stretches may have ranks to be joined by; shared ones in the eager order.
func TestAll(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	letters := func(n int) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = "ab"[r.IntN(2)]
		}
		return string(b)
	}
	for turn := range 4000 {
		order := Order(turn%2 == 1)
		ranks := map[string]uint32{}
		for k := range uint32(1 + r.IntN(20)) {
			rank := r.Uint32N(8)
			if order == Batch {
				rank = rank<<8 + k
			}
			ranks[letters(1+r.IntN(3))+"|"+letters(1+r.IntN(3))] = rank
		}
		text := letters(r.IntN(40))
		rules := func() spans {
			s := spans{text, make([]int32, len(text)), ranks}
			for i := range s.end {
				s.end[i] = int32(i) + 1
			}
			return s
		}
		have, want := All(len(text), rules(), order), slow(rules(), order)
		if !slices.Equal(have, want) {
			t.Fatalf("%s by %v, order %v: symbols begin at %v, want %v", text, ranks, order, have, want)
		}
	}
}
