package graph

import (
	"errors"

	"github.com/easel-go/easel/internal/engine"
)

// Part returns result i of a packed op's node.
func (b *Builder) Part(packed *Node, i int) *Node {
	b.own(packed)
	return b.Apply(part{i, CallOf(packed)}, packed)
}

// part is one result of a packed op.
type part struct {
	i  int
	of *Call
}

// PartOf returns which result of which packed node n is.
func PartOf(n *Node) (packed *Node, i int, ok bool) {
	c := CallOf(n)
	if c == nil {
		return nil, 0, false
	}
	p, ok := c.Op.(part)
	if !ok {
		return nil, 0, false
	}
	return c.In[0], p.i, true
}

func (p part) Name() string { return "part" }

func (p part) Infer([]Desc) (Desc, error) {
	if p.of != nil {
		if op, ok := p.of.Op.(Packed); ok {
			if ds := op.Parts(p.of.inDesc); p.i >= 0 && p.i < len(ds) {
				return ds[p.i], nil
			}
		}
	}
	return Desc{}, errors.New("an op with that many results")
}

// Grad is Backprop's own work: it hands the gradient to the packed op.
func (p part) Grad(*Diff) []*Node { Fail("part: gradient taken alone"); return nil }

func (p part) Kernel([]Desc, []bool) engine.Op { return nil }

// PackedShape returns the shape that Infer gives a packed op with these results.
func PackedShape(parts []Desc) []int {
	n := 0
	for _, d := range parts {
		n += d.Size()
	}
	return []int{n}
}
