package cpu

import (
	"unsafe"

	"github.com/easel-go/easel/internal/asm"
	"github.com/easel-go/easel/internal/engine"
)

// thin is a linear layer of few rows, like those of the timestep: bound by reading
// the weight, it multiplies the weight's rows where they lie.
type thin struct {
	op       engine.Linear
	kind     asm.Kind
	threads  int
	total    int // rows of all items
	cols     int // of the result
	bias     int // index in Args.In, or none
	residual int
}

// thinRows is how many rows an item of a thin layer has at most: with more, panels
// cost less than they save.
const thinRows = 8

// thinBlock is how many columns of the result a piece has.
const thinBlock = 64

func newThin(e *Engine, op engine.Linear, kind asm.Kind) *thin {
	next := inputs(2)
	l := &thin{op: op, kind: kind, threads: e.threads, total: op.Batch * op.Rows, cols: op.Out}
	l.bias, l.residual = next.take(op.Bias), next.take(op.Residual)
	if op.GLU != engine.NoGLU {
		l.cols /= 2
	}
	return l
}

// stageFloats is the scratch of a worker: sums of both halves of a GLU.
const stageFloats = asm.MaxRows * 2 * thinBlock

// Scratch returns the bytes all workers need.
func (l *thin) Scratch() int64 { return int64(l.threads) * 4 * stageFloats }

// Launch computes blocks of columns.
func (l *thin) Launch(r engine.Run, a *engine.Args) error {
	return r.(*run).parallel(l, a, 0, ceilDiv(l.cols, thinBlock))
}

func (l *thin) do(a *engine.Args, _, w, i int) {
	col := i * thinBlock
	n := min(thinBlock, l.cols-col)
	stage := engine.Slice[float32](a.Scratch)[w*stageFloats:][:stageFloats]
	var rows [asm.MaxRows]unsafe.Pointer
	for first := 0; first < l.total; first += asm.DotRows() {
		m := min(asm.DotRows(), l.total-first)
		for j := range m {
			rows[j] = unsafe.Add(a.In[0].Host, 4*(first+j)*l.op.In)
		}
		l.dots(a, &rows, m, col, n, stage)
		if l.op.GLU != engine.NoGLU {
			l.dots(a, &rows, m, l.cols+col, n, stage[thinBlock:])
		}
		for j := range m {
			l.finish(a, first+j, col, stage[2*thinBlock*j:][:2*thinBlock], n)
		}
	}
}

// dots multiplies rows with n rows of the weight and adds the bias.
func (l *thin) dots(a *engine.Args, rows *[asm.MaxRows]unsafe.Pointer, m, col, n int, stage []float32) {
	ld := l.kind.Size() * l.op.In
	asm.Dots(rows, m, l.op.In, l.kind, unsafe.Add(a.In[1].Host, col*ld), ld, n, unsafe.Pointer(&stage[0]), 4*2*thinBlock)
	if l.bias == none {
		return
	}
	bias := in(a, l.bias)[col:][:n]
	for j := range m {
		s := stage[2*thinBlock*j:][:n]
		asm.Add(s, s, bias)
	}
}

// finish applies the function to a row of sums and stores it.
func (l *thin) finish(a *engine.Args, row, col int, sums []float32, n int) {
	at := row*l.cols + col
	y, s := out(a, 0)[at:][:n], sums[:n]
	activate(l.op.Act, l.op.GLU, s, s, sums[thinBlock:][:n])
	if l.residual == none {
		copy(y, s)
		return
	}
	asm.Add(y, s, in(a, l.residual)[at:][:n])
}
