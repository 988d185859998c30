package cpu

import (
	"math"

	"github.com/easel-go/easel/internal/asm"
	"github.com/easel-go/easel/internal/engine"
)

// groupNorm reads a picture in chunks of pixels that fit the second cache. Of every
// channel of a chunk it takes the mean and then, from the cache, the squares about
// it; chunks and channels are put together in float64 (Chan, Golub and LeVeque 1983,
// equation 2.1). Only sums over one chunk are float32, of numbers about their own
// mean, so the error is that of the input's rounding whatever the size of the mean.
type groupNorm struct {
	engine.GroupNorm
	chunk int // pixels
}

func newGroupNorm(_ *Engine, op engine.GroupNorm) (engine.Kernel, error) {
	return &groupNorm{op, chunkPixels(op.C)}, nil
}

// chunkPixels returns how many pixels of c channels make a chunk of 128 KiB.
func chunkPixels(c int) int { return min(max(2*grain/c, 8), 256) }

func (k *groupNorm) chunks() int { return pieces(k.Pixels, k.chunk) }

// Scratch holds mean and squares of every channel of every chunk, and for every
// channel of a picture the factor and summand that normalise it.
func (k *groupNorm) Scratch() int64 { return int64(4 * k.Batch * (2*k.chunks() + 2) * k.C) }

// stats returns the part of a chunk, affine that of a picture.
func (k *groupNorm) stats(s []float32, b, chunk int) (mean, squares []float32) {
	at := (b*k.chunks() + chunk) * 2 * k.C
	return s[at:][:k.C], s[at+k.C:][:k.C]
}

func (k *groupNorm) affine(s []float32, b int) (scale, shift []float32) {
	at := (k.Batch*k.chunks() + b) * 2 * k.C
	return s[at:][:k.C], s[at+k.C:][:k.C]
}

func (k *groupNorm) Launch(r engine.Run, a *engine.Args) error {
	run := r.(*run)
	if err := run.parallel(k, a, 0, k.Batch*k.chunks()); err != nil {
		return err
	}
	if err := run.parallel(k, a, 1, k.Batch*k.Groups); err != nil {
		return err
	}
	return run.parallel(k, a, 2, k.Batch*k.chunks())
}

func (k *groupNorm) do(a *engine.Args, phase, _, i int) {
	s := engine.Slice[float32](a.Scratch)
	switch phase {
	case 0:
		k.measure(in(a, 0), s, i/k.chunks(), i%k.chunks())
	case 1:
		b, g := i/k.Groups, i%k.Groups
		mean, r := k.moments(s, b, g)
		scale, shift := k.affine(s, b)
		for c := g * k.width(); c < (g+1)*k.width(); c++ {
			f := float64(in(a, 1)[c]) * r
			scale[c], shift[c] = float32(f), float32(float64(in(a, 2)[c])-mean*f)
		}
	case 2:
		b := i / k.chunks()
		scale, shift := k.affine(s, b)
		lo, hi := k.pixels(b, i%k.chunks())
		for ; lo < hi; lo += k.C {
			asm.Affine(asm.Func(k.Act), out(a, 0)[lo:lo+k.C], in(a, 0)[lo:lo+k.C], scale, shift)
		}
	}
}

// width is the number of channels of a group.
func (k *groupNorm) width() int { return k.C / k.Groups }

// pixels returns where in x a chunk begins and ends.
func (k *groupNorm) pixels(b, chunk int) (lo, hi int) {
	lo, hi = span(chunk, k.chunk, k.Pixels)
	return (b*k.Pixels + lo) * k.C, (b*k.Pixels + hi) * k.C
}

// measure computes a chunk's means and squares.
func (k *groupNorm) measure(x, s []float32, b, chunk int) {
	mean, squares := k.stats(s, b, chunk)
	clear(mean)
	clear(squares)
	lo, hi := k.pixels(b, chunk)
	for at := lo; at < hi; at += k.C {
		asm.Add(mean, mean, x[at:at+k.C])
	}
	asm.Scale(mean, float32(1/float64((hi-lo)/k.C)), mean)
	for at := lo; at < hi; at += k.C {
		asm.AddSquaredDiff(squares, x[at:at+k.C], mean)
	}
}

// moments returns the mean of a group and 1/√(var+Eps).
func (k *groupNorm) moments(s []float32, b, g int) (mean, r float64) {
	total := float64(k.Pixels) * float64(k.width())
	k.eachStat(s, b, g, func(n, m, _ float64) { mean += n * m / total })
	var squares float64
	k.eachStat(s, b, g, func(n, m, q float64) { squares += q + n*(m-mean)*(m-mean) })
	return mean, 1 / math.Sqrt(squares/total+float64(k.Eps))
}

// eachStat calls f with the number of pixels, mean and squares of every channel of a
// group in every chunk.
func (k *groupNorm) eachStat(s []float32, b, g int, f func(n, mean, squares float64)) {
	for chunk := range k.chunks() {
		lo, hi := span(chunk, k.chunk, k.Pixels)
		mean, squares := k.stats(s, b, chunk)
		for c := g * k.width(); c < (g+1)*k.width(); c++ {
			f(float64(hi-lo), float64(mean[c]), float64(squares[c]))
		}
	}
}
