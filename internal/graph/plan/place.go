package plan

import (
	"cmp"
	"slices"
)

// interval is a buffer to be placed: size bytes, in use from step first to step last.
type interval struct {
	size        int64 // a multiple of align, and positive
	first, last int
	off         int64
}

// arrange gives every interval an offset such that no two that are in use at the same
// step overlap, and returns the end of the highest. It tries two ways and takes the
// better: in the order of first use suits training, whose values are freed in the
// reverse of the order in which they are made; by size suits inference.
func arrange(ivs []interval) int64 {
	inOrder, bySize := slices.Clone(ivs), ivs
	if a, b := arrangeInOrder(refs(inOrder), 0), arrangeBySize(bySize); a >= b {
		return b
	} else {
		copy(ivs, inOrder)
		return a
	}
}

func refs(ivs []interval) []*interval {
	r := make([]*interval, len(ivs))
	for i := range ivs {
		r[i] = &ivs[i]
	}
	return r
}

// largest is how many intervals are placed one by one, against all placed before.
const largest = 4096

// arrangeBySize places intervals from large to small, each into the tightest hole that
// is free all the while it is in use. That takes time by the square of their number,
// which is bounded; those beyond, together a few hundredths of the memory, are placed
// above in the order of first use.
func arrangeBySize(ivs []interval) (end int64) {
	order := refs(ivs)
	slices.SortStableFunc(order, func(a, b *interval) int {
		return cmp.Or(cmp.Compare(b.size, a.size), cmp.Compare(b.last-b.first, a.last-a.first), cmp.Compare(a.first, b.first))
	})
	n := min(len(order), largest)
	byOff := make([]placed, 0, n)
	for _, iv := range order[:n] {
		p := placed{end: iv.size, first: int32(iv.first), last: int32(iv.last)}
		at := tightest(byOff, &p)
		byOff = slices.Insert(byOff, at, p)
		iv.off = p.off
		end = max(end, iv.off+iv.size)
	}
	return arrangeInOrder(order[n:], end)
}

// placed is an interval with a place.
type placed struct {
	off, end    int64
	first, last int32
}

// tightest moves p, which begins at 0, to the smallest hole it fits in and returns
// where it belongs among those sorted by offset.
func tightest(byOff []placed, p *placed) (at int) {
	size := p.end
	best, bestSize := int64(-1), int64(0)
	free := int64(0) // the end of what is in use at the same time, so far
	for i := range byOff {
		q := &byOff[i]
		if q.first > p.last || q.last < p.first {
			continue
		}
		if hole := q.off - free; hole >= size && (best < 0 || hole < bestSize) {
			if best, bestSize = free, hole; hole == size {
				break
			}
		}
		free = max(free, q.end)
	}
	if best < 0 {
		best = free
	}
	p.off, p.end = best, best+size
	at, _ = slices.BinarySearchFunc(byOff, best, func(q placed, off int64) int { return cmp.Compare(q.off, off) })
	return at
}

// hole is free memory.
type hole struct{ off, size int64 }

// arrangeInOrder places intervals above base in the order of their first use, each
// into the tightest hole there is at that time.
func arrangeInOrder(ivs []*interval, base int64) int64 {
	slices.SortStableFunc(ivs, func(a, b *interval) int { return cmp.Compare(a.first, b.first) })
	byEnd := slices.Clone(ivs)
	slices.SortStableFunc(byEnd, func(a, b *interval) int { return cmp.Compare(a.last, b.last) })
	var holes []hole // by offset, none next to another
	end := base
	for _, iv := range ivs {
		for len(byEnd) > 0 && byEnd[0].last < iv.first {
			holes = release(holes, hole{byEnd[0].off, byEnd[0].size})
			byEnd = byEnd[1:]
		}
		holes, end = claim(holes, end, iv)
	}
	return end
}

// claim places iv into the tightest hole, or at the end, which a hole before it makes
// smaller.
func claim(holes []hole, end int64, iv *interval) ([]hole, int64) {
	best := -1
	for i, h := range holes {
		if h.size >= iv.size && (best < 0 || h.size < holes[best].size) {
			best = i
		}
	}
	if best < 0 {
		if n := len(holes); n > 0 && holes[n-1].off+holes[n-1].size == end {
			end = holes[n-1].off
			holes = holes[:n-1]
		}
		iv.off = end
		return holes, end + iv.size
	}
	h := &holes[best]
	iv.off = h.off
	h.off, h.size = h.off+iv.size, h.size-iv.size
	if h.size == 0 {
		holes = slices.Delete(holes, best, best+1)
	}
	return holes, end
}

// release gives memory back and joins it with the holes beside it.
func release(holes []hole, h hole) []hole {
	i, _ := slices.BinarySearchFunc(holes, h.off, func(x hole, off int64) int { return cmp.Compare(x.off, off) })
	if i < len(holes) && h.off+h.size == holes[i].off {
		h.size += holes[i].size
		holes = slices.Delete(holes, i, i+1)
	}
	if i > 0 && holes[i-1].off+holes[i-1].size == h.off {
		holes[i-1].size += h.size
		return holes
	}
	return slices.Insert(holes, i, h)
}

// live returns the most bytes in use at one step.
func live(ivs []interval, steps int) int64 {
	change := make([]int64, steps+2)
	for _, iv := range ivs {
		change[iv.first] += iv.size
		change[iv.last+1] -= iv.size
	}
	var now, most int64
	for _, c := range change {
		now += c
		most = max(most, now)
	}
	return most
}
