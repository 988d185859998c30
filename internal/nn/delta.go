package nn

import (
	"gorgonia.org/tensor"

	"github.com/easel-go/easel/internal/graph"
	"github.com/easel-go/easel/internal/graph/op"
)

// Delta is what one adapter does to a layer with the weight W: it computes with
// W' = W + s·ΔW, s being the product of Factor and the scale.
type Delta struct {
	Change Change  // ΔW: a LowRank, Kronecker or Full
	Factor float32 // alpha/rank, fixed when the graph is built; 0 means 1
	Scale  string  // the name of an input [1] of the program: the adapter's scale; "" means always 1

	// RowScale makes the layer compute with W'·r, a factor [out] per output, as DoRA
	// does (Liu and others 2024); ColScale with a factor [in] per input. They are
	// float32, and read anew in every run: their owner makes them again when the scale
	// changes.
	RowScale, ColScale *Param

	Bias *Param // [out], added times s; nil when there is none

	// Trainable binds the matrices of Change, all float32, as variables: graph.Backprop
	// can name Param.Variable of each, and a program reads them anew in every run.
	Trainable bool
}

// Change is a difference of weights that is applied without being added up.
type Change interface {
	linear(a applier, x *graph.Node) *graph.Node
	conv(a applier, x *graph.Node, c op.Conv) *graph.Node
	size() (in, out int)
}

// applier is what a change needs to apply itself: bind makes a parameter a constant or
// a variable, scale multiplies by s, and is to be called once, where there is least to
// multiply.
type applier struct {
	*graph.Builder
	bind  func(*Param, *graph.Builder) *graph.Node
	scale func(*graph.Node) *graph.Node
}

func (a applier) node(p *Param) *graph.Node { return a.bind(p, a.Builder) }

// layer says how a layer applies its own weight, and how a change's.
type layer struct {
	base func(x, bias *graph.Node) *graph.Node
	diff func(a applier, c Change, x *graph.Node) *graph.Node
}

// adapt applies a layer with deltas to x. Each delta adds what it changes by itself,
// as PEFT has it:
//
//	y = W·x + Σ s·ΔW·x                    plain deltas
//	      + Σ (r ⊙ (W·x + s·ΔW·x) − W·x)  those with a row scale
//	      + bias
func adapt(b *graph.Builder, deltas []*Delta, x *graph.Node, bias *Param, l layer) *graph.Node {
	rescaled := false
	for _, d := range deltas {
		rescaled = rescaled || d.RowScale != nil || d.ColScale != nil
	}
	if !rescaled {
		y := l.base(x, optional(b, bias))
		for _, d := range deltas {
			y = op.Add(b, y, d.change(b, x, l))
			y = d.addBias(b, y)
		}
		return y
	}
	base := l.base(x, nil)
	y := base
	for _, d := range deltas {
		y = d.addTo(b, y, base, x, l)
		y = d.addBias(b, y)
	}
	if bias != nil {
		y = op.Add(b, y, bias.Node(b))
	}
	return y
}

// addTo adds to y what d changes in base = W·x.
func (d *Delta) addTo(b *graph.Builder, y, base, x *graph.Node, l layer) *graph.Node {
	if d.RowScale == nil && d.ColScale == nil {
		return op.Add(b, y, d.change(b, x, l))
	}
	own := base
	if d.ColScale != nil {
		x = op.Mul(b, x, d.ColScale.Variable(b))
		own = l.base(x, nil)
	}
	own = op.Add(b, own, d.change(b, x, l))
	if d.RowScale != nil {
		own = op.Mul(b, own, d.RowScale.Variable(b))
	}
	if y == base {
		return own
	}
	return op.LinComb(b, []float32{1, 1, -1}, y, own, base)
}

// change is s·ΔW·x.
func (d *Delta) change(b *graph.Builder, x *graph.Node, l layer) *graph.Node {
	a := applier{b, (*Param).Node, func(y *graph.Node) *graph.Node { return d.scaled(b, y) }}
	if d.Trainable {
		a.bind = (*Param).Variable
	}
	return l.diff(a, d.Change, x)
}

func (d *Delta) addBias(b *graph.Builder, y *graph.Node) *graph.Node {
	if d.Bias == nil {
		return y
	}
	return op.Add(b, y, d.scaled(b, d.Bias.Node(b)))
}

// scaled is y·s.
func (d *Delta) scaled(b *graph.Builder, y *graph.Node) *graph.Node {
	factor := d.Factor
	if factor == 0 {
		factor = 1
	}
	if d.Scale == "" {
		return op.Scale(b, y, factor)
	}
	return op.ScaleBy(b, y, op.Scale(b, b.Input(d.Scale, tensor.Float32, 1), factor))
}
