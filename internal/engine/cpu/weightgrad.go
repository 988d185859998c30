package cpu

import (
	"unsafe"

	"github.com/easel-go/easel/internal/asm"
	"github.com/easel-go/easel/internal/engine"
)

// weightGrad is the gradient of a convolution for its weight: a product over all
// pixels of the batch, in order. Its left factor is dy turned over; its right one has
// a column for every tap and input channel, which panels gather from x. The columns
// of a tap start at a multiple of a panel's width.
type weightGrad struct {
	*product
	*taps
	op     engine.Conv2D
	pixels int // of all pictures
	padIn  int // columns of a tap
}

func newConv2DWeightGrad(e *Engine, op engine.Conv2DWeightGrad) (engine.Kernel, error) {
	outH, outW := op.OutSize()
	l := &weightGrad{taps: tapsOf(op.Conv2D), op: op.Conv2D, pixels: op.Batch * outH * outW, padIn: roundUp(op.In, asm.Columns())}
	l.product = &product{
		layer: l, threads: e.threads,
		segments: 1, k: l.pixels, cols: op.KH * op.KW * l.padIn,
		bias: none, item: none, residual: none, inside: true,
	}
	l.result = 4 * int64(roundUp(op.Out*l.ld()+16, 16))
	l.base = l.result + 4*int64(roundUp(op.Out*l.cols, 16))
	l.cut(op.Out, 4*l.ld())
	l.plan()
	return l, nil
}

// The phases before and after the product.
const (
	turnGrad = 1 + iota
	storeGrad
)

// ld returns the numbers between rows of dy turned over.
func (l *weightGrad) ld() int { return roundUp(l.pixels, 16) }

// Launch turns dy over, multiplies, and puts the sums in the weight's order.
func (l *weightGrad) Launch(r engine.Run, a *engine.Args) error {
	if err := r.(*run).parallel(l, a, turnGrad, ceilDiv(l.pixels, turnRows)); err != nil {
		return err
	}
	if err := l.product.Launch(r, a); err != nil {
		return err
	}
	return r.(*run).parallel(l, a, storeGrad, l.op.Out)
}

func (l *weightGrad) do(a *engine.Args, phase, _, i int) {
	if phase == turnGrad {
		p, ld := i*turnRows, 4*l.op.Out
		asm.Transpose(unsafe.Add(a.Scratch.Host, 4*p), 4*l.ld(), unsafe.Add(a.In[1].Host, p*ld), ld, min(turnRows, l.pixels-p), l.op.Out)
		return
	}
	taps := l.kh * l.kw
	dw := unsafe.Slice((*float32)(unsafe.Add(a.Out[0].Host, 4*i*l.op.In*taps)), l.op.In*taps)
	sums := unsafe.Slice((*float32)(unsafe.Add(l.out(a), 4*i*l.cols)), l.cols)
	for t := range taps {
		for c, v := range sums[t*l.padIn:][:l.op.In] {
			dw[c*taps+t] = v
		}
	}
}

func (l *weightGrad) rows(a *engine.Args, _ unsafe.Pointer, g int, table []rowTable) group {
	return spacedRows(a.Scratch.Host, g, l.tall, l.op.Out, 4*l.ld(), table)
}

// panel gathers n channels of the pixels that a tap meets.
func (l *weightGrad) panel(a *engine.Args, dst unsafe.Pointer, col, n, k0, k1 int) {
	tap, c := col/l.padIn, col%l.padIn
	n = min(n, l.op.In-c)
	width := asm.Columns()
	out := unsafe.Slice((*float32)(dst), (k1-k0)*width)
	perItem := l.outH * l.outW
	for k := k0; k < k1; k++ {
		x := unsafe.Add(a.In[0].Host, 4*(k/perItem)*l.op.H*l.op.W*l.op.In)
		y := k % perItem
		from := l.address(x, l.rowAt[y/l.outW*l.kh+tap/l.kw], l.colAt[y%l.outW*l.kw+tap%l.kw])
		row := out[(k-k0)*width:][:width]
		copy(row, unsafe.Slice((*float32)(unsafe.Add(from, 4*c)), n))
		clear(row[n:])
	}
}
