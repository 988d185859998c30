package cpu

import (
	"math"
	"testing"

	"github.com/easel-go/easel/internal/asm"
	"github.com/easel-go/easel/internal/engine"
	"github.com/easel-go/easel/internal/engine/enginetest"
)

// TestWinogradError bounds how much less exact than a direct sum F(4×4, 3×3) is: the
// root mean square error over normal inputs, relative to that of the results.
func TestWinogradError(t *testing.T) {
	op := engine.Conv2D{Batch: 1, H: 16, W: 16, In: 64, Out: 32, KH: 3, KW: 3, Stride: 1, Pad: [4]int{1, 1, 1, 1}, Weight: engine.Float16}
	e := New(Options{})
	direct, tiles := relativeError(t, e, directConv(e, op, asm.F16), op), relativeError(t, e, winogradConv(e, op, asm.F16), op)
	t.Logf("direct %.2g, winograd %.2g", direct, tiles)
	if direct > 1e-6 || tiles > 5e-6 {
		t.Errorf("relative errors %.2g direct and %.2g by tiles, want at most 1e-6 and 5e-6", direct, tiles)
	}
}

func relativeError(t *testing.T, e *Engine, k engine.Kernel, op engine.Op) float64 {
	t.Helper()
	o := newOperands(t, k, op, 9)
	launch(t, e, k, &o.args)
	var off, size float64
	for i, want := range enginetest.Define(op, o.in)[0] {
		off += math.Pow(float64(engine.Slice[float32](o.args.Out[0])[i])-want, 2)
		size += want * want
	}
	return math.Sqrt(off / size)
}
