package graph

import (
	"fmt"
	"strings"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/easel-go/easel/internal/fault"
)

// Node is a node of the graph. Its Shape and Dtype are those of the value it stands
// for.
type Node = gorgonia.Node

// Desc describes a value: its dtype and its shape, of one axis or more, all sizes
// positive.
type Desc struct {
	Dtype tensor.Dtype
	Shape tensor.Shape
}

// Size returns the number of elements.
func (d Desc) Size() int { return size(d.Shape) }

// Bytes returns the memory that the value takes.
func (d Desc) Bytes() int64 { return int64(d.Size()) * int64(d.Dtype.Size()) }

// String spells dtype and shape, the dtype only if it is not float32.
func (d Desc) String() string {
	s := fmt.Sprint([]int(d.Shape))
	if d.Dtype != tensor.Float32 {
		s = DtypeName(d.Dtype) + s
	}
	return s
}

func size(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

// Builder makes one graph. It belongs to one goroutine.
type Builder struct {
	g       *gorgonia.ExprGraph
	nodes   []*Node // in the order they were made, so that inputs come before results
	leaves  map[*Node]*Leaf
	named   map[string]*Node
	bound   map[*tensor.Dense]*Node
	scope   []string
	path    string           // scope, joined
	id      uint32           // of the last call
	prefix  string           // of constants' names
	inGrads bool             // Backprop is at work
	marks   map[string]*Node // see Mark
}

// New returns an empty graph.
func New() *Builder {
	return &Builder{
		g:      gorgonia.NewGraph(),
		leaves: map[*Node]*Leaf{},
		named:  map[string]*Node{},
		bound:  map[*tensor.Dense]*Node{},
	}
}

// Graph returns the graph that the nodes are in.
func (b *Builder) Graph() *gorgonia.ExprGraph { return b.g }

// Nodes returns all nodes in the order they were made, which is an order in which
// they can be computed. The slice must not be changed.
func (b *Builder) Nodes() []*Node { return b.nodes }

// Scope names what is being built until the function it returns is called: errors
// and listings of the program say where in the network they are.
//
//	defer b.Scope("down_blocks.0")()
func (b *Builder) Scope(name string) (leave func()) {
	b.scope = append(b.scope, name)
	depth, outer := len(b.scope)-1, b.path
	b.path = strings.Join(b.scope, ".")
	return func() { b.scope, b.path = b.scope[:depth], outer }
}

// Names puts prefix before the names of constants until the function it returns is
// called: networks whose weights are called alike can stand in one graph.
func (b *Builder) Names(prefix string) (leave func()) {
	outer := b.prefix
	b.prefix += prefix
	return func() { b.prefix = outer }
}

// Within builds f's nodes in a scope and returns what f returns.
func (b *Builder) Within(name string, f func() *Node) *Node {
	defer b.Scope(name)()
	return f()
}

// Path returns the names of the scopes that are open, joined by dots.
func (b *Builder) Path() string { return b.path }

// Desc returns the dtype and shape of a node.
func (b *Builder) Desc(n *Node) Desc {
	b.own(n)
	if c := CallOf(n); c != nil {
		return c.Out
	}
	return b.leaves[n].Desc
}

// own fails if n is not a node of this graph.
func (b *Builder) own(n *Node) {
	have := "nil"
	if n != nil {
		if n.Graph() == b.g {
			return
		}
		have = "a node of another graph"
	}
	fail(&fault.Error{Kind: fault.Invalid, Op: "graph", Where: b.path, What: "operand", Have: have, Want: "a node of this graph"})
}

// DtypeName spells a dtype as the module does: "float16", "int32".
func DtypeName(dt tensor.Dtype) string {
	if dt.Type == nil {
		return "no dtype"
	}
	switch s := dt.Name(); s {
	case "F16":
		return "float16"
	case "BF16":
		return "bfloat16"
	default:
		return s
	}
}
