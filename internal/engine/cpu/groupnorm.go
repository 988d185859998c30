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
//
// Where there are few channels, several pixels are taken at once, as if they were one
// with more channels, to make a loop worth its call.
type groupNorm struct {
	engine.GroupNorm
	chunk   int // pixels
	wide    int // numbers of the pixels that are taken at once
	threads int
}

func newGroupNorm(e *Engine, op engine.GroupNorm) (engine.Kernel, error) {
	k := groupNormOf(e, op)
	return &k, nil
}

// groupNormOf chooses chunks of 128 KiB.
func groupNormOf(e *Engine, op engine.GroupNorm) groupNorm {
	chunk := min(max(2*grain/op.C, 8), 256)
	return groupNorm{op, chunk, min(max(1024/op.C, 1), chunk) * op.C, e.threads}
}

func (k *groupNorm) chunks() int { return pieces(k.Pixels, k.chunk) }

// Scratch holds mean and squares of every channel of every chunk; the factor and
// summand that normalise a picture's pixels; and two sums for each worker.
func (k *groupNorm) Scratch() int64 {
	return int64(8 * (k.Batch*k.chunks()*k.C + (k.Batch+k.threads)*k.wide))
}

// stats returns the part of a chunk, affine that of a picture, sums that of a worker.
func (k *groupNorm) stats(s []float32, b, chunk int) (mean, squares []float32) {
	return halved(s[(b*k.chunks()+chunk)*2*k.C:][:2*k.C])
}

func (k *groupNorm) affine(s []float32, b int) (scale, shift []float32) {
	return halved(s[2*(k.Batch*k.chunks()*k.C+b*k.wide):][:2*k.wide])
}

func (k *groupNorm) sums(s []float32, w int) (p, q []float32) { return k.affine(s, k.Batch+w) }

func halved(s []float32) (p, q []float32) { return s[:len(s)/2], s[len(s)/2:] }

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

func (k *groupNorm) do(a *engine.Args, phase, w, i int) {
	s := engine.Slice[float32](a.Scratch)
	switch phase {
	case 0:
		k.measure(in(a, 0), s, w, i/k.chunks(), i%k.chunks())
	case 1:
		b, g := i/k.Groups, i%k.Groups
		mean, r := k.moments(s, b, g)
		scale, shift := k.affine(s, b)
		for c := g * k.width(); c < (g+1)*k.width(); c++ {
			f := float64(in(a, 1)[c]) * r
			k.repeat(scale, c, f)
			k.repeat(shift, c, float64(in(a, 2)[c])-mean*f)
		}
	case 2:
		b := i / k.chunks()
		scale, shift := k.affine(s, b)
		lo, hi := k.pixels(b, i%k.chunks())
		for ; lo < hi; lo += k.wide {
			n := min(k.wide, hi-lo)
			asm.Affine(asm.Func(k.Act), out(a, 0)[lo:lo+n], in(a, 0)[lo:lo+n], scale[:n], shift[:n])
		}
	}
}

// width is the number of channels of a group.
func (k *groupNorm) width() int { return k.C / k.Groups }

// repeat puts a channel's number where each of the pixels taken at once has it.
func (k *groupNorm) repeat(v []float32, c int, x float64) {
	for ; c < len(v); c += k.C {
		v[c] = float32(x)
	}
}

// pixels returns where in x a chunk begins and ends.
func (k *groupNorm) pixels(b, chunk int) (lo, hi int) {
	lo, hi = span(chunk, k.chunk, k.Pixels)
	return (b*k.Pixels + lo) * k.C, (b*k.Pixels + hi) * k.C
}

// measure computes a chunk's means and squares.
func (k *groupNorm) measure(x, s []float32, w, b, chunk int) {
	mean, squares := k.sums(s, w)
	clear(mean)
	clear(squares)
	lo, hi := k.pixels(b, chunk)
	for at := lo; at < hi; at += k.wide {
		n := min(k.wide, hi-at)
		asm.Add(mean[:n], mean[:n], x[at:at+n])
	}
	m, q := k.stats(s, b, chunk)
	k.fold(m, mean)
	asm.Scale(m, float32(1/float64((hi-lo)/k.C)), m)
	for at := 0; at < k.wide; at += k.C {
		copy(mean[at:], m)
	}
	for at := lo; at < hi; at += k.wide {
		n := min(k.wide, hi-at)
		asm.AddSquaredDiff(squares[:n], x[at:at+n], mean[:n])
	}
	k.fold(q, squares)
}

// fold adds up the sums of the pixels that were taken at once.
func (k *groupNorm) fold(to, sums []float32) {
	copy(to, sums)
	for at := k.C; at < len(sums); at += k.C {
		asm.Add(to, to, sums[at:at+k.C])
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
