package plan

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"gorgonia.org/tensor"

	"github.com/easel-go/easel/internal/engine"
	"github.com/easel-go/easel/internal/engine/enginetest"
	"github.com/easel-go/easel/internal/fault"
	"github.com/easel-go/easel/internal/graph"
	"github.com/easel-go/easel/internal/graph/graphtest"
	"github.com/easel-go/easel/internal/graph/op"
)

// sample is a small network with everything the planner has a rule for, and what its
// inputs are.
type sample struct {
	*graph.Builder
	values graphtest.Values
	set    map[string]any
	seed   uint64
	train  []*graph.Node
}

func newSample() *sample {
	return &sample{Builder: graph.New(), values: graphtest.Values{}, set: map[string]any{}}
}

func (s *sample) input(name string, shape ...int) *graph.Node {
	n := s.Input(name, tensor.Float32, shape...)
	s.seed++
	v := graphtest.Random(s.seed, 1, shape...).Data().([]float32)
	wide := make([]float64, len(v))
	for i, x := range v {
		wide[i] = float64(x)
	}
	s.values[n], s.set[name] = wide, v
	return n
}

func (s *sample) weight(name string, shape ...int) *graph.Node {
	s.seed++
	if p := s.Path(); p != "" {
		name = p + "." + name
	}
	return s.Const(name, graphtest.Random(s.seed, 0.3, shape...))
}

func (s *sample) trained(name string, shape ...int) *graph.Node {
	s.seed++
	n := s.Variable(s.Path()+"."+name, graphtest.Random(s.seed, 0.3, shape...))
	s.train = append(s.train, n)
	return n
}

// resnet is a block of a UNet: norm, SiLU, convolution, the time's vector, again, and
// the way round it.
func (s *sample) resnet(name string, x, temb *graph.Node, in, out int) *graph.Node {
	defer s.Scope(name)()
	b := s.Builder
	pad := op.Conv{Pad: [4]int{1, 1, 1, 1}}
	h := op.SiLU(b, op.GroupNorm(b, x, s.weight("g1", in), s.weight("b1", in), 2, 1e-5))
	h = op.Conv2D(b, h, s.weight("w1", out, in, 3, 3), s.weight("c1", out), pad)
	h = op.AddItem(b, h, op.Linear(b, op.SiLU(b, temb), s.weight("wt", out, 4), s.weight("bt", out)))
	h = op.SiLU(b, op.GroupNorm(b, h, s.weight("g2", out), s.weight("b2", out), 2, 1e-5))
	h = op.Conv2D(b, h, s.weight("w2", out, out, 3, 3), s.weight("c2", out), pad)
	if in != out {
		x = op.Conv2D(b, x, s.weight("ws", out, in, 1, 1), s.weight("cs", out), op.Conv{})
	}
	return op.Add(b, x, h)
}

// transformer is a block of attention and a gated layer, its query with a trainable
// low-rank delta.
func (s *sample) transformer(name string, x, scale *graph.Node, c int) *graph.Node {
	defer s.Scope(name)()
	b := s.Builder
	shape := b.Desc(x).Shape
	h := op.Reshape(b, x, shape[0], shape[1]*shape[2], c)
	n := op.LayerNorm(b, h, s.weight("g1", c), s.weight("b1", c), 1e-5)
	down := op.ScaleBy(b, op.Linear(b, n, s.trained("down", 2, c), nil), scale)
	q := op.Add(b, op.Linear(b, n, s.weight("q", c, c), nil), op.Linear(b, down, s.trained("up", c, 2), nil))
	a := op.Attention(b, q, op.Linear(b, n, s.weight("k", c, c), nil), op.Linear(b, n, s.weight("v", c, c), nil), op.Attn{Heads: 2})
	h = op.Add(b, op.Linear(b, a, s.weight("o", c, c), s.weight("bo", c)), h)
	n = op.LayerNorm(b, h, s.weight("g2", c), s.weight("b2", c), 1e-5)
	n = op.GEGLU(b, op.Linear(b, n, s.weight("w1", 4*c, c), s.weight("bw1", 4*c)))
	h = op.Add(b, op.Linear(b, n, s.weight("w2", c, 2*c), s.weight("bw2", c)), h)
	return op.Reshape(b, h, shape...)
}

// unet is a small UNet with a skip, and a loss.
func (s *sample) unet() (eps, loss *graph.Node) {
	b := s.Builder
	x, temb, scale := s.input("x", 2, 4, 4, 4), s.input("temb", 2, 4), s.input("scale", 1)
	h := s.resnet("down", x, temb, 4, 8)
	skip := h
	h = op.Conv2D(b, h, s.weight("wd", 8, 8, 3, 3), s.weight("bd", 8), op.Conv{Stride: 2, Pad: [4]int{0, 0, 1, 1}})
	h = s.transformer("mid.0", h, scale, 8)
	h = s.transformer("mid.1", h, scale, 8)
	h = op.Conv2D(b, op.Upsample(b, h, 4, 4), s.weight("wu", 8, 8, 3, 3), s.weight("bu", 8), op.Conv{Pad: [4]int{1, 1, 1, 1}})
	h = s.resnet("up", op.Concat(b, -1, h, skip), temb, 16, 4)
	return h, op.MSE(b, h, s.input("target", 2, 4, 4, 4), nil)
}

func (s *sample) vm(t testing.TB, p *Program, err error) *VM {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	vm, err := p.NewVM()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { vm.Close() })
	for name, v := range s.set {
		if err := vm.Set(name, v); err != nil {
			t.Fatal(err)
		}
	}
	return vm
}

func run(t testing.TB, vm *VM) [][]float32 {
	t.Helper()
	if err := vm.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	var outs [][]float32
	for i := range vm.p.outputs {
		outs = append(outs, slices.Clone(vm.Output(i)))
	}
	return outs
}

// near compares with a bound on the rounding of float32 between the steps.
func near(t testing.TB, what string, have []float32, want []float64) {
	t.Helper()
	if len(have) != len(want) {
		t.Fatalf("%s: %d numbers, want %d", what, len(have), len(want))
	}
	for i, w := range want {
		if math.Abs(float64(have[i])-w) > 2e-5*(1+math.Abs(w)) || math.IsNaN(float64(have[i])) {
			t.Fatalf("%s[%d]: have %v, want %v", what, i, have[i], w)
		}
	}
}

func TestForward(t *testing.T) {
	s := newSample()
	eps, loss := s.unet()
	p, err := Compile(s.Builder, Options{Engine: enginetest.Engine{}}, eps, loss)
	vm := s.vm(t, p, err)
	have := run(t, vm)
	want := graphtest.Eval(s.Builder, s.values, eps, loss)
	near(t, "eps", have[0], want[0])
	near(t, "loss", have[1], want[1])
	if again := run(t, vm); !slices.Equal(again[0], have[0]) {
		t.Error("a second run gives other numbers")
	}
	listing := p.String()
	for _, part := range []string{"mid.0", "glu=geglu", "act=silu", "uph=4", "residual", "item", "input   x", "in place"} {
		if !strings.Contains(listing, part) {
			t.Errorf("listing without %q:\n%s", part, listing)
		}
	}
}

// bare is an engine that lacks every kernel that does two things at once.
type bare struct{ enginetest.Engine }

func (e bare) Prepare(o engine.Op) (engine.Kernel, error) {
	lacks := false
	switch o := o.(type) {
	case engine.Linear:
		lacks = o.Act != engine.Identity || o.GLU != engine.NoGLU || o.Residual
	case engine.Conv2D:
		lacks = o.Act != engine.Identity || o.Item || o.Residual || o.UpH > 0
	case engine.GroupNorm:
		lacks = o.Act != engine.Identity
	case engine.GroupNormGrad:
		lacks = o.Act != engine.Identity
	case engine.Gate:
		lacks = true
	}
	if lacks {
		return nil, engine.ErrNotImplemented
	}
	return e.Engine.Prepare(o)
}

func TestFusedEqualsUnfused(t *testing.T) {
	for _, train := range []bool{false, true} {
		s := newSample()
		eps, loss := s.unet()
		outs := []*graph.Node{eps, loss}
		if train {
			outs = append(outs, graph.Backprop(s.Builder, loss, s.train...)...)
		}
		want := graphtest.Eval(s.Builder, s.values, outs...)
		fused, err := Compile(s.Builder, Options{Engine: enginetest.Engine{}}, outs...)
		have := run(t, s.vm(t, fused, err))
		plain, err := Compile(s.Builder, Options{Engine: bare{}}, outs...)
		apart := run(t, s.vm(t, plain, err))
		for i := range outs {
			near(t, "fused", have[i], want[i])
			near(t, "unfused", apart[i], want[i])
		}
		if fused.Steps() >= plain.Steps() {
			t.Errorf("%d steps fused, %d unfused", fused.Steps(), plain.Steps())
		}
	}
}

// compileApart compiles with memory of its own for every buffer.
func compileApart(t *testing.T, b *graph.Builder, o Options, outs ...*graph.Node) *Program {
	if err := o.check(b, outs); err != nil {
		t.Fatal(err)
	}
	d := lower(b, o, outs)
	if err := errors.Join(d.fuse(), d.prepare()); err != nil {
		t.Fatal(err)
	}
	d.measure()
	for i := range d.buffers {
		d.buffers[i].first, d.buffers[i].last = 0, len(d.steps)
	}
	p := d.finish()
	if err := d.bindConstants(p); err != nil {
		t.Fatal(err)
	}
	return p
}

func (s *sample) trainingOuts() []*graph.Node {
	eps, loss := s.unet()
	return append([]*graph.Node{loss, eps}, graph.Backprop(s.Builder, loss, s.train...)...)
}

// TestMemoryIsSharedSafely compares bits with a program in which nothing shares
// memory.
func TestMemoryIsSharedSafely(t *testing.T) {
	s := newSample()
	outs := s.trainingOuts()
	o := Options{Engine: enginetest.Engine{}}
	apart := compileApart(t, s.Builder, o, outs...)
	want := run(t, s.vm(t, apart, nil))
	p, err := Compile(s.Builder, o, outs...)
	have := run(t, s.vm(t, p, err))
	for i := range want {
		if !slices.Equal(have[i], want[i]) {
			t.Fatalf("output %d differs from what it is without shared memory", i)
		}
	}
	if p.SlabBytes() >= apart.SlabBytes() {
		t.Errorf("slab of %d bytes, %d without sharing", p.SlabBytes(), apart.SlabBytes())
	}
}

func TestCheckpointKeepsBits(t *testing.T) {
	s := newSample()
	outs := s.trainingOuts()
	plain, err := Compile(s.Builder, Options{Engine: enginetest.Engine{}}, outs...)
	want := run(t, s.vm(t, plain, err))
	segments := map[string]int{"down": 1, "mid.0": 2, "mid.1": 3, "up": 4}
	p, err := Compile(s.Builder, Options{
		Engine:     enginetest.Engine{},
		Checkpoint: func(n *graph.Node) int { return segments[graph.CallOf(n).Scope] },
	}, outs...)
	have := run(t, s.vm(t, p, err))
	for i := range want {
		if !slices.Equal(have[i], want[i]) {
			t.Fatalf("output %d differs with checkpoints", i)
		}
	}
	if p.Steps() <= plain.Steps() || p.SlabBytes() >= plain.SlabBytes() {
		t.Errorf("with checkpoints %d steps and %d bytes, without %d and %d", p.Steps(), p.SlabBytes(), plain.Steps(), plain.SlabBytes())
	}
	if !strings.Contains(p.String(), "again") {
		t.Error("the listing does not show what is computed again")
	}
}

// TestGradientsThroughPrograms differentiates the whole sample in float64 and compares
// what the program computes.
func TestGradientsThroughPrograms(t *testing.T) {
	s := newSample()
	_, loss := s.unet()
	graphtest.CheckGradient(t, s.Builder, s.values, loss, s.train...)
}

func TestVariablesAreReadAnew(t *testing.T) {
	b := graph.New()
	w := graphtest.Random(1, 1, 2, 2)
	x := b.Input("x", tensor.Float32, 1, 2)
	y := op.Linear(b, x, b.Variable("w", w), nil)
	p, err := Compile(b, Options{Engine: enginetest.Engine{}}, y)
	s := &sample{set: map[string]any{"x": []float32{1, 0}}}
	vm := s.vm(t, p, err)
	for _, v := range []float32{3, -4} {
		w.Data().([]float32)[0] = v
		if have := run(t, vm)[0][0]; have != v {
			t.Errorf("have %v, want %v", have, v)
		}
	}
}

// TestHalfWeights takes matrices and filters as they are stored, and widens vectors.
func TestHalfWeights(t *testing.T) {
	b := graph.New()
	half := func(name string, shape ...int) *graph.Node {
		wide := graphtest.Random(3, 1, shape...).Data().([]float32)
		v := make([]engine.BF16, len(wide))
		for i, x := range wide {
			v[i] = engine.BF16(math.Float32bits(x) >> 16)
		}
		return b.Const(name, tensor.New(tensor.WithShape(shape...), tensor.WithBacking(v)))
	}
	ids := b.Input("ids", tensor.Int32, 1, 6)
	x := op.Embed(b, half("table", 5, 4), ids)
	x = op.Add(b, op.Linear(b, x, half("w", 3, 4), half("bias", 3)), op.Cast(b, half("position", 6, 3), engine.Float32))
	y := op.Conv2D(b, op.Reshape(b, x, 1, 2, 3, 3), half("filter", 2, 3, 1, 1), half("bias 2", 2), op.Conv{})
	loss := op.SumSquares(b, y)
	outs := append([]*graph.Node{y}, graph.Backprop(b, loss, x, b.Const("w", b.Leaf(graph.CallOf(y).In[1]).Value))...)
	v := []int32{0, 4, 2, 3, 1, 4}
	want := graphtest.Eval(b, graphtest.Values{ids: {0, 4, 2, 3, 1, 4}}, outs...)
	p, err := Compile(b, Options{Engine: enginetest.Engine{}}, outs...)
	s := &sample{set: map[string]any{"ids": v}}
	for i, have := range run(t, s.vm(t, p, err)) {
		near(t, "output", have, want[i])
	}
}

func TestOutputsOfAllKinds(t *testing.T) {
	b := graph.New()
	x := b.Input("x", tensor.Float32, 32, 2)
	w := b.Const("w", graphtest.Random(1, 1, 3))
	double := op.Scale(b, x, 2)
	part := op.Slice(b, double, 0, 8, 10) // 64 bytes in: a view
	odd := op.Slice(b, double, 0, 1, 3)   // not aligned: a copy
	p, err := Compile(b, Options{Engine: enginetest.Engine{}}, x, w, double, part, odd, op.Reshape(b, double, 64), double)
	v := make([]float32, 64)
	for i := range v {
		v[i] = float32(i)
	}
	s := &sample{set: map[string]any{"x": v}}
	outs := run(t, s.vm(t, p, err))
	if !slices.Equal(outs[0], v) || len(outs[1]) != 3 || outs[2][5] != 10 || !slices.Equal(outs[5], outs[2]) || !slices.Equal(outs[6], outs[2]) {
		t.Errorf("have %v", outs)
	}
	if !slices.Equal(outs[3], []float32{32, 34, 36, 38}) || !slices.Equal(outs[4], []float32{4, 6, 8, 10}) {
		t.Errorf("slices are %v and %v", outs[3], outs[4])
	}
	if p.Steps() != 2 {
		t.Errorf("%d steps, want the scaling and one copy\n%s", p.Steps(), p)
	}
}

func TestErrors(t *testing.T) {
	s := newSample()
	b := s.Builder
	x := s.input("x", 1, 4)
	ids := b.Input("ids", tensor.Int32, 1)
	b.Input("unused", tensor.Float32, 2)
	y := op.Add(b, x, op.Embed(b, s.weight("table", 3, 4), ids))
	compile := func(o Options, outs ...*graph.Node) error { _, err := Compile(b, o, outs...); return err }
	eng, s2 := enginetest.Engine{}, graph.New()
	for name, c := range map[string]struct {
		err  error
		kind fault.Kind
	}{
		"no engine":     {compile(Options{}, y), fault.Invalid},
		"no outputs":    {compile(Options{Engine: eng}), fault.Invalid},
		"nil output":    {compile(Options{Engine: eng}, nil), fault.Invalid},
		"another graph": {compile(Options{Engine: eng}, op.Tanh(s2, s2.Input("x", tensor.Float32, 1))), fault.Invalid},
		"integer":       {compile(Options{Engine: eng}, ids), fault.Unsupported},
		"arithmetic":    {compile(Options{Engine: eng, Compute: engine.Float16}, y), fault.Unsupported},
		"over limit":    {compile(Options{Engine: eng, MemoryLimit: 64}, y), fault.Limit},
		"lacks kernels": {compile(Options{Engine: poor{}}, y), fault.Unsupported},
	} {
		if fault.KindOf(c.err) != c.kind {
			t.Errorf("%s: error %v of kind %q, want %q", name, c.err, fault.KindOf(c.err), c.kind)
		}
	}
	if !errors.Is(compile(Options{Engine: poor{}}, y), engine.ErrNotImplemented) {
		t.Error("the engine's error is lost")
	}
	p, err := Compile(b, Options{Engine: eng}, y)
	vm := s.vm(t, p, err)
	checkVMErrors(t, vm)
}

func checkVMErrors(t *testing.T, vm *VM) {
	is := func(what string, err error, kind fault.Kind) {
		t.Helper()
		if fault.KindOf(err) != kind {
			t.Errorf("%s: error %v, want kind %q", what, err, kind)
		}
	}
	is("input not set", vm.Run(t.Context()), fault.Missing)
	is("unknown input", vm.Set("z", []float32{1}), fault.Missing)
	is("too few", vm.Set("x", []float32{1}), fault.Shape)
	is("wrong type", vm.Set("x", []float64{1, 2, 3, 4}), fault.Shape)
	is("nil", vm.Set("x", nil), fault.Shape)
	is("id too large", vm.Set("ids", []int32{3}), fault.Invalid)
	is("id negative", vm.Set("ids", []int32{-1}), fault.Invalid)
	is("unused, wrong", vm.Set("unused", []float32{1}), fault.Shape)
	is("unused", vm.Set("unused", []float32{1, 2}), "")
	is("good", vm.Set("ids", []int32{2}), "")
	is("run", vm.RunAll(), "")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := vm.Run(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if vm.Output(-1) != nil || vm.Output(1) != nil || vm.OutputRef(7).Bytes != 0 {
		t.Error("outputs that are not there")
	}
	vm.Reset()
	is("after Reset", vm.Run(t.Context()), fault.Missing)
	is("close", vm.Close(), "")
	is("close again", vm.Close(), "")
	is("closed", vm.Run(t.Context()), fault.Closed)
	is("closed", vm.Set("x", []float32{1, 2, 3, 4}), fault.Closed)
	if vm.Output(0) != nil {
		t.Error("an output after Close")
	}
}

// poor is an engine without kernels.
type poor struct{ enginetest.Engine }

func (poor) Prepare(engine.Op) (engine.Kernel, error) { return nil, engine.ErrNotImplemented }

func TestArrange(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{0, 1, 10, 300, largest + 500} {
		ivs := make([]interval, n)
		for i := range ivs {
			first := rng.IntN(200)
			ivs[i] = interval{size: align * int64(1+rng.IntN(50)), first: first, last: first + rng.IntN(1+rng.IntN(40))}
		}
		end := arrange(ivs)
		for i, a := range ivs {
			if a.off < 0 || a.off+a.size > end || a.off%align != 0 {
				t.Fatalf("interval %d lies at %d", i, a.off)
			}
			for _, b := range ivs[:i] {
				if a.first <= b.last && b.first <= a.last && a.off < b.off+b.size && b.off < a.off+a.size {
					t.Fatalf("%+v and %+v overlap", a, b)
				}
			}
		}
		if most := live(ivs, 300); end < most {
			t.Fatalf("%d intervals in %d bytes, at least %d needed", n, end, most)
		} else if n > 100 && float64(end) > 1.3*float64(most) {
			t.Errorf("%d intervals take %d bytes, %d are in use at once", n, end, most)
		}
	}
}
