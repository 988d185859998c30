package imageio

import (
	"encoding/binary"
	"runtime"
	"sync"
	"sync/atomic"
)

// The passes compute, for every output byte,
//
//	clip8((1<<21 + Σ source·weight) >> 22)
//
// in 32-bit arithmetic. Two sums share a 64-bit word, one in each half, so that a
// product with a weight serves both. Both begin with 256 to spare, since a negative
// sum would borrow from its neighbour, and clipped takes that off again.

// start is where the two sums in a word begin.
const (
	begin = 256<<fractionBits | 1<<(fractionBits-1)
	start = begin | begin<<32
)

// lower and upper return the bytes that the two sums come to.
func lower(sum uint64) byte { return clipped[sum>>fractionBits&1023] }
func upper(sum uint64) byte { return clipped[sum>>(fractionBits+32)] }

// clipped gives the byte for a value that has 256 to spare.
var clipped = func() (t [1024]byte) {
	for i := range t {
		t[i] = clip8(i - 256)
	}
	return t
}()

// eight holds a sample of eight rows: rows i and i+4 share a word.
type eight [4]uint64

// acrossAll is the horizontal pass: h rows of w pixels of n bytes become h rows of
// len(k.first) pixels.
func acrossAll(pix []byte, w, h, n int, k kernel) []byte {
	weights := k.ints()
	width := len(k.first)
	out := make([]byte, h*width*n)
	groups := (h + 7) / 8
	inParallel(groups, w*n*8*4, func(next func() int) {
		packed := make([]eight, w)
		spare := make([]byte, width*n)
		for g := next(); g < groups; g = next() {
			var from, to [8][]byte
			for i := range to {
				from[i], to[i] = pix[min(8*g+i, h-1)*w*n:][:w*n], spare
				if y := 8*g + i; y < h {
					to[i] = out[y*width*n:][:width*n]
				}
			}
			for c := range n {
				pack(packed, &from, n, c)
				across(&to, n, c, packed, k.first, weights)
			}
		}
	})
	return out
}

// pack gathers channel c of eight rows of pixels of n bytes.
func pack(packed []eight, rows *[8][]byte, n, c int) {
	r0, r1, r2, r3, r4, r5, r6, r7 := rows[0], rows[1], rows[2], rows[3], rows[4], rows[5], rows[6], rows[7]
	for x, s := 0, c; x < len(packed) && s < len(r0) && s < len(r1) && s < len(r2) && s < len(r3) &&
		s < len(r4) && s < len(r5) && s < len(r6) && s < len(r7); x, s = x+1, s+n {
		packed[x] = eight{
			uint64(r0[s]) | uint64(r4[s])<<32,
			uint64(r1[s]) | uint64(r5[s])<<32,
			uint64(r2[s]) | uint64(r6[s])<<32,
			uint64(r3[s]) | uint64(r7[s])<<32,
		}
	}
}

// across resamples packed rows into channel c of eight rows.
func across(rows *[8][]byte, n, c int, packed []eight, first []int, weights [][]int64) {
	r0, r1, r2, r3, r4, r5, r6, r7 := rows[0], rows[1], rows[2], rows[3], rows[4], rows[5], rows[6], rows[7]
	at := c
	for x, from := range first {
		s0, s1, s2, s3 := weigh(packed[from:], weights[x])
		r0[at], r1[at], r2[at], r3[at] = lower(s0), lower(s1), lower(s2), lower(s3)
		r4[at], r5[at], r6[at], r7[at] = upper(s0), upper(s1), upper(s2), upper(s3)
		at += n
	}
}

// weigh adds up weighted samples. It is a function of its own, not inlined, since
// only then do the sums stay in registers.
//
//go:noinline
func weigh(src []eight, weights []int64) (s0, s1, s2, s3 uint64) {
	s0, s1, s2, s3 = start, start, start, start
	src = src[:len(weights)]
	for i, v := range weights {
		p, w := &src[i], uint64(v)
		s0 += p[0] * w
		s1 += p[1] * w
		s2 += p[2] * w
		s3 += p[3] * w
	}
	return
}

// downAll is the vertical pass over rows of stride bytes.
func downAll(pix []byte, stride int, k kernel) []byte {
	weights := k.ints()
	height := len(k.first)
	out := make([]byte, height*stride)
	inParallel(height, stride*(1+len(weights[0])), func(next func() int) {
		for y := next(); y < height; y = next() {
			down(out[y*stride:][:stride], pix[k.first[y]*stride:], weights[y])
		}
	})
	return out
}

// down weighs the first len(weights) rows of pix into out, which is a row long: eight
// neighbouring bytes at a time.
func down(out, pix []byte, weights []int64) {
	stride := len(out)
	x := 0
	for ; x+8 <= stride; x += 8 {
		s0, s1, s2, s3 := weighBytes(pix[x:], stride, weights)
		o := (*[8]byte)(out[x:])
		o[0], o[1], o[2], o[3] = lower(s0), lower(s1), lower(s2), lower(s3)
		o[4], o[5], o[6], o[7] = upper(s0), upper(s1), upper(s2), upper(s3)
	}
	for ; x < stride; x++ {
		sum := uint64(start)
		for i, w := range weights {
			sum += uint64(pix[i*stride+x]) * uint64(w)
		}
		out[x] = lower(sum)
	}
}

// weighBytes is weigh of the first eight bytes of rows of stride bytes.
//
//go:noinline
func weighBytes(pix []byte, stride int, weights []int64) (s0, s1, s2, s3 uint64) {
	const mask = 0xff | 0xff<<32
	s0, s1, s2, s3 = start, start, start, start
	at := 0
	for _, v := range weights {
		p, w := binary.LittleEndian.Uint64(pix[at:at+8]), uint64(v)
		s0 += p & mask * w
		s1 += p >> 8 & mask * w
		s2 += p >> 16 & mask * w
		s3 += p >> 24 & mask * w
		at += stride
	}
	return
}

// smallJob is how many steps of work are not worth another goroutine.
const smallJob = 1 << 18

// inParallel has n pieces of work done, each of about cost steps, on up to
// GOMAXPROCS goroutines: work takes pieces from next until it returns n.
func inParallel(n, cost int, work func(next func() int)) {
	workers := min(runtime.GOMAXPROCS(0), n, 1+n*cost/smallJob)
	var taken atomic.Int64
	next := func() int { return min(int(taken.Add(1))-1, n) }
	var wg sync.WaitGroup
	for range workers - 1 {
		wg.Go(func() { work(next) })
	}
	work(next)
	wg.Wait()
}
