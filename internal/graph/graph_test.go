package graph_test

import (
	"errors"
	"strings"
	"testing"

	"gorgonia.org/tensor"

	"github.com/easel-go/easel/internal/engine"
	"github.com/easel-go/easel/internal/fault"
	"github.com/easel-go/easel/internal/graph"
	"github.com/easel-go/easel/internal/graph/op"
)

// dense returns a float32 tensor of small numbers.
func dense(shape ...int) *tensor.Dense {
	v := tensor.New(tensor.Of(tensor.Float32), tensor.WithShape(shape...))
	for i, s := 0, v.Data().([]float32); i < len(s); i++ {
		s[i] = float32(i%7) - 3
	}
	return v
}

func build(f func(b *graph.Builder)) (err error) {
	defer graph.Catch(&err)
	f(graph.New())
	return nil
}

func TestWrongShapeSaysWhere(t *testing.T) {
	err := build(func(b *graph.Builder) {
		defer b.Scope("down_blocks.0")()
		defer b.Scope("attn1")()
		x := b.Input("x", tensor.Float32, 2, 77, 768)
		op.Linear(b, x, b.Const("w", dense(320, 1024)), nil)
	})
	const want = "graph: down_blocks.0.attn1: linear [2 77 768] [320 1024], want w with 768 inputs"
	if err == nil || err.Error() != want {
		t.Errorf("have %v\nwant %s", err, want)
	}
	if fault.KindOf(err) != fault.Shape {
		t.Errorf("kind %q", fault.KindOf(err))
	}
}

func TestBadLeaves(t *testing.T) {
	half := tensor.New(tensor.WithShape(2), tensor.WithBacking([]engine.F16{0, 0}))
	for name, f := range map[string]func(b *graph.Builder){
		"nil tensor":            func(b *graph.Builder) { b.Const("w", nil) },
		"no name":               func(b *graph.Builder) { b.Const("", dense(2)) },
		"zero size":             func(b *graph.Builder) { b.Input("x", tensor.Float32, 2, 0) },
		"overflowing size":      func(b *graph.Builder) { b.Input("x", tensor.Float32, 1<<40, 1<<40) },
		"no axes":               func(b *graph.Builder) { b.Input("x", tensor.Float32) },
		"float64":               func(b *graph.Builder) { b.Input("x", tensor.Float64, 2) },
		"two of a name":         func(b *graph.Builder) { b.Const("w", dense(2)); b.Const("w", dense(2)) },
		"input changes":         func(b *graph.Builder) { b.Input("x", tensor.Float32, 2); b.Input("x", tensor.Float32, 3) },
		"half variable":         func(b *graph.Builder) { b.Variable("w", half) },
		"constant and variable": func(b *graph.Builder) { w := dense(2); b.Const("w", w); b.Variable("w", w) },
		"nil operand":           func(b *graph.Builder) { op.SiLU(b, nil) },
		"nil weight":            func(b *graph.Builder) { op.Linear(b, b.Input("x", tensor.Float32, 1, 2), nil, nil) },
		"another graph's":       func(b *graph.Builder) { op.SiLU(b, graph.New().Input("x", tensor.Float32, 2)) },
		"transposed":            func(b *graph.Builder) { w := dense(2, 3); _ = w.T(); b.Const("w", w) },
	} {
		if err := build(f); err == nil || !strings.Contains(err.Error(), "want") && fault.KindOf(err) != fault.Missing {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

func TestLeavesAreShared(t *testing.T) {
	b := graph.New()
	w := dense(2, 2)
	if b.Const("w", w) != b.Const("w again", w) {
		t.Error("one tensor, two nodes")
	}
	if s := b.Input("s", tensor.Float32, 1); s != b.Input("s", tensor.Float32, 1) {
		t.Error("one input, two nodes")
	}
	h := tensor.New(tensor.WithShape(4), tensor.WithBacking([]engine.F16{0x3c00, 0x0001, 0x7c00, 0xc000}))
	n := b.Const("gamma", h)
	have := b.Leaf(n).Value.Data().([]float32)
	if have[0] != 1 || have[1] != 1.0/(1<<24) || have[2] <= 3e38 || have[3] != -2 || n.Dtype() != tensor.Float32 {
		t.Errorf("widened to %v", have)
	}
	if b.Const("gamma", h) != n {
		t.Error("a widened vector gives two nodes")
	}
}

func TestCatchLetsBugsThrough(t *testing.T) {
	if err := build(func(*graph.Builder) { graph.Fail("x: %w", errors.ErrUnsupported) }); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("have %v", err)
	}
	defer func() {
		if recover() == nil {
			t.Error("a bug was swallowed")
		}
	}()
	_ = build(func(*graph.Builder) { var s []int; _ = s[len(s)] })
}

// count returns how many ops of each name are in b.
func count(b *graph.Builder) map[string]int {
	m := map[string]int{}
	for _, n := range b.Nodes() {
		if c := graph.CallOf(n); c != nil {
			m[c.Op.Name()]++
		}
	}
	return m
}

func TestBackpropPrunesFrozen(t *testing.T) {
	b := graph.New()
	x, target := b.Input("x", tensor.Float32, 2, 3, 4), b.Input("target", tensor.Float32, 2, 3, 4)
	w1, w2 := b.Const("w1", dense(4, 4)), b.Const("w2", dense(4, 4))
	a := b.Variable("a", dense(4, 4))
	h := op.SiLU(b, op.Linear(b, x, w1, nil))
	y := op.Linear(b, op.Add(b, op.Linear(b, h, a, nil), h), w2, nil)
	loss := op.MSE(b, y, target, nil)
	before, made := count(b), len(b.Nodes())
	gs := graph.Backprop(b, loss, a)
	after := count(b)
	if d := after["matmul"] - before["matmul"]; d != 1 {
		t.Errorf("%d weight gradients, want 1", d)
	}
	if d := after["linear"] - before["linear"]; d != 1 {
		t.Errorf("%d input gradients, want that of w2 alone", d)
	}
	if after["silu gradient"] != 0 {
		t.Error("a gradient flows into the frozen part")
	}
	if len(gs) != 1 || !gs[0].Shape().Eq(a.Shape()) {
		t.Errorf("gradient of shape %v", gs[0].Shape())
	}
	for i, n := range b.Nodes() {
		if c := graph.CallOf(n); c != nil && c.Backward != (i >= made) {
			t.Errorf("%s: backward is %v", c.Op.Name(), c.Backward)
		}
	}
}

func TestBackpropWithoutDependence(t *testing.T) {
	b := graph.New()
	x := b.Input("x", tensor.Float32, 2, 3)
	w := b.Variable("w", dense(5, 7))
	loss := op.MSE(b, x, op.Tanh(b, x), nil)
	g := graph.Backprop(b, loss, w, x)
	l := b.Leaf(g[0])
	if l == nil || l.Kind != graph.Constant || !g[0].Shape().Eq(w.Shape()) {
		t.Errorf("gradient %v, want zeros of w's shape", g[0])
	}
	if !g[1].Shape().Eq(x.Shape()) {
		t.Error("no gradient for an input")
	}
	if err := build(func(b *graph.Builder) { graph.Backprop(b, b.Input("x", tensor.Float32, 2)) }); fault.KindOf(err) != fault.Shape {
		t.Errorf("loss of two numbers: %v", err)
	}
}

// A collision of gorgonia's 32-bit hashes must not merge two nodes; calls of one op,
// on one input, are as alike as nodes get.
func TestNodesAreNeverMerged(t *testing.T) {
	if testing.Short() {
		t.Skip("builds 3,000 nodes")
	}
	b := graph.New()
	x := b.Input("x", tensor.Float32, 2, 3)
	seen := map[*graph.Node]bool{}
	for range 3000 {
		n := op.SiLU(b, x)
		if seen[n] {
			t.Fatal("two calls, one node")
		}
		seen[n] = true
	}
}
