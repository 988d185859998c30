package op

import (
	"github.com/easel-go/easel/internal/engine"
	"github.com/easel-go/easel/internal/graph"
)

// GEGLU joins the halves of each row as value · GELU(gate), the value first, as
// diffusers has it (Shazeer 2020).
//
//	x […, 2·C] → […, C]
func GEGLU(b *graph.Builder, x *graph.Node) *graph.Node { return b.Apply(gate{engine.GEGLU}, x) }

// SwiGLU joins the halves of each row as SiLU(gate) · value, the gate first, as
// ChatGLM has it (Shazeer 2020).
//
//	x […, 2·C] → […, C]
func SwiGLU(b *graph.Builder, x *graph.Node) *graph.Node { return b.Apply(gate{engine.SwiGLU}, x) }

type gate struct{ glu engine.GLU }

func (o gate) Name() string {
	if o.glu == engine.GEGLU {
		return "geglu"
	}
	return "swiglu"
}

func (o gate) Infer(in []graph.Desc) (graph.Desc, error) {
	if float32s(in[0]) != nil || last(in[0])%2 != 0 {
		return want("x float32 […, 2·C]")
	}
	return of(withLast(in[0].Shape, last(in[0])/2)...)
}

func (o gate) Grad(d *graph.Diff) []*graph.Node {
	return []*graph.Node{d.B.Apply(gateGrad(o), d.In[0], d.Grad[0])}
}

func (o gate) Kernel(in []graph.Desc, _ []bool) engine.Op {
	c := last(in[0]) / 2
	return engine.Gate{GLU: o.glu, Rows: in[0].Size() / (2 * c), C: c}
}

// gateGrad takes x and dy.
type gateGrad struct{ glu engine.GLU }

func (o gateGrad) Name() string { return gate(o).Name() + " gradient" }

func (o gateGrad) Infer(in []graph.Desc) (graph.Desc, error) { return in[0], nil }

func (o gateGrad) Kernel(in []graph.Desc, _ []bool) engine.Op {
	c := last(in[0]) / 2
	return engine.GateGrad{GLU: o.glu, Rows: in[0].Size() / (2 * c), C: c}
}

func (o gateGrad) Grad(*graph.Diff) []*graph.Node { return noSecond(o) }
