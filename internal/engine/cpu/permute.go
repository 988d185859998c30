package cpu

import (
	"slices"
	"unsafe"

	"github.com/easel-go/easel/internal/asm"
	"github.com/easel-go/easel/internal/engine"
)

// permute reorders axes. Axes that stay together are one. Two of those that are left
// span planes, which are moved whole: if the last axis of the result is the last of x,
// planes of rows that are copied; if not, these two, and planes are transposed.
type permute struct {
	noScratch
	size, stride []int // of the result's other axes: length, and step in x
	step         []int // and step in the result

	long, longX, longY int // a plane's axis that pieces cut: length, step in x and in the result
	short, shortY      int // the other, which is x's last: length, and step in the result
	turned             bool
	planes             int
}

// planeStrip is how much of a plane's longer side a piece moves.
const planeStrip = 256

func newPermute(_ *Engine, op engine.Permute) (engine.Kernel, error) {
	stride := make([]int, len(op.Shape))
	for n, i := 1, len(op.Shape)-1; i >= 0; i-- {
		stride[i] = n
		n *= op.Shape[i]
	}
	k := &permute{long: 1, short: 1, planes: 1}
	for _, axis := range op.Perm {
		k.axis(op.Shape[axis], stride[axis])
	}
	k.step = make([]int, len(k.size))
	for n, i := 1, len(k.size)-1; i >= 0; i-- {
		k.step[i] = n
		n *= k.size[i]
	}
	if c := slices.Index(k.stride, 1); c >= 0 {
		k.turned = c < len(k.size)-1
		k.short, _, k.shortY = k.take(c)
	}
	if last := len(k.size) - 1; last >= 0 {
		k.long, k.longX, k.longY = k.take(last)
	}
	for _, n := range k.size {
		k.planes *= n
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

// take removes axis i from the list.
func (k *permute) take(i int) (n, x, y int) {
	n, x, y = k.size[i], k.stride[i], k.step[i]
	k.size, k.stride, k.step = slices.Delete(k.size, i, i+1), slices.Delete(k.stride, i, i+1), slices.Delete(k.step, i, i+1)
	return n, x, y
}

func (k *permute) strips() int { return pieces(k.long, planeStrip) }

// perPiece is how many strips a piece moves.
func (k *permute) perPiece() int { return rowsPerPiece(min(k.long, planeStrip) * k.short) }

func (k *permute) Launch(r engine.Run, a *engine.Args) error {
	return r.(*run).parallel(k, a, 0, pieces(k.planes*k.strips(), k.perPiece()))
}

func (k *permute) do(a *engine.Args, _, _, i int) {
	lo, hi := span(i, k.perPiece(), k.planes*k.strips())
	for part := lo; part < hi; part++ {
		x, y := k.plane(part / k.strips())
		first, end := span(part%k.strips(), planeStrip, k.long)
		from, to := ptr(in(a, 0)[x+first*k.longX:]), ptr(out(a, 0)[y+first*k.longY:])
		if k.turned {
			k.turn(to, from, end-first)
			continue
		}
		asm.CopyRows(to, 4*k.longY, from, 4*k.longX, end-first, k.short, 1)
	}
}

// turnColumns is how many rows of a result are written at a time: no more than a page
// each is kept open for.
const turnColumns = 16

// turn transposes n rows. What it reads and writes lies so far apart that it must be
// asked for.
func (k *permute) turn(to, from unsafe.Pointer, n int) {
	asm.Fetch(uintptr(from), 4*k.longX, n, 4*k.short, false)
	for j := 0; j < k.short; j += turnColumns {
		y, m := unsafe.Add(to, 4*j*k.shortY), min(turnColumns, k.short-j)
		asm.Fetch(uintptr(y), 4*k.shortY, m, 4*n, true)
		asm.Turn(y, 4*k.shortY, unsafe.Add(from, 4*j), 4*k.longX, n, m, 1)
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
