package cpu

import (
	"github.com/easel-go/easel/internal/asm"
	"github.com/easel-go/easel/internal/engine"
)

// binary is arithmetic with an operand spread over the other's shape.
type binary struct {
	noScratch
	engine.Binary
}

// newBinary makes one long row of what is one, so that pieces are whole.
func newBinary(_ *Engine, op engine.Binary) (engine.Kernel, error) {
	if op.B == engine.Full || op.B == engine.Scalar {
		op.Outer, op.Rows, op.Inner = 1, pieces(op.Outer*op.Rows*op.Inner, grain), op.Outer*op.Rows*op.Inner
	}
	return &binary{Binary: op}, nil
}

func (k *binary) flat() bool { return k.B == engine.Full || k.B == engine.Scalar }

func (k *binary) Launch(r engine.Run, a *engine.Args) error {
	n := pieces(k.Outer*k.Rows, rowsPerPiece(k.Inner))
	if k.flat() {
		n = k.Rows
	}
	return r.(*run).parallel(k, a, 0, n)
}

func (k *binary) do(a *engine.Args, _, _, i int) {
	if k.flat() {
		lo, hi := span(i, grain, k.Inner)
		if k.B == engine.Full {
			k.vector(out(a, 0)[lo:hi], in(a, 0)[lo:hi], in(a, 1)[lo:hi])
		} else {
			k.number(out(a, 0)[lo:hi], in(a, 0)[lo:hi], in(a, 1)[0])
		}
		return
	}
	lo, hi := span(i, rowsPerPiece(k.Inner), k.Outer*k.Rows)
	for row := lo; row < hi; row++ {
		k.row(out(a, 0)[row*k.Inner:][:k.Inner], in(a, 0)[row*k.Inner:][:k.Inner], in(a, 1), row)
	}
}

// row computes row number row of [Outer·Rows].
func (k *binary) row(y, x, b []float32, row int) {
	switch k.B {
	case engine.Inner:
		k.vector(y, x, b[:k.Inner])
	case engine.Item:
		k.vector(y, x, b[row/k.Rows*k.Inner:][:k.Inner])
	case engine.PerRow:
		k.number(y, x, b[row])
	case engine.Outer:
		k.number(y, x, b[row/k.Rows])
	}
}

func (k *binary) vector(y, a, b []float32) {
	switch k.Fn {
	case engine.Add:
		asm.Add(y, a, b)
	case engine.Sub:
		asm.Sub(y, a, b)
	case engine.Mul:
		asm.Mul(y, a, b)
	}
}

func (k *binary) number(y, a []float32, b float32) {
	switch k.Fn {
	case engine.Add:
		asm.Shift(y, b, a)
	case engine.Sub:
		asm.Shift(y, -b, a)
	case engine.Mul:
		asm.Scale(y, b, a)
	}
}

// sum adds up what a Spread spreads. Rows that are added to each other are added in
// chunks, in float32, and the chunks in float64.
type sum struct {
	engine.Sum
	items int // vectors or numbers of the result that have sums of their own
	rows  int // of each
}

// sumChunk is how many rows are added up in float32.
const sumChunk = 64

func newSum(_ *Engine, op engine.Sum) (engine.Kernel, error) {
	k := &sum{op, 1, op.Outer * op.Rows}
	if op.To == engine.Item || op.To == engine.Outer {
		k.items, k.rows = op.Outer, op.Rows
	}
	return k, nil
}

// vectors says that rows are added to each other, number by number.
func (k *sum) vectors() bool { return k.To == engine.Inner || k.To == engine.Item }

func (k *sum) chunks() int { return pieces(k.rows, sumChunk) }

// Scratch holds the sum of each chunk, a row, or that of each row, a float64.
func (k *sum) Scratch() int64 {
	switch {
	case k.vectors():
		return int64(4 * k.items * k.chunks() * k.Inner)
	case k.To == engine.Scalar || k.To == engine.Outer:
		return int64(8 * k.Outer * k.Rows)
	}
	return 0
}

// The phases of a sum: copying what is not summed, sums of rows, of chunks of rows,
// and of what those left.
const (
	sumCopy = iota
	sumRows
	sumChunks
	sumParts
)

func (k *sum) Launch(r engine.Run, a *engine.Args) error {
	run := r.(*run)
	if k.To == engine.Full {
		return run.parallel(k, a, sumCopy, pieces(k.Outer*k.Rows*k.Inner, grain))
	}
	phase, n := sumRows, pieces(k.Outer*k.Rows, rowsPerPiece(k.Inner))
	if k.vectors() {
		phase, n = sumChunks, k.items*k.chunks()
	}
	if err := run.parallel(k, a, phase, n); err != nil || k.To == engine.PerRow {
		return err
	}
	return run.parallel(k, a, sumParts, k.items)
}

func (k *sum) do(a *engine.Args, phase, _, i int) {
	x, y := in(a, 0), out(a, 0)
	switch phase {
	case sumCopy:
		lo, hi := span(i, grain, len(x))
		copy(y[lo:hi], x[lo:hi])
	case sumRows:
		lo, hi := span(i, rowsPerPiece(k.Inner), k.Outer*k.Rows)
		for row := lo; row < hi; row++ {
			k.keepRow(a, row, asm.Sum(x[row*k.Inner:][:k.Inner]))
		}
	case sumChunks:
		lo, hi := span(i%k.chunks(), sumChunk, k.rows)
		part := engine.Slice[float32](a.Scratch)[i*k.Inner:][:k.Inner]
		first := (i/k.chunks()*k.rows + lo) * k.Inner
		copy(part, x[first:])
		for row := 1; row < hi-lo; row++ {
			asm.Add(part, part, x[first+row*k.Inner:][:k.Inner])
		}
	case sumParts:
		k.parts(a, i)
	}
}

func (k *sum) keepRow(a *engine.Args, row int, s float64) {
	if k.To == engine.PerRow {
		out(a, 0)[row] = float32(s)
		return
	}
	engine.Slice[float64](a.Scratch)[row] = s
}

// parts adds up an item's chunks or rows.
func (k *sum) parts(a *engine.Args, item int) {
	if !k.vectors() {
		var s float64
		for _, v := range engine.Slice[float64](a.Scratch)[item*k.rows:][:k.rows] {
			s += v
		}
		out(a, 0)[item] = float32(s)
		return
	}
	sums := engine.Slice[float32](a.Scratch)[item*k.chunks()*k.Inner:]
	for c := range k.Inner {
		var s float64
		for i := range k.chunks() {
			s += float64(sums[i*k.Inner+c])
		}
		out(a, 0)[item*k.Inner+c] = float32(s)
	}
}
