package nn

import (
	"gorgonia.org/tensor"

	"github.com/easel-go/easel/internal/fault"
	"github.com/easel-go/easel/internal/graph"
)

// Param is one tensor of a checkpoint. The constructor of a layer fixes its shape,
// so that a tree of layers describes a checkpoint before any file is opened;
// weights.Bind fills in the value.
type Param struct {
	Shape tensor.Shape
	Name  string        // in the checkpoint, diffusers' spelling; set by Bind
	Value *tensor.Dense // as stored: float32, engine.Float16 or engine.Bfloat16, mapped from the file; nil until Bind
}

// NewParam returns an unbound parameter of the given shape.
func NewParam(shape ...int) *Param { return &Param{Shape: shape} }

// Node returns the parameter as a constant of the graph.
func (p *Param) Node(b *graph.Builder) *graph.Node {
	p.mustBeBound()
	return b.Const(p.Name, p.Value)
}

// Variable returns the parameter, of float32, as a weight that may change between the
// runs of a program.
func (p *Param) Variable(b *graph.Builder) *graph.Node {
	p.mustBeBound()
	return b.Variable(p.Name, p.Value)
}

func (p *Param) mustBeBound() {
	if p == nil || p.Value == nil {
		e := &fault.Error{Kind: fault.Missing, Op: "nn", What: "parameter", Have: "without a value", Want: "weights bound before the network is built"}
		if p != nil {
			e.What += " " + p.Name
		}
		Fail("%w", e)
	}
}

// optional returns the node of a parameter, or nil for one that the layer has not.
func optional(b *graph.Builder, p *Param) *graph.Node {
	if p == nil {
		return nil
	}
	return p.Node(b)
}
