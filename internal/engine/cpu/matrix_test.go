package cpu

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gorgonia.org/tensor"

	"github.com/easel-go/easel/internal/asm"
	"github.com/easel-go/easel/internal/engine"
	"github.com/easel-go/easel/internal/engine/enginetest"
)

// operands are the arguments of a kernel with the values they hold.
type operands struct {
	args engine.Args
	in   [][]float64
	past [][]float32 // guard numbers behind the outputs
}

// newOperands draws inputs for op; guard numbers follow the outputs.
func newOperands(tb testing.TB, k engine.Kernel, op engine.Op, seed uint64) *operands {
	tb.Helper()
	r := rand.New(rand.NewPCG(seed, 7))
	in, out := enginetest.Operands(op)
	o := &operands{}
	for _, d := range in {
		ref, values := drawn(r, d.Len, d.Dtype)
		if d.Dtype == engine.Float32 { // activations lie in a slab
			slab := alloc(tb, ref.Bytes)
			copy(engine.Slice[float32](slab), engine.Slice[float32](ref))
			ref = slab
		}
		o.args.In, o.in = append(o.args.In, ref), append(o.in, values)
	}
	for _, d := range out {
		slab := alloc(tb, d.Bytes()+64)
		v := engine.Slice[float32](slab)
		for i := range v {
			v[i] = 777
		}
		o.args.Out = append(o.args.Out, slab.At(0, d.Bytes()))
		o.past = append(o.past, v[d.Len:])
	}
	o.args.Scratch = alloc(tb, k.Scratch())
	return o
}

func alloc(tb testing.TB, bytes int64) engine.Ref {
	tb.Helper()
	m, err := New(Options{}).Alloc(bytes)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = m.Free() })
	return m.Ref()
}

// drawn returns n normal numbers of a dtype, and what they are exactly.
func drawn(r *rand.Rand, n int, d tensor.Dtype) (engine.Ref, []float64) {
	f, h, exact := make([]float32, n), make([]uint16, n), make([]float64, n)
	for i := range n {
		f[i] = float32(r.NormFloat64())
		switch d {
		case engine.Float16: // a sign, exponents around 0, any fraction
			h[i] = uint16(r.Uint32()&0x83ff | (12+r.Uint32N(4))<<10)
			exact[i] = float64(asm.Float16(h[i]))
		case engine.Bfloat16:
			h[i] = asm.RoundBF16(f[i])
			exact[i] = float64(math.Float32frombits(uint32(h[i]) << 16))
		default:
			exact[i] = float64(f[i])
		}
	}
	if d == engine.Float32 {
		return engine.HostRef(f), exact
	}
	return engine.HostRef(h), exact
}

func launch(tb testing.TB, e *Engine, k engine.Kernel, a *engine.Args) {
	tb.Helper()
	r, err := e.Begin(tb.Context())
	if err != nil {
		tb.Fatal(err)
	}
	if err := k.Launch(r, a); err != nil {
		tb.Fatal(err)
	}
	if err := r.End(); err != nil {
		tb.Fatal(err)
	}
}

// checkOp holds a kernel to the definition: terms is how many products a sum has,
// slack multiplies the rounding bound of a plain sum.
func checkOp(t *testing.T, e *Engine, op, bare engine.Op, terms int, slack float64) {
	t.Helper()
	k, err := e.Prepare(op)
	if err != nil {
		t.Fatalf("%+v: %v", op, err)
	}
	o := newOperands(t, k, op, uint64(terms))
	launch(t, e, k, &o.args)
	want := enginetest.Define(op, o.in)[0]
	sizes := enginetest.Define(bare, absolute(o.in))[0]
	have := engine.Slice[float32](o.args.Out[0])
	for i := range want {
		bound := slack * float64(terms+8) * 0x1p-24 * (sizes[i] + 1)
		if d := math.Abs(float64(have[i]) - want[i]); !(d <= bound) {
			t.Fatalf("%+v: [%d] of %d: have %v, want %v, off by %.2g, bound %.2g", op, i, len(want), have[i], want[i], d, bound)
		}
	}
	for i, g := range o.past[0] {
		if g != 777 {
			t.Fatalf("%+v: wrote %d numbers past the result", op, i+1)
		}
	}
}

func absolute(in [][]float64) [][]float64 {
	out := make([][]float64, len(in))
	for i, v := range in {
		out[i] = slices.Clone(v)
		for j := range v {
			out[i][j] = math.Abs(v[j])
		}
	}
	return out
}

func TestLinear(t *testing.T) {
	e := New(Options{Threads: 2})
	for i, s := range [][4]int{{1, 1, 1, 1}, {2, 3, 5, 7}, {1, 77, 48, 40}, {2, 17, 100, 33}, {1, 130, 320, 96}, {3, 8, 33, 300}, {1, 9, 1700, 34}, {2, 40, 3100, 70}} {
		for _, d := range []tensor.Dtype{engine.Float32, engine.Float16, engine.Bfloat16} {
			op := engine.Linear{Batch: s[0], Rows: s[1], In: s[2], Out: s[3], Weight: d, Transposed: i%2 == 1, Bias: i%3 > 0, Residual: i%4 > 1}
			checkOp(t, e, op, op, op.In, 1)
			op.Transposed, op.Residual, op.Act = !op.Transposed, !op.Residual, engine.Func(i%8)
			bare := op
			bare.Act = engine.Identity
			checkOp(t, e, op, bare, op.In, 1.2)
		}
	}
}

func TestBfloat16(t *testing.T) {
	e := New(Options{Threads: 2})
	for i, s := range [][4]int{{1, 1, 1, 1}, {2, 3, 6, 7}, {1, 77, 48, 40}, {2, 17, 101, 33}, {1, 130, 320, 96}, {1, 9, 3400, 34}, {3, 50, 64, 70}, {1, 70, 3200, 40}} {
		op := engine.Linear{Batch: s[0], Rows: s[1], In: s[2], Out: s[3], Weight: []tensor.Dtype{engine.Float32, engine.Float16, engine.Bfloat16}[i%3], Compute: engine.Bfloat16, Transposed: i%2 == 1, Bias: i%3 > 0, Residual: i%2 == 0}
		checkOp(t, e, op, op, op.In, 2)
		if op.Out%2 == 0 {
			op.GLU = engine.GEGLU
			checkOp(t, e, op, op, op.In, 4)
		}
	}
	for _, op := range convShapes {
		op.Weight, op.Compute = engine.Float16, engine.Bfloat16
		bare := op
		bare.Act = engine.Identity
		checkOp(t, e, op, bare, op.In*op.KH*op.KW, 2)
		if op.UpH == 0 {
			op.Act = engine.Identity
			checkOp(t, e, engine.Conv2DInputGrad{Conv2D: op}, engine.Conv2DInputGrad{Conv2D: op}, op.Out*op.KH*op.KW, 2)
		}
	}
}

func TestLinearGLU(t *testing.T) {
	e := New(Options{Threads: 2})
	for i, s := range [][4]int{{1, 1, 1, 2}, {2, 3, 5, 14}, {1, 77, 48, 80}, {2, 17, 100, 66}, {1, 130, 320, 192}, {1, 9, 1700, 34}, {1, 20, 64, 1400}} {
		for _, g := range []engine.GLU{engine.GEGLU, engine.SwiGLU} {
			op := engine.Linear{Batch: s[0], Rows: s[1], In: s[2], Out: s[3], Weight: engine.Float16, GLU: g, Bias: i%2 == 0, Residual: i%3 == 0}
			checkOp(t, e, op, op, op.In, 2.5)
		}
	}
}

// BenchmarkLinear reports the share of the multiply-add peak that a layer reaches,
// the peak measured between its runs.
func BenchmarkLinear(b *testing.B) {
	for _, s := range []struct {
		role    string
		m, k, n int
	}{
		{"attention/sdxl-32x32", 2048, 1280, 1280}, {"feed-forward/sdxl-32x32", 2048, 1280, 10240}, {"feed-forward-out/sdxl-32x32", 2048, 5120, 1280},
		{"attention/sd1-64x64", 4096, 320, 320}, {"attention/sdxl-64x64", 8192, 640, 640},
		{"context/sd1", 154, 768, 320}, {"context/sdxl", 154, 2048, 1280}, {"time", 2, 1280, 1280},
	} {
		for _, compute := range []tensor.Dtype{engine.Float32, engine.Bfloat16} {
			for _, threads := range []int{1, 2} {
				op := engine.Linear{Batch: 2, Rows: s.m / 2, In: s.k, Out: s.n, Weight: engine.Float16, Bias: true, Compute: compute}
				b.Run(fmt.Sprintf("%s/%v/threads=%d", s.role, compute, threads), func(b *testing.B) {
					benchmarkOp(b, op, threads, 2*s.m*s.k*s.n)
				})
			}
		}
	}
}

func TestMatMul(t *testing.T) {
	e := New(Options{Threads: 2})
	for i, s := range [][3]int{{1, 1, 1}, {3, 5, 7}, {77, 48, 40}, {17, 100, 33}, {130, 96, 320}, {8, 300, 33}, {9, 34, 1700}, {40, 70, 3100}, {4, 320, 500}, {320, 4, 500}} {
		for bits := range 8 {
			op := engine.MatMul{M: s[0], N: s[1], K: s[2], TransA: bits&1 != 0, TransB: bits&2 != 0, Add: (bits>>2+i)%2 == 0}
			checkOp(t, e, op, op, op.K, 1)
		}
	}
}

var convShapes = []engine.Conv2D{
	{Batch: 1, H: 1, W: 1, In: 1, Out: 1, KH: 1, KW: 1, Stride: 1},
	{Batch: 2, H: 5, W: 7, In: 4, Out: 3, KH: 3, KW: 3, Stride: 1, Pad: [4]int{1, 1, 1, 1}, Bias: true},
	{Batch: 2, H: 8, W: 8, In: 33, Out: 40, KH: 3, KW: 3, Stride: 2, Pad: [4]int{1, 1, 1, 1}, Bias: true, Item: true},
	{Batch: 1, H: 9, W: 6, In: 16, Out: 34, KH: 3, KW: 3, Stride: 2, Pad: [4]int{0, 0, 1, 1}, Residual: true},
	{Batch: 1, H: 6, W: 5, In: 20, Out: 8, KH: 3, KW: 3, Stride: 1, Pad: [4]int{1, 1, 1, 1}, UpH: 12, UpW: 10, Bias: true},
	{Batch: 1, H: 6, W: 5, In: 20, Out: 8, KH: 3, KW: 3, Stride: 1, Pad: [4]int{1, 1, 1, 1}, UpH: 11, UpW: 13, Bias: true},
	{Batch: 2, H: 28, W: 28, In: 3, Out: 48, KH: 14, KW: 14, Stride: 14},
	{Batch: 1, H: 6, W: 6, In: 250, Out: 20, KH: 3, KW: 3, Stride: 1, Pad: [4]int{1, 1, 1, 1}, Item: true, Residual: true, Act: engine.SiLU},
	{Batch: 2, H: 6, W: 9, In: 30, Out: 64, KH: 1, KW: 1, Stride: 1, Bias: true},
	{Batch: 2, H: 7, W: 9, In: 64, Out: 40, KH: 3, KW: 3, Stride: 1, Pad: [4]int{1, 1, 1, 1}, UpH: 14, UpW: 18, Bias: true, Item: true, Residual: true},
	{Batch: 1, H: 5, W: 5, In: 352, Out: 33, KH: 3, KW: 3, Stride: 2, Pad: [4]int{1, 1, 1, 1}, Bias: true},
	{Batch: 1, H: 7, W: 9, In: 5, Out: 6, KH: 5, KW: 2, Stride: 3, Pad: [4]int{4, 1, 0, 2}},
	{Batch: 2, H: 16, W: 20, In: 48, Out: 40, KH: 3, KW: 3, Stride: 1, Pad: [4]int{1, 1, 1, 1}, Bias: true, Residual: true},
}

func TestConv2D(t *testing.T) {
	e := New(Options{Threads: 2})
	for i, op := range convShapes {
		op.Weight = []tensor.Dtype{engine.Float32, engine.Float16, engine.Bfloat16}[i%3]
		bare := op
		bare.Act = engine.Identity
		checkOp(t, e, op, bare, op.In*op.KH*op.KW, 1.2)
	}
}

func TestConv2DInputGrad(t *testing.T) {
	e := New(Options{Threads: 2})
	for i, c := range convShapes {
		op := engine.Conv2DInputGrad{Conv2D: c}
		op.Weight = []tensor.Dtype{engine.Float16, engine.Bfloat16, engine.Float32}[i%3]
		if op.UpH == 0 {
			checkOp(t, e, op, op, op.Out*op.KH*op.KW, 1)
		}
	}
}

func TestConv2DWeightGrad(t *testing.T) {
	e := New(Options{Threads: 2})
	for _, c := range convShapes {
		op := engine.Conv2DWeightGrad{Conv2D: c}
		outH, outW := op.OutSize()
		checkOp(t, e, op, op, op.Batch*outH*outW, 1)
	}
}

// TestRowsAlike: a row has the same bits alone as in any batch, on any number of
// threads.
func TestRowsAlike(t *testing.T) {
	linear := func(batch int) engine.Op {
		return engine.Linear{Batch: batch, Rows: 13, In: 1700, Out: 100, Weight: engine.Float16, Bias: true, Act: engine.SiLU}
	}
	conv := func(batch int) engine.Op {
		return engine.Conv2D{Batch: batch, H: 9, W: 11, In: 200, Out: 40, KH: 3, KW: 3, Stride: 1, Pad: [4]int{1, 1, 1, 1}, Weight: engine.Float16}
	}
	half := func(batch int) engine.Op {
		return engine.Linear{Batch: batch, Rows: 13, In: 3200, Out: 100, Weight: engine.Float16, Compute: engine.Bfloat16}
	}
	grad := func(batch int) engine.Op { return engine.Conv2DInputGrad{Conv2D: conv(batch).(engine.Conv2D)} }
	for _, of := range []func(int) engine.Op{linear, half, conv, grad} {
		alone := results(t, 1, of(1), of(5))
		for _, threads := range []int{1, 2, 3, 8} {
			if batch := results(t, threads, of(5), of(5)); !slices.Equal(alone, batch[:len(alone)]) {
				t.Errorf("%T: item 0 of a batch of 5 on %d threads differs from item 0 alone", of(1), threads)
			}
		}
	}
}

// results computes op on the first numbers of what is drawn for like.
func results(t *testing.T, threads int, op, like engine.Op) []float32 {
	e := New(Options{Threads: threads})
	k, err := e.Prepare(op)
	if err != nil {
		t.Fatal(err)
	}
	big, _ := e.Prepare(like)
	o := newOperands(t, big, like, 3)
	own := newOperands(t, k, op, 3)
	o.args.Scratch, o.args.Out = own.args.Scratch, own.args.Out
	launch(t, e, k, &o.args)
	return engine.Slice[float32](o.args.Out[0])
}

func TestLaunchDoesNotAllocate(t *testing.T) {
	c := engine.Conv2D{Batch: 1, H: 8, W: 8, In: 8, Out: 8, KH: 3, KW: 3, Stride: 1, Pad: [4]int{1, 1, 1, 1}, Weight: engine.Float16}
	for _, op := range []engine.Op{
		engine.Linear{Batch: 1, Rows: 20, In: 40, Out: 50, Weight: engine.Float16, Act: engine.SiLU}, c,
		engine.Linear{Batch: 1, Rows: 2, In: 40, Out: 50, Weight: engine.Float16, Act: engine.SiLU},
		engine.Linear{Batch: 1, Rows: 20, In: 64, Out: 50, Weight: engine.Float16, Compute: engine.Bfloat16},
		engine.MatMul{M: 20, N: 20, K: 20, TransA: true}, engine.Conv2DInputGrad{Conv2D: c}, engine.Conv2DWeightGrad{Conv2D: c},
	} {
		e := New(Options{Threads: 2})
		k, err := e.Prepare(op)
		if err != nil {
			t.Fatal(err)
		}
		o := newOperands(t, k, op, 1)
		r, _ := e.Begin(t.Context())
		if n := testing.AllocsPerRun(20, func() { _ = k.Launch(r, &o.args) }); n != 0 {
			t.Errorf("%T: %v allocations a launch", op, n)
		}
		_ = r.End()
	}
}

func BenchmarkConv2D(b *testing.B) {
	for _, s := range []struct {
		role           string
		in, out, side  int
		kernel, stride int
	}{
		{"sd1/320at64", 320, 320, 64, 3, 1}, {"sd1/640at32", 640, 640, 32, 3, 1}, {"sd1/1280at16", 1280, 1280, 16, 3, 1},
		{"vae/512at128", 512, 512, 128, 3, 1}, {"sd1/320at64-pointwise", 320, 320, 64, 1, 1}, {"sd1/320at64-down", 320, 320, 64, 3, 2}, {"sd1/in", 4, 320, 64, 3, 1}, {"sd1/out", 320, 4, 64, 3, 1},
	} {
		p := s.kernel / 2
		op := engine.Conv2D{Batch: 1, H: s.side, W: s.side, In: s.in, Out: s.out, KH: s.kernel, KW: s.kernel, Stride: s.stride, Pad: [4]int{p, p, p, p}, Weight: engine.Float16, Bias: true}
		h, w := op.OutSize()
		for _, op.Compute = range []tensor.Dtype{engine.Float32, engine.Bfloat16} {
			for _, threads := range []int{1, 2} {
				b.Run(fmt.Sprintf("%s/%v/threads=%d", s.role, op.Compute, threads), func(b *testing.B) {
					benchmarkOp(b, op, threads, 2*s.kernel*s.kernel*s.in*s.out*h*w)
				})
			}
		}
	}
}
