package cpu

import (
	"slices"
	"testing"

	"github.com/easel-go/easel/internal/engine"
)

// TestKeptWeights: a kept form gives the same bits, is made once, and never exceeds the
// budget.
func TestKeptWeights(t *testing.T) {
	op := engine.Conv2D{Batch: 1, H: 40, W: 32, In: 32, Out: 48, KH: 3, KW: 3, Stride: 1, Pad: [4]int{1, 1, 1, 1}, Weight: engine.Float16}
	k, err := New(Options{}).Prepare(op)
	if err != nil {
		t.Fatal(err)
	}
	w := k.(*winograd)
	size := int64(w.formAt(ceilDiv(w.cols, w.block), 0))
	var want []float32
	for _, budget := range []int64{0, size - 1, 2 * size} {
		e := New(Options{Threads: 2, Cache: budget})
		k, _ := e.Prepare(op)
		o := newOperands(t, k, op, 5)
		o.args.In[1].Const = true
		for range 2 {
			launch(t, e, k, &o.args)
			have := engine.Slice[float32](o.args.Out[0])
			if want == nil {
				want = slices.Clone(have)
			}
			if !slices.Equal(have, want) {
				t.Fatalf("budget %d: other bits than without", budget)
			}
		}
		used := e.CacheBytes()
		if used > budget || (used > 0) != (budget >= size) {
			t.Errorf("budget %d: %d bytes used", budget, used)
		}
		if err := e.Close(); err != nil || e.CacheBytes() != 0 {
			t.Errorf("after Close %d bytes used, error %v", e.CacheBytes(), err)
		}
	}
}
