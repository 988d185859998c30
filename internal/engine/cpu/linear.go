package cpu

import (
	"unsafe"

	"github.com/easel-go/easel/internal/asm"
	"github.com/easel-go/easel/internal/engine"
)

// linear is the layer of an engine.Linear.
type linear struct {
	op    engine.Linear
	kind  asm.Kind
	total int // rows of all items
	tall  int // rows of a group
	ld    int // bytes between rows of x as it is multiplied
}

func newLinear(e *Engine, op engine.Linear) (engine.Kernel, error) {
	kind, ok := kindOf(op.Weight)
	if !ok {
		return nil, engine.ErrNotImplemented
	}
	if op.Rows <= thinRows && !op.Transposed && op.Compute != engine.Bfloat16 {
		return newThin(e, op, kind), nil
	}
	l := &linear{op: op, kind: kind, total: op.Batch * op.Rows, ld: 4 * op.In}
	next := inputs(2)
	p := &product{
		layer: l, threads: e.threads,
		segments: 1, k: op.In, cols: op.Out, act: op.Act, glu: op.GLU,
		bias: next.take(op.Bias), item: none, residual: next.take(op.Residual),
	}
	if op.GLU != engine.NoGLU {
		p.cols /= 2
	}
	if op.Compute == engine.Bfloat16 {
		p.stride = l.ld
		l.ld /= p.round(l.total * op.In)
	}
	l.tall = p.cut(l.total, l.ld)
	p.plan()
	return p, nil
}

// inputs counts the optional inputs of an op: the next one's index.
type inputs int

func (n *inputs) take(have bool) int {
	if !have {
		return none
	}
	*n++
	return int(*n) - 1
}

func (l *linear) rows(_ *engine.Args, x unsafe.Pointer, g int, table []rowTable) group {
	return spacedRows(x, g, l.tall, l.total, l.ld, table)
}

// spacedRows returns group g of the rows of a matrix of total rows, tall rows a group.
func spacedRows(x unsafe.Pointer, g, tall, total, ld int, table []rowTable) group {
	at := group{row: g * tall, n: min(tall, total-g*tall), ld: ld, next: rowsFrom(x, (g+1)*tall, tall, ld)}
	at.first = unsafe.Add(x, at.row*ld)
	for i := range min(at.n, asm.MaxRows) {
		table[0][i] = unsafe.Add(at.first, i*ld)
	}
	return at
}

// rowsFrom returns n rows of a matrix.
func rowsFrom(x unsafe.Pointer, row, n, ld int) asm.Area {
	return asm.Area{At: uintptr(x) + uintptr(row*ld), Rows: n, Bytes: ld, Ld: ld}
}

func (l *linear) panel(a *engine.Args, dst unsafe.Pointer, col, n, k0, k1 int) {
	w, size := a.In[1].Host, l.kind.Size()
	if l.op.Transposed {
		asm.PanelRows(dst, l.kind, unsafe.Add(w, size*(k0*l.op.Out+col)), size*l.op.Out, n, k1-k0)
		return
	}
	asm.Panel(dst, nil, l.kind, unsafe.Add(w, size*(col*l.op.In+k0)), size*l.op.In, n, k1-k0)
}
