package cpu

import "github.com/easel-go/easel/internal/engine"

// permute reorders axes. Axes that stay together are one, and the last of those that
// are left is walked in the inner loop.
type permute struct {
	noScratch
	size, stride []int // of the result's axes but the last: length, and step in x
	n, step      int   // of the last
	rows, chunk  int
}

func newPermute(_ *Engine, op engine.Permute) (engine.Kernel, error) {
	stride := make([]int, len(op.Shape))
	for n, i := 1, len(op.Shape)-1; i >= 0; i-- {
		stride[i] = n
		n *= op.Shape[i]
	}
	k := &permute{n: 1, step: 1, rows: 1}
	for _, axis := range op.Perm {
		k.axis(op.Shape[axis], stride[axis])
	}
	if last := len(k.size) - 1; last >= 0 {
		k.n, k.step = k.size[last], k.stride[last]
		k.size, k.stride = k.size[:last], k.stride[:last]
	}
	for _, n := range k.size {
		k.rows *= n
	}
	k.chunk = rowsPerPiece(k.n)
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

func (k *permute) Launch(r engine.Run, a *engine.Args) error {
	return r.(*run).parallel(k, a, 0, pieces(k.rows, k.chunk))
}

func (k *permute) do(a *engine.Args, _, _, i int) {
	lo, hi := span(i, k.chunk, k.rows)
	x, y := in(a, 0), out(a, 0)
	for row := lo; row < hi; row++ {
		at, rest := 0, row
		for d := len(k.size) - 1; d >= 0; d-- {
			at += rest % k.size[d] * k.stride[d]
			rest /= k.size[d]
		}
		to := y[row*k.n:][:k.n]
		if k.step == 1 {
			copy(to, x[at:])
			continue
		}
		for j := range to {
			to[j] = x[at+j*k.step]
		}
	}
}
