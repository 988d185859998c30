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
	keep []any
}

// newOperands draws inputs for op; guard numbers follow the outputs.
func newOperands(tb testing.TB, k engine.Kernel, op engine.Op, seed uint64) *operands {
	tb.Helper()
	r := rand.New(rand.NewPCG(seed, 7))
	in, out := enginetest.Operands(op)
	o := &operands{}
	for _, d := range in {
		ref, values := drawn(r, d.Len, d.Dtype)
		o.args.In, o.in = append(o.args.In, ref), append(o.in, values)
	}
	for _, d := range out {
		v := make([]float32, d.Len+16)
		for i := range v {
			v[i] = 777
		}
		o.args.Out = append(o.args.Out, engine.HostRef(v[:d.Len]))
		o.keep = append(o.keep, v)
	}
	m, err := New(Options{}).Alloc(k.Scratch())
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = m.Free() })
	o.args.Scratch = m.Ref()
	return o
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
	v := o.keep[0].([]float32)
	for i, g := range v[len(want):] {
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
		for _, threads := range []int{1, 2} {
			op := engine.Linear{Batch: 2, Rows: s.m / 2, In: s.k, Out: s.n, Weight: engine.Float16, Bias: true}
			b.Run(fmt.Sprintf("%s/threads=%d", s.role, threads), func(b *testing.B) {
				benchmarkOp(b, op, threads, 2*s.m*s.k*s.n)
			})
		}
	}
}
