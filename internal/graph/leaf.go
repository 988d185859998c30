package graph

import (
	"math"
	"slices"
	"strconv"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/easel-go/easel/internal/engine"
	"github.com/easel-go/easel/internal/fault"
)

// Kind says where a leaf's value comes from.
type Kind uint8

// The kinds of leaf.
const (
	Input    Kind = iota // set before a run
	Constant             // a tensor that never changes
	Variable             // a tensor that may change between runs
)

// Leaf is a node without an op.
type Leaf struct {
	Kind Kind
	Name string
	Desc
	Value *tensor.Dense // of a constant or variable
}

// Leaf returns what n is, or nil if it is the result of an op.
func (b *Builder) Leaf(n *Node) *Leaf { return b.leaves[n] }

// Input returns a value that is set before a run, of dtype float32 or int32. A name
// that was used before gives the same node; it must ask for the same dtype and
// shape.
func (b *Builder) Input(name string, dt tensor.Dtype, shape ...int) *Node {
	d := Desc{dt, slices.Clone(shape)}
	if dt != tensor.Float32 && dt != tensor.Int32 {
		b.failLeaf("input", name, DtypeName(dt), "float32 or int32")
	}
	if name == "" || !positive(shape) {
		b.failLeaf("input", name, d.String(), "a name, and one axis or more of positive sizes")
	}
	n := b.named[name]
	if n == nil {
		return b.addLeaf(&Leaf{Kind: Input, Name: name, Desc: d})
	}
	if l := b.leaves[n]; l.Kind != Input || l.Dtype != dt || !slices.Equal(l.Shape, d.Shape) {
		b.failLeaf("input", name, d.String(), l.Desc.String()+", as when the name was first used")
	}
	return n
}

// Const returns a weight as it is stored: float32, engine.Float16 or
// engine.Bfloat16, or int32. The tensor must not change while a program that was
// made from the graph is in use. The same tensor gives the same node. A vector of a
// half type is widened to float32.
func (b *Builder) Const(name string, v *tensor.Dense) *Node {
	if name != "" {
		name = b.prefix + name
	}
	return b.tensor(Constant, name, v)
}

// Variable returns a weight that may change between runs: a program reads the
// tensor's memory anew in every run. It must be float32. The same tensor gives the
// same node.
func (b *Builder) Variable(name string, v *tensor.Dense) *Node {
	return b.tensor(Variable, name, v)
}

// Zeros returns a constant of float32 zeros.
func (b *Builder) Zeros(shape ...int) *Node {
	if !positive(shape) {
		b.failLeaf("constant", "zeros", Desc{tensor.Float32, shape}.String(), "positive sizes")
	}
	return b.Const(b.unused("zeros"), tensor.New(tensor.Of(tensor.Float32), tensor.WithShape(shape...)))
}

// one returns the constant [1].
func (b *Builder) one() *Node {
	return b.Const(b.unused("one"), tensor.New(tensor.WithShape(1), tensor.WithBacking([]float32{1})))
}

func (b *Builder) tensor(kind Kind, name string, v *tensor.Dense) *Node {
	if n := b.bound[v]; n != nil && v != nil {
		if b.leaves[n].Kind != kind {
			b.failLeaf("tensor", name, "bound as a constant and as a variable", "one of them")
		}
		return n
	}
	b.checkTensor(kind, name, v)
	if b.named[name] != nil {
		b.failLeaf("tensor", name, "a second one of this name", "one tensor for a name")
	}
	l := &Leaf{Kind: kind, Name: name, Desc: Desc{v.Dtype(), slices.Clone(v.Shape())}, Value: v}
	if v.Dims() == 1 && kind == Constant {
		l.Value = Widen(v)
		l.Dtype = l.Value.Dtype()
	}
	n := b.addLeaf(l)
	b.bound[v] = n
	return n
}

func (b *Builder) checkTensor(kind Kind, name string, v *tensor.Dense) {
	if v == nil {
		fail(&fault.Error{Kind: fault.Missing, Op: "graph", Where: b.path, What: "tensor " + name, Have: "has no value"})
	}
	if name == "" || !positive(v.Shape()) {
		b.failLeaf("tensor", name, Desc{v.Dtype(), v.Shape()}.String(), "a name, and one axis or more of positive sizes")
	}
	if v.DataOrder().IsColMajor() || v.RequiresIterator() {
		b.failLeaf("tensor", name, "a view with strides", "its elements in row-major order")
	}
	switch dt := v.Dtype(); {
	case dt == tensor.Float32, kind == Constant && (dt == engine.Float16 || dt == engine.Bfloat16 || dt == tensor.Int32):
	default:
		want := "float32"
		if kind == Constant {
			want = "float32, float16, bfloat16 or int32"
		}
		b.failLeaf("tensor", name, DtypeName(dt), want)
	}
}

// addLeaf puts a leaf into the graph.
func (b *Builder) addLeaf(l *Leaf) *Node {
	n := gorgonia.NewUniqueNode(
		gorgonia.WithType(gorgonia.TensorType{Dims: len(l.Shape), Of: l.Dtype}),
		gorgonia.WithName(l.Name), gorgonia.In(b.g), gorgonia.WithShape(l.Shape...))
	if l.Value != nil {
		gorgonia.WithValue(l.Value)(n)
	}
	b.nodes = append(b.nodes, n)
	b.leaves[n], b.named[l.Name] = l, n
	return n
}

// unused returns a name that no leaf has.
func (b *Builder) unused(stem string) string {
	for i := len(b.leaves); ; i++ {
		if name := stem + "#" + strconv.Itoa(i); b.named[name] == nil {
			return name
		}
	}
}

func (b *Builder) failLeaf(what, name, have, want string) {
	fail(&fault.Error{Kind: fault.Shape, Op: "graph", Where: b.path, What: what + " " + name, Have: have, Want: want})
}

// maxSize bounds the number of elements of a value, so that no product of sizes
// overflows.
const maxSize = min(1<<40, math.MaxInt)

// positive reports whether shape has axes, all of positive size, and not more
// elements than memory could hold.
func positive(shape []int) bool {
	n := 1
	for _, d := range shape {
		if d <= 0 || d > maxSize/n {
			return false
		}
		n *= d
	}
	return len(shape) > 0
}
