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
// in 32-bit arithmetic. Two sums share a 64-bit word, one in each half: a product
// with a weight then serves both. A negative sum in the lower half borrows from the
// upper one, and lane undoes that.

// half is the rounding term of both sums.
const half = 1<<(fractionBits-1) | 1<<(fractionBits-1+32)

// lanes returns the two bytes that the sums in a word come to.
func lanes(sum uint64) (lo, hi byte) {
	low := int32(sum)
	high := int32((sum - uint64(int64(low))) >> 32)
	return clip8(int(low >> fractionBits)), clip8(int(high >> fractionBits))
}

// rowsAtOnce is how many rows the horizontal pass works on together.
const rowsAtOnce = 8

// acrossAll is the horizontal pass: h rows of w pixels of n bytes become h rows of
// len(k.first) pixels.
func acrossAll(pix []byte, w, h, n int, k kernel) []byte {
	weights := k.ints()
	width := len(k.first)
	out := make([]byte, h*width*n)
	groups := (h + rowsAtOnce - 1) / rowsAtOnce
	inParallel(groups, w*n*rowsAtOnce*4, func(next func() int) {
		packed := make([][4]uint64, w)
		for g := next(); g < groups; g = next() {
			y := g * rowsAtOnce
			rows := min(rowsAtOnce, h-y)
			for c := range n {
				pack(packed, pix[y*w*n:], w*n, n, c, rows)
				across(out[y*width*n:], width*n, n, c, rows, packed, k.first, weights)
			}
		}
	})
	return out
}

// pack gathers channel c of eight rows: row i and i+4 share a word.
func pack(packed [][4]uint64, pix []byte, stride, n, c, rows int) {
	var r [rowsAtOnce][]byte
	for i := range r {
		r[i] = pix[min(i, rows-1)*stride+c:]
		r[i] = r[i][:(len(packed)-1)*n+1]
	}
	r0, r1, r2, r3, r4, r5, r6, r7 := r[0], r[1], r[2], r[3], r[4], r[5], r[6], r[7]
	for x, s := 0, 0; x < len(packed) && s < len(r0) && s < len(r1) && s < len(r2) && s < len(r3) &&
		s < len(r4) && s < len(r5) && s < len(r6) && s < len(r7); x, s = x+1, s+n {
		p := &packed[x]
		p[0] = uint64(r0[s]) | uint64(r4[s])<<32
		p[1] = uint64(r1[s]) | uint64(r5[s])<<32
		p[2] = uint64(r2[s]) | uint64(r6[s])<<32
		p[3] = uint64(r3[s]) | uint64(r7[s])<<32
	}
}

// across resamples the packed rows into channel c of rows of out.
func across(out []byte, stride, n, c, rows int, packed [][4]uint64, first []int, weights [][]int64) {
	for x, from := range first {
		w := weights[x]
		src := packed[from : from+len(w)]
		var a, b, d, e uint64 = half, half, half, half
		for i, v := range w {
			if i >= len(src) { // never: it lets the compiler drop the check below
				break
			}
			p := &src[i]
			a += p[0] * uint64(v)
			b += p[1] * uint64(v)
			d += p[2] * uint64(v)
			e += p[3] * uint64(v)
		}
		var v [rowsAtOnce]byte
		v[0], v[4] = lanes(a)
		v[1], v[5] = lanes(b)
		v[2], v[6] = lanes(d)
		v[3], v[7] = lanes(e)
		at := x*n + c
		for i := range rows {
			out[at] = v[i]
			at += stride
		}
	}
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

// down weighs the first len(weights) rows of pix into out, which is a row long.
func down(out, pix []byte, weights []int64) {
	const mask = 0xff | 0xff<<32
	stride := len(out)
	x := 0
	for ; x+8 <= stride; x += 8 {
		var a, b, c, d uint64 = half, half, half, half
		at := x
		for _, w := range weights {
			v := binary.LittleEndian.Uint64(pix[at:])
			a += v & mask * uint64(w)
			b += v >> 8 & mask * uint64(w)
			c += v >> 16 & mask * uint64(w)
			d += v >> 24 & mask * uint64(w)
			at += stride
		}
		o := (*[8]byte)(out[x:])
		o[0], o[4] = lanes(a)
		o[1], o[5] = lanes(b)
		o[2], o[6] = lanes(c)
		o[3], o[7] = lanes(d)
	}
	for ; x < stride; x++ {
		var a uint64 = half
		for i, w := range weights {
			a += uint64(pix[i*stride+x]) * uint64(w)
		}
		out[x], _ = lanes(a)
	}
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
