package bpe

import "slices"

// merge is a rule: a pair of neighbours becomes one symbol. Lower ranks go first.
type merge struct {
	rank, to int32
}

// merges has the rules by the pair they join.
type merges map[uint64]merge

func pairOf(a, b int32) uint64 { return uint64(uint32(a))<<32 | uint64(uint32(b)) }

// shortWord is the length up to which trying all pairs is faster than a heap.
const shortWord = 32

// apply joins the symbols of a word until no rule fits and returns those that are
// left, in place.
//
// The pair of the lowest rank is joined wherever it stands, from left to right,
// before the next rule is looked for; eager looks for the next rule after each
// single join. The two differ only in tables where a rule comes before one that
// makes its parts: transformers' slow tokenizer is not eager, its fast one is.
func (m merges) apply(word []int32, eager bool) []int32 {
	if len(word) <= shortWord {
		return m.applyScan(word, eager)
	}
	return m.applyHeap(word, eager)
}

// applyScan is the definition: quadratic.
func (m merges) applyScan(word []int32, eager bool) []int32 {
	for len(word) > 1 {
		best, pair := merge{rank: -1}, uint64(0)
		for i := range len(word) - 1 {
			p := pairOf(word[i], word[i+1])
			if r, ok := m[p]; ok && (best.rank < 0 || r.rank < best.rank) {
				best, pair = r, p
			}
		}
		if best.rank < 0 {
			break
		}
		n, done := 0, false
		for i := 0; i < len(word); i++ {
			word[n] = word[i]
			if !done && i+1 < len(word) && pairOf(word[i], word[i+1]) == pair {
				word[n] = best.to
				i++
				done = eager
			}
			n++
		}
		word = word[:n]
	}
	return word
}

// applyHeap takes time n·log n. Symbols stay where they are, linked to their
// neighbours; a heap holds (rank, position) of the pairs that can be joined.
func (m merges) applyHeap(word []int32, eager bool) []int32 {
	w := linked{m, word, make([]int32, len(word)), make([]int32, len(word)), make([]int32, len(word)), nil}
	for i := range word {
		w.next[i], w.prev[i] = int32(i)+1, int32(i)-1
	}
	var h heap
	for i := range word {
		w.look(int32(i))
	}
	h, w.found = w.found, nil
	h.init()
	for len(h) > 0 {
		rank := int32(h[0] >> 32)
		for len(h) > 0 && int32(h[0]>>32) == rank {
			w.join(int32(uint32(h.pop())), rank)
			if eager {
				break
			}
		}
		for _, x := range w.found {
			h.push(x)
		}
		w.found = w.found[:0]
	}
	n := 0
	for i := int32(0); int(i) < len(word); i = w.next[i] {
		word[n] = word[i]
		n++
	}
	return word[:n]
}

// linked is a word while its pairs are joined.
type linked struct {
	merges     merges
	symbols    []int32
	next, prev []int32  // positions of the neighbours
	rank       []int32  // of the pair that begins at a position; -1 if no rule fits
	found      []uint64 // pairs found since the heap was last filled
}

// look finds the rule for the pair at i.
func (w *linked) look(i int32) {
	w.rank[i] = -1
	if j := w.next[i]; int(j) < len(w.symbols) {
		if r, ok := w.merges[pairOf(w.symbols[i], w.symbols[j])]; ok {
			w.rank[i] = r.rank
			w.found = append(w.found, uint64(uint32(r.rank))<<32|uint64(uint32(i)))
		}
	}
}

// join joins the pair at i, if it still is the one of this rank.
func (w *linked) join(i, rank int32) {
	if w.rank[i] != rank {
		return
	}
	j := w.next[i]
	w.symbols[i] = w.merges[pairOf(w.symbols[i], w.symbols[j])].to
	w.rank[j] = -1
	w.next[i] = w.next[j]
	if k := w.next[i]; int(k) < len(w.symbols) {
		w.prev[k] = i
	}
	w.look(i)
	if h := w.prev[i]; h >= 0 {
		w.look(h)
	}
}

// heap is a binary heap of numbers, the smallest on top.
type heap []uint64

func (h heap) init() { slices.Sort(h) } // a sorted list is a heap

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
	for i := 0; ; {
		c := 2*i + 1
		if c >= n {
			break
		}
		if c+1 < n && s[c+1] < s[c] {
			c++
		}
		if s[i] <= s[c] {
			break
		}
		s[i], s[c] = s[c], s[i]
		i = c
	}
	*h = s
	return top
}
