package op

import (
	"github.com/easel-go/easel/internal/engine"
	"github.com/easel-go/easel/internal/graph"
)

// SiLU is x·σ(x), also called swish.
func SiLU(b *graph.Builder, x *graph.Node) *graph.Node { return Act(b, x, engine.SiLU) }

// GELU is x·Φ(x), exact, with erf (Hendrycks and Gimpel 2016).
func GELU(b *graph.Builder, x *graph.Node) *graph.Node { return Act(b, x, engine.GELU) }

// GELUTanh is the approximation of GELU by tanh.
func GELUTanh(b *graph.Builder, x *graph.Node) *graph.Node { return Act(b, x, engine.GELUTanh) }

// QuickGELU is x·σ(1.702x), as OpenAI's CLIP has it.
func QuickGELU(b *graph.Builder, x *graph.Node) *graph.Node { return Act(b, x, engine.QuickGELU) }

// Sigmoid is σ(x) = 1/(1+e⁻ˣ).
func Sigmoid(b *graph.Builder, x *graph.Node) *graph.Node { return Act(b, x, engine.Sigmoid) }

// Tanh is the hyperbolic tangent.
func Tanh(b *graph.Builder, x *graph.Node) *graph.Node { return Act(b, x, engine.Tanh) }

// ReLU is max(x, 0).
func ReLU(b *graph.Builder, x *graph.Node) *graph.Node { return Act(b, x, engine.ReLU) }

// Act applies a function to every number; Identity returns x itself.
//
//	x […] → like x
func Act(b *graph.Builder, x *graph.Node, fn engine.Func) *graph.Node {
	if fn == engine.Identity {
		return x
	}
	return b.Apply(unary{fn}, x)
}

var funcNames = map[engine.Func]string{
	engine.Identity: "identity", engine.SiLU: "silu", engine.GELU: "gelu", engine.GELUTanh: "gelu_tanh",
	engine.QuickGELU: "quick_gelu", engine.Sigmoid: "sigmoid", engine.Tanh: "tanh", engine.ReLU: "relu",
}

type unary struct{ fn engine.Func }

func (o unary) Name() string { return funcNames[o.fn] }

func (o unary) Infer(in []graph.Desc) (graph.Desc, error) {
	if o.Name() == "" {
		return want("a function that exists")
	}
	return in[0], float32s(in[0])
}

func (o unary) Grad(d *graph.Diff) []*graph.Node {
	return []*graph.Node{d.B.Apply(unaryGrad(o), d.In[0], d.Grad[0])}
}

func (o unary) Kernel(in []graph.Desc, _ []bool) engine.Op {
	return engine.Unary{Fn: o.fn, Len: in[0].Size()}
}

// unaryGrad takes x and dy.
type unaryGrad struct{ fn engine.Func }

func (o unaryGrad) Name() string { return funcNames[o.fn] + " gradient" }

func (o unaryGrad) Infer(in []graph.Desc) (graph.Desc, error) { return in[0], nil }

func (o unaryGrad) Kernel(in []graph.Desc, _ []bool) engine.Op {
	return engine.UnaryGrad{Fn: o.fn, Len: in[0].Size()}
}

func (o unaryGrad) Grad(*graph.Diff) []*graph.Node { return noSecond(o) }
