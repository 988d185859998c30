package cpu

import (
	"github.com/easel-go/easel/internal/asm"
	"github.com/easel-go/easel/internal/engine"
)

// groupNormGrad measures x as groupNorm does, adds up dz = dy·Act′(z) and dz·x̂ over
// the pixels of every channel, and then has, with h = dz·γ and means over the group,
//
//	dx = r·(h − mean h − x̂·mean(h·x̂)) = gain·dz + pull·x̂ + push
type groupNormGrad struct {
	engine.GroupNormGrad
	fwd groupNorm
}

func newGroupNormGrad(e *Engine, op engine.GroupNormGrad) (engine.Kernel, error) {
	return &groupNormGrad{op, groupNormOf(e, op.GroupNorm)}, nil
}

// The vectors of a picture in scratch, a number per channel of the pixels taken at
// once.
const (
	gnScale  = iota // z = x·scale + shift
	gnShift         //
	gnFactor        // x̂ = x·factor + offset
	gnOffset        //
	gnGain          // of dx
	gnPull          //
	gnPush          //
	gnSumDz         // sums over the pixels
	gnSumDzX        //
	gnVectors
)

// Scratch holds what groupNorm's does, the chunks' sums of dz in place of its stats;
// the vectors; and two rows for each worker.
func (k *groupNormGrad) Scratch() int64 {
	return k.fwd.Scratch() + int64(4*k.fwd.wide*(gnVectors*k.Batch+2*k.fwd.threads))
}

func (k *groupNormGrad) vector(s []float32, b, which int) []float32 {
	return s[int(k.fwd.Scratch()/4)+(gnVectors*b+which)*k.fwd.wide:][:k.fwd.wide]
}

func (k *groupNormGrad) rows(s []float32, w int) (dz, hat []float32) {
	return halved(s[int(k.fwd.Scratch()/4)+(gnVectors*k.Batch+2*w)*k.fwd.wide:][:2*k.fwd.wide])
}

func (k *groupNormGrad) Launch(r engine.Run, a *engine.Args) error {
	chunks, groups := k.Batch*k.fwd.chunks(), k.Batch*k.Groups
	for phase, n := range [...]int{chunks, groups, chunks, groups, chunks} {
		if err := r.(*run).parallel(k, a, phase, n); err != nil {
			return err
		}
	}
	if k.Params {
		k.params(a)
	}
	return nil
}

func (k *groupNormGrad) do(a *engine.Args, phase, w, i int) {
	s := engine.Slice[float32](a.Scratch)
	switch phase {
	case 0:
		k.fwd.measure(in(a, 0), s, w, i/k.fwd.chunks(), i%k.fwd.chunks())
	case 1:
		k.normalisers(a, s, i/k.Groups, i%k.Groups)
	case 2:
		k.sums(a, s, w, i/k.fwd.chunks(), i%k.fwd.chunks())
	case 3:
		k.coefficients(a, s, i/k.Groups, i%k.Groups)
	case 4:
		k.gradient(a, s, w, i/k.fwd.chunks(), i%k.fwd.chunks())
	}
}

// set fills in a channel of a vector.
func (k *groupNormGrad) set(s []float32, b, which, c int, x float64) {
	k.fwd.repeat(k.vector(s, b, which), c, x)
}

// normalisers fills the vectors that make z and x̂.
func (k *groupNormGrad) normalisers(a *engine.Args, s []float32, b, g int) {
	mean, r := k.fwd.moments(s, b, g)
	for c := g * k.fwd.width(); c < (g+1)*k.fwd.width(); c++ {
		f := float64(in(a, 1)[c]) * r
		k.set(s, b, gnScale, c, f)
		k.set(s, b, gnShift, c, float64(in(a, 2)[c])-mean*f)
		k.set(s, b, gnFactor, c, r)
		k.set(s, b, gnOffset, c, -mean*r)
	}
}

// row computes dz and x̂ of the n numbers from at on.
func (k *groupNormGrad) row(a *engine.Args, s []float32, w, b, at, n int) (dz, hat []float32) {
	dz, hat = k.rows(s, w)
	dz, hat = dz[:n], hat[:n]
	x, dy := in(a, 0)[at:at+n], in(a, 3)[at:at+n]
	asm.Affine(asm.Identity, hat, x, k.vector(s, b, gnFactor), k.vector(s, b, gnOffset))
	scale, shift := k.vector(s, b, gnScale), k.vector(s, b, gnShift)
	switch k.Act {
	case engine.Identity:
		return dy, hat
	case engine.SiLU:
		asm.AffineSlope(dz, x, scale, shift, dy)
	default:
		asm.Affine(asm.Identity, dz, x, scale, shift)
		asm.ApplySlope(asm.Func(k.Act), dz, dz, dy)
	}
	return dz, hat
}

// sums adds dz and dz·x̂ up over a chunk's pixels.
func (k *groupNormGrad) sums(a *engine.Args, s []float32, w, b, chunk int) {
	sumDz, sumDzX := k.fwd.sums(s, w)
	clear(sumDz)
	clear(sumDzX)
	for lo, hi := k.fwd.pixels(b, chunk); lo < hi; lo += k.fwd.wide {
		n := min(k.fwd.wide, hi-lo)
		dz, hat := k.row(a, s, w, b, lo, n)
		asm.AddWithProduct(sumDz[:n], sumDzX[:n], dz, hat)
	}
	p, q := k.fwd.stats(s, b, chunk)
	k.fwd.fold(p, sumDz)
	k.fwd.fold(q, sumDzX)
}

// coefficients puts the chunks' sums together and makes of them what dx is.
func (k *groupNormGrad) coefficients(a *engine.Args, s []float32, b, g int) {
	var meanH, meanHX float64
	n := float64(k.Pixels) * float64(k.fwd.width())
	lo, hi := g*k.fwd.width(), (g+1)*k.fwd.width()
	for c := lo; c < hi; c++ {
		var dz, dzx float64
		for chunk := range k.fwd.chunks() {
			sumDz, sumDzX := k.fwd.stats(s, b, chunk)
			dz += float64(sumDz[c])
			dzx += float64(sumDzX[c])
		}
		k.set(s, b, gnSumDz, c, dz)
		k.set(s, b, gnSumDzX, c, dzx)
		meanH += float64(in(a, 1)[c]) * dz / n
		meanHX += float64(in(a, 1)[c]) * dzx / n
	}
	for c := lo; c < hi; c++ {
		r := float64(k.vector(s, b, gnFactor)[c])
		k.set(s, b, gnGain, c, float64(in(a, 1)[c])*r)
		k.set(s, b, gnPull, c, -meanHX*r)
		k.set(s, b, gnPush, c, -meanH*r)
	}
}

// gradient writes dx of a chunk.
func (k *groupNormGrad) gradient(a *engine.Args, s []float32, w, b, chunk int) {
	gain, pull, push := k.vector(s, b, gnGain), k.vector(s, b, gnPull), k.vector(s, b, gnPush)
	for lo, hi := k.fwd.pixels(b, chunk); lo < hi; lo += k.fwd.wide {
		n := min(k.fwd.wide, hi-lo)
		dz, hat := k.row(a, s, w, b, lo, n)
		dx := out(a, 0)[lo : lo+n]
		asm.Affine2(dx, hat, pull, dz, gain, push)
	}
}

// params adds the pictures' sums up in order.
func (k *groupNormGrad) params(a *engine.Args) {
	s := engine.Slice[float32](a.Scratch)
	for i, which := range [...]int{gnSumDzX, gnSumDz} {
		to := out(a, 1+i)[:k.C]
		clear(to)
		for b := range k.Batch {
			asm.Add(to, to, k.vector(s, b, which))
		}
	}
}
