package op_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"gorgonia.org/tensor"

	"github.com/easel-go/easel/internal/engine"
	"github.com/easel-go/easel/internal/graph"
	"github.com/easel-go/easel/internal/graph/graphtest"
	"github.com/easel-go/easel/internal/graph/op"
)

type node = graph.Node

// net is what a case builds on: leaves with random values.
type net struct {
	*graph.Builder
	values graphtest.Values
	wrt    []*node
	rng    *rand.Rand
}

// x returns an input to be differentiated by.
func (n *net) x(name string, shape ...int) *node {
	in := n.fixed(name, shape...)
	n.wrt = append(n.wrt, in)
	return in
}

// fixed returns an input that is taken as given.
func (n *net) fixed(name string, shape ...int) *node {
	in := n.Input(name, tensor.Float32, shape...)
	v := make([]float64, n.Desc(in).Size())
	for i := range v {
		v[i] = n.rng.NormFloat64()
	}
	n.values[in] = v
	return in
}

func (n *net) ids(below int, shape ...int) *node {
	in := n.Input("ids", tensor.Int32, shape...)
	v := make([]float64, n.Desc(in).Size())
	for i := range v {
		v[i] = float64(n.rng.IntN(below))
	}
	n.values[in] = v
	return in
}

// gradientCases has every op that has a gradient, in the forms that differ.
var gradientCases = map[string]func(n *net) *node{
	"linear":            func(n *net) *node { return op.Linear(n.Builder, n.x("x", 2, 3, 4), n.x("w", 5, 4), n.x("b", 5)) },
	"linear no bias":    func(n *net) *node { return op.Linear(n.Builder, n.x("x", 3, 4), n.x("w", 5, 4), nil) },
	"linear transposed": func(n *net) *node { return op.LinearT(n.Builder, n.x("x", 2, 3, 4), n.x("w", 4, 5), n.x("b", 5)) },
	"linear picture":    func(n *net) *node { return op.Linear(n.Builder, n.x("x", 2, 2, 3, 4), n.x("w", 5, 4), n.x("b", 5)) },
	"matmul":            func(n *net) *node { return op.MatMul(n.Builder, n.x("x", 2, 3), n.x("y", 3, 4), false, false) },
	"matmul transX":     func(n *net) *node { return op.MatMul(n.Builder, n.x("x", 3, 2), n.x("y", 3, 4), true, false) },
	"matmul transY":     func(n *net) *node { return op.MatMul(n.Builder, n.x("x", 2, 3), n.x("y", 4, 3), false, true) },
	"matmul both":       func(n *net) *node { return op.MatMul(n.Builder, n.x("x", 3, 2), n.x("y", 4, 3), true, true) },
	"conv2d":            func(n *net) *node { return conv(n, op.Conv{Pad: [4]int{1, 1, 1, 1}}) },
	"conv2d stride":     func(n *net) *node { return conv(n, op.Conv{Stride: 2, Pad: [4]int{0, 0, 1, 1}}) },
	"conv2d enlarged":   func(n *net) *node { return conv(n, op.Conv{Pad: [4]int{1, 1, 1, 1}, UpH: 7, UpW: 8}) },
	"groupnorm": func(n *net) *node {
		return op.GroupNorm(n.Builder, n.x("x", 2, 2, 3, 6), n.x("g", 6), n.x("b", 6), 3, 1e-5)
	},
	"layernorm":          func(n *net) *node { return op.LayerNorm(n.Builder, n.x("x", 2, 3, 5), n.x("g", 5), n.x("b", 5), 1e-5) },
	"layernorm plain":    func(n *net) *node { return op.LayerNorm(n.Builder, n.x("x", 2, 3, 5), nil, nil, 1e-5) },
	"layernorm no beta":  func(n *net) *node { return op.LayerNorm(n.Builder, n.x("x", 2, 3, 5), n.x("g", 5), nil, 1e-5) },
	"layernorm no gamma": func(n *net) *node { return op.LayerNorm(n.Builder, n.x("x", 2, 3, 5), nil, n.x("b", 5), 1e-5) },
	"rmsnorm":            func(n *net) *node { return op.RMSNorm(n.Builder, n.x("x", 2, 3, 5), n.x("g", 5), 1e-5) },
	"attention":          func(n *net) *node { return attention(n, 4, op.Attn{Heads: 2}) },
	"attention grouped":  func(n *net) *node { return attention(n, 4, op.Attn{Heads: 4, KVHeads: 2, Scale: 0.3, Causal: true}) },
	"attention masked": func(n *net) *node {
		return attention(n, 4, op.Attn{Heads: 2, KeyBias: n.fixed("bias", 2, 4), Mask: n.fixed("mask", 2, 3, 4)})
	},
	"silu":       func(n *net) *node { return op.SiLU(n.Builder, n.x("x", 2, 9)) },
	"gelu":       func(n *net) *node { return op.GELU(n.Builder, n.x("x", 2, 9)) },
	"gelu tanh":  func(n *net) *node { return op.GELUTanh(n.Builder, n.x("x", 2, 9)) },
	"quick gelu": func(n *net) *node { return op.QuickGELU(n.Builder, n.x("x", 2, 9)) },
	"sigmoid":    func(n *net) *node { return op.Sigmoid(n.Builder, n.x("x", 2, 9)) },
	"tanh":       func(n *net) *node { return op.Tanh(n.Builder, n.x("x", 2, 9)) },
	"relu":       func(n *net) *node { return op.ReLU(n.Builder, n.x("x", 2, 9)) },
	"geglu":      func(n *net) *node { return op.GEGLU(n.Builder, n.x("x", 2, 3, 8)) },
	"swiglu":     func(n *net) *node { return op.SwiGLU(n.Builder, n.x("x", 2, 3, 8)) },
	"softmax":    func(n *net) *node { return op.Softmax(n.Builder, n.x("x", 2, 3, 5)) },
	"add":        func(n *net) *node { return op.Add(n.Builder, n.x("x", 2, 3, 4), n.x("y", 2, 3, 4)) },
	"add itself": func(n *net) *node { x := n.x("x", 2, 3); return op.Add(n.Builder, x, x) },
	"add inner":  func(n *net) *node { return op.Add(n.Builder, n.x("x", 4), n.x("y", 2, 3, 4)) },
	"add tail":   func(n *net) *node { return op.Add(n.Builder, n.x("x", 2, 3, 4), n.x("y", 1, 3, 4)) },
	"add rows":   func(n *net) *node { return op.Add(n.Builder, n.x("x", 2, 3, 4), n.x("y", 2, 3, 1)) },
	"sub":        func(n *net) *node { return op.Sub(n.Builder, n.x("x", 2, 3, 4), n.x("y", 2, 3, 4)) },
	"sub outer":  func(n *net) *node { return op.Sub(n.Builder, n.x("x", 2, 3, 4), n.x("y", 2, 1, 1)) },
	"mul":        func(n *net) *node { return op.Mul(n.Builder, n.x("x", 2, 3, 4), n.x("y", 2, 3, 4)) },
	"mul itself": func(n *net) *node { x := n.x("x", 2, 3); return op.Mul(n.Builder, x, x) },
	"mul inner":  func(n *net) *node { return op.Mul(n.Builder, n.x("x", 2, 3, 4), n.x("y", 4)) },
	"add item":   func(n *net) *node { return op.AddItem(n.Builder, n.x("x", 2, 3, 2, 4), n.x("v", 2, 4)) },
	"mul item":   func(n *net) *node { return op.MulItem(n.Builder, n.x("x", 2, 3, 2, 4), n.x("v", 2, 4)) },
	"scale":      func(n *net) *node { return op.Scale(n.Builder, n.x("x", 2, 3), -1.5) },
	"scale by":   func(n *net) *node { return op.ScaleBy(n.Builder, n.x("x", 2, 3, 4), n.x("s", 1)) },
	"lincomb": func(n *net) *node {
		return op.LinComb(n.Builder, []float32{2, 1, -3}, n.x("x", 2, 3), n.x("y", 2, 3), n.x("z", 2, 3))
	},
	"concat": func(n *net) *node {
		return op.Concat(n.Builder, 1, n.x("x", 2, 3, 4), n.x("y", 2, 1, 4), n.x("z", 2, 2, 4))
	},
	"concat last":    func(n *net) *node { return op.Concat(n.Builder, -1, n.x("x", 2, 3), n.x("y", 2, 5)) },
	"slice":          func(n *net) *node { return op.Slice(n.Builder, n.x("x", 2, 5, 3), 1, 1, 3) },
	"slice view":     func(n *net) *node { return op.Slice(n.Builder, n.x("x", 5, 3), 0, 1, 3) },
	"reshape":        func(n *net) *node { return op.Reshape(n.Builder, n.x("x", 2, 6), 3, -1) },
	"permute":        func(n *net) *node { return op.Permute(n.Builder, n.x("x", 2, 3, 4, 5), 2, 0, 3, 1) },
	"permute view":   func(n *net) *node { return op.Permute(n.Builder, n.x("x", 2, 1, 4), 0, 2, 1) },
	"upsample":       func(n *net) *node { return op.Upsample(n.Builder, n.x("x", 2, 2, 3, 2), 5, 6) },
	"rope":           func(n *net) *node { return op.Rope(n.Builder, n.x("x", 2, 3, 2, 6), n.fixed("table", 3, 2, 2), 4) },
	"rope per item":  func(n *net) *node { return op.Rope(n.Builder, n.x("x", 2, 3, 2, 6), n.fixed("table", 2, 3, 2, 2), 4) },
	"embed":          func(n *net) *node { return op.Embed(n.Builder, n.x("table", 7, 3), n.ids(7, 2, 5)) },
	"cast":           func(n *net) *node { return op.Cast(n.Builder, n.x("x", 2, 3), engine.Float32) },
	"mse":            func(n *net) *node { return op.MSE(n.Builder, n.x("x", 2, 3), n.x("y", 2, 3), nil) },
	"mse weighted":   func(n *net) *node { return op.MSE(n.Builder, n.x("x", 2, 3), n.x("y", 2, 3), n.fixed("w", 2)) },
	"sum of squares": func(n *net) *node { return op.SumSquares(n.Builder, n.x("x", 2, 3)) },
	"slice twice": func(n *net) *node {
		x := n.x("x", 2, 6)
		return op.Mul(n.Builder, op.Slice(n.Builder, x, -1, 0, 3), op.Slice(n.Builder, x, -1, 3, 6))
	},
}

func conv(n *net, c op.Conv) *node {
	return op.Conv2D(n.Builder, n.x("x", 2, 4, 5, 3), n.x("w", 2, 3, 3, 3), n.x("b", 2), c)
}

func attention(n *net, m int, a op.Attn) *node {
	kv := a.KVHeads
	if kv == 0 {
		kv = a.Heads
	}
	return op.Attention(n.Builder, n.x("q", 2, 3, a.Heads*3), n.x("k", 2, m, kv*3), n.x("v", 2, m, kv*3), a)
}

// TestGradientsAreDerivatives puts a loss on every op that weighs its numbers
// differently, and differentiates.
func TestGradientsAreDerivatives(t *testing.T) {
	for name, build := range gradientCases {
		t.Run(name, func(t *testing.T) {
			n := &net{Builder: graph.New(), values: graphtest.Values{}, rng: rand.New(rand.NewPCG(7, 8))}
			y := build(n)
			target := n.fixed("target", n.Desc(y).Shape...)
			loss := op.MSE(n.Builder, y, target, nil)
			graphtest.CheckGradient(t, n.Builder, n.values, loss, n.wrt...)
		})
	}
}

func TestMaskHasNoGradient(t *testing.T) {
	err := func() (err error) {
		defer graph.Catch(&err)
		b := graph.New()
		q, mask := b.Input("q", tensor.Float32, 1, 2, 4), b.Input("mask", tensor.Float32, 1, 2, 2)
		y := op.Attention(b, q, q, q, op.Attn{Heads: 1, Mask: mask})
		graph.Backprop(b, op.SumSquares(b, y), mask)
		return nil
	}()
	if err == nil {
		t.Error("a mask got a gradient")
	}
}

func TestDefaultScale(t *testing.T) {
	b := graph.New()
	q := b.Input("q", tensor.Float32, 1, 2, 32)
	y := op.Attention(b, q, q, q, op.Attn{Heads: 2})
	of, _, _ := graph.PartOf(y)
	c := graph.CallOf(of)
	k := c.Op.Kernel(c.Descs(), []bool{true, false}).(engine.Attention)
	if math.Abs(float64(k.Scale)-0.25) > 1e-7 || k.LSE {
		t.Errorf("have %+v, want a scale of 1/√16 and no lse", k)
	}
}
