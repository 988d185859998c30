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
	fwd     groupNorm
	threads int
}

func newGroupNormGrad(e *Engine, op engine.GroupNormGrad) (engine.Kernel, error) {
	return &groupNormGrad{op, groupNorm{op.GroupNorm, chunkPixels(op.C)}, e.threads}, nil
}

// The vectors of a picture in scratch, a number per channel.
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

// Scratch holds what groupNorm's does, the chunks' sums in the same place, the
// vectors, and two rows for each worker.
func (k *groupNormGrad) Scratch() int64 {
	return int64(4 * k.C * (2*k.Batch*k.fwd.chunks() + gnVectors*k.Batch + 2*k.threads))
}

func (k *groupNormGrad) vector(s []float32, b, which int) []float32 {
	return s[(2*k.Batch*k.fwd.chunks()+gnVectors*b+which)*k.C:][:k.C]
}

func (k *groupNormGrad) rows(s []float32, w int) (dz, hat []float32) {
	at := (2*k.Batch*k.fwd.chunks() + gnVectors*k.Batch + 2*w) * k.C
	return s[at:][:k.C], s[at+k.C:][:k.C]
}

func (k *groupNormGrad) Launch(r engine.Run, a *engine.Args) error {
	chunks, groups := k.Batch*k.fwd.chunks(), k.Batch*k.Groups
	n := []int{chunks, groups, chunks, groups, chunks}
	for phase, pieces := range n {
		if err := r.(*run).parallel(k, a, phase, pieces); err != nil {
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
		k.fwd.measure(in(a, 0), s, i/k.fwd.chunks(), i%k.fwd.chunks())
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

// normalisers fills the vectors that make z and x̂.
func (k *groupNormGrad) normalisers(a *engine.Args, s []float32, b, g int) {
	mean, r := k.fwd.moments(s, b, g)
	scale, shift := k.vector(s, b, gnScale), k.vector(s, b, gnShift)
	factor, offset := k.vector(s, b, gnFactor), k.vector(s, b, gnOffset)
	for c := g * k.fwd.width(); c < (g+1)*k.fwd.width(); c++ {
		f := float64(in(a, 1)[c]) * r
		scale[c], shift[c] = float32(f), float32(float64(in(a, 2)[c])-mean*f)
		factor[c], offset[c] = float32(r), float32(-mean*r)
	}
}

// row computes dz and x̂ of the pixel at at.
func (k *groupNormGrad) row(a *engine.Args, s []float32, w, b, at int) (dz, hat []float32) {
	dz, hat = k.rows(s, w)
	x, dy := in(a, 0)[at:at+k.C], in(a, 3)[at:at+k.C]
	asm.Affine(asm.Identity, hat, x, k.vector(s, b, gnFactor), k.vector(s, b, gnOffset))
	if k.Act == engine.Identity {
		return dy, hat
	}
	asm.Affine(asm.Identity, dz, x, k.vector(s, b, gnScale), k.vector(s, b, gnShift))
	asm.ApplySlope(asm.Func(k.Act), dz, dz, dy)
	return dz, hat
}

// sums adds dz and dz·x̂ up over a chunk's pixels.
func (k *groupNormGrad) sums(a *engine.Args, s []float32, w, b, chunk int) {
	sumDz, sumDzX := k.fwd.stats(s, b, chunk)
	clear(sumDz)
	clear(sumDzX)
	for lo, hi := k.fwd.pixels(b, chunk); lo < hi; lo += k.C {
		dz, hat := k.row(a, s, w, b, lo)
		asm.Add(sumDz, sumDz, dz)
		asm.MulAddTo(sumDzX, dz, hat)
	}
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
		k.vector(s, b, gnSumDz)[c], k.vector(s, b, gnSumDzX)[c] = float32(dz), float32(dzx)
		meanH += float64(in(a, 1)[c]) * dz / n
		meanHX += float64(in(a, 1)[c]) * dzx / n
	}
	for c := lo; c < hi; c++ {
		r := float64(k.vector(s, b, gnFactor)[c])
		k.vector(s, b, gnGain)[c] = float32(float64(in(a, 1)[c]) * r)
		k.vector(s, b, gnPull)[c] = float32(-meanHX * r)
		k.vector(s, b, gnPush)[c] = float32(-meanH * r)
	}
}

// gradient writes dx of a chunk.
func (k *groupNormGrad) gradient(a *engine.Args, s []float32, w, b, chunk int) {
	gain, pull, push := k.vector(s, b, gnGain), k.vector(s, b, gnPull), k.vector(s, b, gnPush)
	for lo, hi := k.fwd.pixels(b, chunk); lo < hi; lo += k.C {
		dz, hat := k.row(a, s, w, b, lo)
		dx := out(a, 0)[lo : lo+k.C]
		asm.Affine(asm.Identity, dx, hat, pull, push)
		asm.MulAddTo(dx, dz, gain)
	}
}

// params adds the pictures' sums up in order.
func (k *groupNormGrad) params(a *engine.Args) {
	s := engine.Slice[float32](a.Scratch)
	for i, which := range []int{gnSumDzX, gnSumDz} {
		to := out(a, 1+i)[:k.C]
		clear(to)
		for b := range k.Batch {
			asm.Add(to, to, k.vector(s, b, which))
		}
	}
}
