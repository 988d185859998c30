package cpu

import (
	"unsafe"

	"github.com/easel-go/easel/internal/asm"
	"github.com/easel-go/easel/internal/engine"
)

// matMul multiplies two matrices of activations. A left factor that lies transposed
// is turned over in scratch first.
type matMul struct {
	*product
	op engine.MatMul
}

func newMatMul(e *Engine, op engine.MatMul) (engine.Kernel, error) {
	l := &matMul{op: op}
	next := inputs(2)
	l.product = &product{
		layer: l, threads: e.threads,
		segments: 1, k: op.K, cols: op.N,
		bias: none, item: none, residual: next.take(op.Add),
	}
	if op.TransA {
		l.base = 4 * int64(roundUp(op.M*l.ld()+16, 16))
	}
	l.cut(op.M, 4*l.ld())
	l.plan()
	return l, nil
}

// ld returns the numbers between rows of the left factor.
func (l *matMul) ld() int {
	if l.op.TransA {
		return roundUp(l.op.K, 16)
	}
	return l.op.K
}

// Launch turns the left factor over if it must be, and multiplies.
func (l *matMul) Launch(r engine.Run, a *engine.Args) error {
	if l.op.TransA {
		if err := r.(*run).parallel(l, a, turn, ceilDiv(l.op.K, turnRows)); err != nil {
			return err
		}
	}
	return l.product.Launch(r, a)
}

// turn is the phase that turns a factor over, turnRows rows at a time.
const (
	turn     = 1
	turnRows = 64
)

func (l *matMul) do(a *engine.Args, _, _, i int) {
	k := i * turnRows
	asm.Transpose(unsafe.Add(a.Scratch.Host, 4*k), 4*l.ld(), unsafe.Add(a.In[0].Host, 4*k*l.op.M), 4*l.op.M, min(turnRows, l.op.K-k), l.op.M)
}

func (l *matMul) rows(a *engine.Args, _ unsafe.Pointer, g int, table []rowTable) group {
	x := a.In[0].Host
	if l.op.TransA {
		x = a.Scratch.Host
	}
	return spacedRows(x, g, l.tall, l.op.M, 4*l.ld(), table)
}

func (l *matMul) panel(a *engine.Args, dst unsafe.Pointer, col, n, k0, k1 int) {
	b := a.In[1].Host
	if l.op.TransB {
		asm.Panel(dst, nil, asm.F32, unsafe.Add(b, 4*(col*l.op.K+k0)), 4*l.op.K, n, k1-k0)
		return
	}
	asm.PanelRows(dst, asm.F32, unsafe.Add(b, 4*(k0*l.op.N+col)), 4*l.op.N, n, k1-k0)
}
