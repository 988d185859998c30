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

// sum adds up what a Spread spreads.
type sum struct {
	engine.Sum
	chunk int // rows that are added up in float32 before float64 takes over
}

// sumChunk bounds the float32 part of a sum over rows.
const sumChunk = 64

func newSum(_ *Engine, op engine.Sum) (engine.Kernel, error) { return &sum{op, sumChunk}, nil }

// Scratch holds, for sums of single numbers, one float64 per row or slice of a row.
func (k *sum) Scratch() int64 {
	if k.To == engine.Scalar || k.To == engine.Outer {
		return int64(8 * k.Outer * k.Rows)
	}
	return 0
}

func (k *sum) Launch(r engine.Run, a *engine.Args) error {
	run := r.(*run)
	switch k.To {
	case engine.Full:
		return run.parallel(k, a, 0, pieces(k.Outer*k.Rows*k.Inner, grain))
	case engine.PerRow:
		return run.parallel(k, a, 1, pieces(k.Outer*k.Rows, rowsPerPiece(k.Inner)))
	case engine.Inner, engine.Item:
		return run.parallel(k, a, 2, k.items()*pieces(k.Inner, sumColumns))
	}
	if err := run.parallel(k, a, 1, pieces(k.Outer*k.Rows, rowsPerPiece(k.Inner))); err != nil {
		return err
	}
	return run.parallel(k, a, 3, k.items())
}

// items is how many vectors or numbers the result consists of.
func (k *sum) items() int {
	if k.To == engine.Item || k.To == engine.Outer {
		return k.Outer
	}
	return 1
}

// sumColumns is how many channels a piece adds up over all rows.
const sumColumns = 64

func (k *sum) do(a *engine.Args, phase, _, i int) {
	x, y := in(a, 0), out(a, 0)
	switch phase {
	case 0:
		lo, hi := span(i, grain, len(x))
		copy(y[lo:hi], x[lo:hi])
	case 1:
		lo, hi := span(i, rowsPerPiece(k.Inner), k.Outer*k.Rows)
		for row := lo; row < hi; row++ {
			k.keepRow(a, row, asm.Sum(x[row*k.Inner:][:k.Inner]))
		}
	case 2:
		k.columns(x, y, i)
	case 3:
		rows := k.Outer * k.Rows / k.items()
		var s float64
		for _, v := range engine.Slice[float64](a.Scratch)[i*rows:][:rows] {
			s += v
		}
		y[i] = float32(s)
	}
}

func (k *sum) keepRow(a *engine.Args, row int, s float64) {
	if k.To == engine.PerRow {
		out(a, 0)[row] = float32(s)
		return
	}
	engine.Slice[float64](a.Scratch)[row] = s
}

// columns adds up some channels over all rows of an item: chunks in float32, the
// chunks in float64.
func (k *sum) columns(x, y []float32, i int) {
	per := pieces(k.Inner, sumColumns)
	item := i / per
	lo, hi := span(i%per, sumColumns, k.Inner)
	rows := k.Outer * k.Rows / k.items()
	var part [sumColumns]float32
	var total [sumColumns]float64
	p, t := part[:hi-lo], total[:hi-lo]
	for first := 0; first < rows; first += k.chunk {
		clear(p)
		for row := first; row < min(first+k.chunk, rows); row++ {
			asm.Add(p, p, x[(item*rows+row)*k.Inner+lo:][:hi-lo])
		}
		for c, v := range p {
			t[c] += float64(v)
		}
	}
	for c, v := range t {
		y[item*k.Inner+lo+c] = float32(v)
	}
}
