package graph

import (
	"encoding/binary"
	"fmt"
	"hash"
	"strings"

	"github.com/chewxy/hm"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/easel-go/easel/internal/engine"
	"github.com/easel-go/easel/internal/fault"
)

// Op is what can stand in a graph: a rule for shapes, a rule for gradients and the
// kernel that computes it. An Op is immutable and may be applied more than once.
type Op interface {
	// Name is the op in messages and listings: "linear".
	Name() string

	// Infer returns what the op makes of its inputs. Its error says what the inputs
	// should have been.
	Infer(in []Desc) (Desc, error)

	// Grad returns the gradient for every input that d.Need names, made of nodes of
	// d.B; other entries are ignored. It ends in Fail where the op has none.
	Grad(d *Diff) []*Node

	// Kernel returns the kernel, for inputs that Infer accepted. Used says which
	// parts of a [Packed] op's result somebody reads; it is nil for other ops.
	Kernel(in []Desc, used []bool) engine.Op
}

// Packed is an op with several results. Its node stands for all of them, one after
// the other; [Part] returns one.
type Packed interface {
	Op

	// Parts describes the results.
	Parts(in []Desc) []Desc

	// Written returns the parts that the kernel for used writes, in its order.
	Written(used []bool) []int
}

// Viewer is an op whose result can be its first input's memory, seen differently.
type Viewer interface {
	Op

	// View returns the element of the input at which the result begins, or false if
	// the result has to be computed after all.
	View(in []Desc) (from int, ok bool)
}

// Diff is what a gradient rule is given.
type Diff struct {
	B    *Builder
	In   []*Node
	Out  *Node   // the op's result
	Grad []*Node // the gradient of each part of the result; nil where the loss does not depend on it
	Need []bool  // the inputs whose gradients are wanted
}

// Call is an op applied to nodes. It implements gorgonia.SDOp.
type Call struct {
	Op       Op
	In       []*Node
	Out      Desc
	Scope    string // where in the network, as Builder.Scope named it
	Backward bool   // made by Backprop

	b      *Builder
	inDesc []Desc
	id     uint32
}

var _ gorgonia.SDOp = (*Call)(nil)

// CallOf returns the call that n is the result of, or nil for a leaf.
func CallOf(n *Node) *Call {
	if n == nil || n.Op() == nil {
		return nil
	}
	c, _ := n.Op().(*Call)
	return c
}

// Apply adds the result of an op to the graph. Inputs that the op cannot take raise a
// failure.
func (b *Builder) Apply(op Op, in ...*Node) *Node {
	c := &Call{Op: op, In: in, Scope: b.path, Backward: b.inGrads, b: b, inDesc: make([]Desc, len(in))}
	for i, n := range in {
		b.own(n)
		c.inDesc[i] = b.Desc(n)
	}
	out, err := op.Infer(c.inDesc)
	if err == nil && !positive(out.Shape) {
		err = fmt.Errorf("a result of positive size")
	}
	if err != nil {
		fail(&fault.Error{Kind: fault.Shape, Op: "graph", Where: b.path, What: op.Name(), Have: Shapes(c.inDesc), Want: err.Error()})
	}
	c.Out = out
	return b.add(c)
}

// add gives c a number and a node. ExprGraph returns an older node when it takes the
// new one for equal; then the next number is tried.
func (b *Builder) add(c *Call) *Node {
	for {
		b.id++
		c.id = b.id
		n := gorgonia.NewUniqueNode(
			gorgonia.WithType(gorgonia.TensorType{Dims: len(c.Out.Shape), Of: c.Out.Dtype}),
			gorgonia.WithOp(c), gorgonia.WithChildren(append(gorgonia.Nodes(nil), c.In...)),
			gorgonia.In(b.g), gorgonia.WithShape(c.Out.Shape...))
		if n.Op() == gorgonia.Op(c) {
			b.nodes = append(b.nodes, n)
			return n
		}
	}
}

// Descs returns the inputs' dtypes and shapes. The slice must not be changed.
func (c *Call) Descs() []Desc { return c.inDesc }

// Shapes spells the descriptions of an op's inputs: "[2 77 768] [320 768]".
func Shapes(ds []Desc) string {
	s := make([]string, len(ds))
	for i, d := range ds {
		s[i] = d.String()
	}
	return strings.Join(s, " ")
}

// Arity returns the number of inputs.
func (c *Call) Arity() int { return len(c.In) }

// Type returns the function from the inputs' types to the result's, made anew
// because gorgonia recycles it.
func (c *Call) Type() hm.Type {
	ts := make([]hm.Type, 0, len(c.In)+1)
	for _, d := range append(c.inDesc[:len(c.inDesc):len(c.inDesc)], c.Out) {
		ts = append(ts, gorgonia.TensorType{Dims: len(d.Shape), Of: d.Dtype})
	}
	if len(ts) == 1 {
		return ts[0]
	}
	return hm.NewFnType(ts...)
}

// InferShape applies the op's shape rule to other shapes of the same dtypes.
func (c *Call) InferShape(in ...gorgonia.DimSizer) (tensor.Shape, error) {
	shapes, err := gorgonia.DimSizersToShapes(in)
	if err != nil {
		return nil, err
	}
	if len(shapes) != len(c.In) {
		return nil, fault.Newf(fault.Shape, "graph", "%s: %d inputs, want %d", c.Op.Name(), len(shapes), len(c.In))
	}
	ds := make([]Desc, len(shapes))
	for i, s := range shapes {
		ds[i] = Desc{c.inDesc[i].Dtype, s}
	}
	out, err := c.Op.Infer(ds)
	return out.Shape, err
}

// Do refuses: programs compute, nodes do not.
func (c *Call) Do(...gorgonia.Value) (gorgonia.Value, error) {
	return nil, fault.Newf(fault.Unsupported, "graph", "%s computed by itself; compile the graph", c.Op.Name())
}

// DiffWRT says that every input has a gradient but integers.
func (c *Call) DiffWRT(int) []bool {
	diff := make([]bool, len(c.inDesc))
	for i, d := range c.inDesc {
		diff[i] = d.Dtype != tensor.Int32
	}
	return diff
}

// SymDiff returns the gradients for all inputs that have one. The results of a
// Packed op get theirs through Backprop alone.
func (c *Call) SymDiff(in gorgonia.Nodes, out, grad *Node) (_ gorgonia.Nodes, err error) {
	defer Catch(&err)
	if _, packed := c.Op.(Packed); packed {
		return nil, fault.Newf(fault.Unsupported, "graph", "%s: gradient of several results as one", c.Op.Name())
	}
	return c.Op.Grad(&Diff{B: c.b, In: in, Out: out, Grad: []*Node{grad}, Need: c.DiffWRT(len(in))}), nil
}

// ReturnsPtr, CallsExtern and OverwritesInput are gorgonia's questions to an op that
// computes by itself.
func (c *Call) ReturnsPtr() bool     { return false }
func (c *Call) CallsExtern() bool    { return false }
func (c *Call) OverwritesInput() int { return -1 }

// WriteHash writes the call's number.
func (c *Call) WriteHash(h hash.Hash) {
	var buf [4]byte
	binary.LittleEndian.PutUint32(buf[:], c.id)
	h.Write(buf[:])
}

// Hashcode returns the call's number, which no other call of the graph has.
func (c *Call) Hashcode() uint32 { return c.id }

// String returns the op's name.
func (c *Call) String() string { return c.Op.Name() }
