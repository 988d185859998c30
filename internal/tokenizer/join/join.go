// Package join joins neighbouring symbols by rank: the step that byte-pair
// encodings share. It takes time n·log n for n symbols.
package join

import "slices"

// Rules say which neighbours may be joined. Symbols are known by the position at
// which they began, 0 … n−1.
type Rules interface {
	// Rank returns the rank of joining the symbols at i and j, neighbours, and
	// whether they may be joined at all. Lower ranks go first.
	Rank(i, j int32) (rank uint32, ok bool)
	// Join makes one symbol, at i, of those at i and j.
	Join(i, j int32)
}

// Order says when new pairs count.
type Order bool

// The orders. They differ only where a rule goes before one that makes its parts.
const (
	// Batch joins all pairs of one rank, from left to right, before it looks at the
	// pairs that came up meanwhile. It wants a rank of its own for each two symbols.
	Batch Order = false
	// Eager looks at all pairs again after each single join.
	Eager Order = true
)

// All joins n symbols until no rule fits and returns the positions of those that
// are left. Of pairs of equal rank the leftmost goes first.
func All[R Rules](n int, rules R, order Order) []int32 {
	w := word[R]{rules: rules, next: make([]int32, n), prev: make([]int32, n), rank: make([]uint32, n), live: make([]bool, n)}
	for i := range w.next {
		w.next[i], w.prev[i] = int32(i)+1, int32(i)-1
	}
	for i := range w.next {
		w.look(int32(i))
	}
	todo := heap(w.found)
	slices.Sort(todo) // a sorted list is a heap
	w.found = nil
	for len(todo) > 0 {
		rank := uint32(todo[0] >> 32)
		for len(todo) > 0 && uint32(todo[0]>>32) == rank {
			w.join(int32(uint32(todo.pop())), rank)
			if order == Eager {
				break
			}
		}
		for _, x := range w.found {
			todo.push(x)
		}
		w.found = w.found[:0]
	}
	return w.left()
}

// word is a list of symbols while pairs of them are joined.
type word[R Rules] struct {
	rules      R
	next, prev []int32  // positions of the neighbours
	rank       []uint32 // of the pair that begins at a position,
	live       []bool   // if there is one that may be joined
	found      []uint64 // rank<<32 | position of pairs that came up
}

// look ranks the pair at i.
func (w *word[R]) look(i int32) {
	w.live[i] = false
	if j := w.next[i]; int(j) < len(w.next) {
		if w.rank[i], w.live[i] = w.rules.Rank(i, j); w.live[i] {
			w.found = append(w.found, uint64(w.rank[i])<<32|uint64(i))
		}
	}
}

// join joins the pair at i if it still has this rank.
func (w *word[R]) join(i int32, rank uint32) {
	if !w.live[i] || w.rank[i] != rank {
		return
	}
	j := w.next[i]
	w.rules.Join(i, j)
	w.live[j] = false
	w.next[i] = w.next[j]
	if k := w.next[i]; int(k) < len(w.next) {
		w.prev[k] = i
	}
	w.look(i)
	if h := w.prev[i]; h >= 0 {
		w.look(h)
	}
}

func (w *word[R]) left() []int32 {
	var left []int32
	for i := int32(0); int(i) < len(w.next); i = w.next[i] {
		left = append(left, i)
	}
	return left
}

// heap is a binary heap of numbers, the smallest on top.
type heap []uint64

func (h *heap) push(x uint64) {
	*h = append(*h, x)
	s := *h
	for i := len(s) - 1; i > 0; {
		up := (i - 1) / 2
		if s[up] <= s[i] {
			break
		}
		s[up], s[i] = s[i], s[up]
		i = up
	}
}

func (h *heap) pop() uint64 {
	s := *h
	top, n := s[0], len(s)-1
	s[0] = s[n]
	s = s[:n]
	*h = s
	for i := 0; ; {
		c := 2*i + 1
		if c >= n {
			return top
		}
		if c+1 < n && s[c+1] < s[c] {
			c++
		}
		if s[i] <= s[c] {
			return top
		}
		s[i], s[c] = s[c], s[i]
		i = c
	}
}
