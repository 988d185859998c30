package cpu

import (
	"slices"

	"github.com/easel-go/easel/internal/asm"
	"github.com/easel-go/easel/internal/engine"
)

// permute reorders axes. Axes that stay together are one. If the last axis of the
// result is the last of x, rows are copied; if not, the two span a plane, which is
// transposed in blocks.
type permute struct {
	noScratch
	size, stride []int // of the result's axes but those of the plane: length, and step in x
	step         []int // and step in the result
	n, from      int   // of the result's last axis: length, and step in x
	m, to        int   // of x's last axis: length, and step in the result; m is 1 without a plane
	planes       int
	strips       int // a plane is cut into along n
}

// planeStrip is how much of a plane's longer side a piece turns.
const planeStrip = 64

func newPermute(_ *Engine, op engine.Permute) (engine.Kernel, error) {
	stride := make([]int, len(op.Shape))
	for n, i := 1, len(op.Shape)-1; i >= 0; i-- {
		stride[i] = n
		n *= op.Shape[i]
	}
	k := &permute{n: 1, from: 1, m: 1, planes: 1}
	for _, axis := range op.Perm {
		k.axis(op.Shape[axis], stride[axis])
	}
	k.step = make([]int, len(k.size))
	for n, i := 1, len(k.size)-1; i >= 0; i-- {
		k.step[i] = n
		n *= k.size[i]
	}
	if last := len(k.size) - 1; last >= 0 {
		k.n, k.from = k.size[last], k.stride[last]
		k.drop(last)
	}
	if k.from != 1 {
		c := slices.Index(k.stride, 1)
		k.m, k.to = k.size[c], k.step[c]
		k.drop(c)
	}
	for _, n := range k.size {
		k.planes *= n
	}
	k.strips = 1
	if k.m > 1 {
		k.strips = pieces(k.n, planeStrip)
	}
	return k, nil
}

// axis appends an axis, or lengthens the last one if the new one goes on in it.
func (k *permute) axis(n, stride int) {
	last := len(k.size) - 1
	switch {
	case n == 1:
	case last >= 0 && k.stride[last] == n*stride:
		k.size[last] *= n
		k.stride[last] = stride
	default:
		k.size, k.stride = append(k.size, n), append(k.stride, stride)
	}
}

func (k *permute) drop(i int) {
	k.size, k.stride, k.step = slices.Delete(k.size, i, i+1), slices.Delete(k.stride, i, i+1), slices.Delete(k.step, i, i+1)
}

func (k *permute) perPiece() int { return rowsPerPiece(k.n * k.m / k.strips) }

func (k *permute) Launch(r engine.Run, a *engine.Args) error {
	return r.(*run).parallel(k, a, 0, pieces(k.planes*k.strips, k.perPiece()))
}

func (k *permute) do(a *engine.Args, _, _, i int) {
	lo, hi := span(i, k.perPiece(), k.planes*k.strips)
	for part := lo; part < hi; part++ {
		x, y := k.plane(part / k.strips)
		if k.m == 1 {
			copy(out(a, 0)[y:y+k.n], in(a, 0)[x:])
			continue
		}
		first, end := span(part%k.strips, planeStrip, k.n)
		asm.Turn(ptr(out(a, 0)[y+first:]), 4*k.to, ptr(in(a, 0)[x+first*k.from:]), 4*k.from, end-first, k.m, 1)
	}
}

// plane returns where plane p begins in x and in the result.
func (k *permute) plane(p int) (x, y int) {
	for d := len(k.size) - 1; d >= 0; d-- {
		i := p % k.size[d]
		p /= k.size[d]
		x, y = x+i*k.stride[d], y+i*k.step[d]
	}
	return x, y
}
