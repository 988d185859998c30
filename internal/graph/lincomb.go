package graph

import (
	"errors"
	"slices"

	"gorgonia.org/tensor"

	"github.com/easel-go/easel/internal/engine"
)

// LinComb is the sum of its inputs, all of one shape, each times its coefficient. It
// is here and not in package op because gradients meet in it.
type LinComb struct{ Coef []float32 }

// Name returns "lincomb".
func (o LinComb) Name() string { return "lincomb" }

// Infer asks for as many inputs of one shape as there are coefficients.
func (o LinComb) Infer(in []Desc) (Desc, error) {
	if len(in) == 0 || len(in) != len(o.Coef) {
		return Desc{}, errors.New("an input for each coefficient")
	}
	for _, d := range in {
		if d.Dtype != tensor.Float32 || !slices.Equal(d.Shape, in[0].Shape) {
			return Desc{}, errors.New("float32 inputs of one shape")
		}
	}
	return in[0], nil
}

// Grad is the gradient times each coefficient.
func (o LinComb) Grad(d *Diff) []*Node {
	gs := make([]*Node, len(d.In))
	for i, c := range o.Coef {
		if !d.Need[i] {
			continue
		}
		if gs[i] = d.Grad[0]; c != 1 {
			gs[i] = d.B.Apply(LinComb{[]float32{c}}, d.Grad[0])
		}
	}
	return gs
}

// Kernel is engine.LinComb, or engine.Binary for a plain sum of two.
func (o LinComb) Kernel(in []Desc, _ []bool) engine.Op {
	if slices.Equal(o.Coef, []float32{1, 1}) {
		return engine.Binary{Fn: engine.Add, Outer: 1, Rows: 1, Inner: in[0].Size(), B: engine.Full}
	}
	return engine.LinComb{Coef: o.Coef, Len: in[0].Size()}
}

// sum adds nodes of one shape from left to right, two at a time: the planner joins
// each addition with the matrix product that makes its operand.
func (b *Builder) sum(xs []*Node) *Node {
	s := xs[0]
	for _, x := range xs[1:] {
		s = b.Apply(LinComb{[]float32{1, 1}}, s, x)
	}
	return s
}
