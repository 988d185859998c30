package graph

import (
	"slices"

	"gorgonia.org/tensor"

	"github.com/easel-go/easel/internal/fault"
)

// Backprop adds the gradients of loss, a float32 [1], for every node of wrt to the
// graph and returns them in order, each float32 and of its node's shape. Nothing is
// made for what lies not between a node of wrt and the loss; a node that the loss
// does not depend on has the gradient zero.
//
// The gradients of a node's several uses are added from the last use to the first.
func Backprop(b *Builder, loss *Node, wrt ...*Node) []*Node {
	b.own(loss)
	if d := b.Desc(loss); d.Dtype != tensor.Float32 || !slices.Equal(d.Shape, []int{1}) {
		fail(&fault.Error{Kind: fault.Shape, Op: "graph", Where: b.path, What: "loss", Have: d.String(), Want: "float32 [1]"})
	}
	defer func(old bool) { b.inGrads = old }(b.inGrads)
	b.inGrads = true
	s := newSweep(b, wrt)
	s.add(loss, 0, b.one())
	for _, n := range slices.Backward(b.nodes[:s.end]) {
		s.visit(n)
	}
	grads := make([]*Node, len(wrt))
	for i, w := range wrt {
		if grads[i] = s.final[w]; grads[i] == nil {
			grads[i] = b.Zeros(b.Desc(w).Shape...)
		}
	}
	return grads
}

// sweep goes through the graph from the loss to the leaves.
type sweep struct {
	b     *Builder
	end   int                 // nodes made before the sweep
	need  map[*Node]bool      // nodes that depend on wrt, and wrt
	grads map[*Node][][]*Node // per part, the gradients of the uses seen so far
	final map[*Node]*Node     // the gradient of each node of wrt
	wrt   map[*Node]bool
}

func newSweep(b *Builder, wrt []*Node) *sweep {
	s := &sweep{
		b: b, end: len(b.nodes),
		need: map[*Node]bool{}, grads: map[*Node][][]*Node{}, final: map[*Node]*Node{}, wrt: map[*Node]bool{},
	}
	for _, w := range wrt {
		b.own(w)
		if d := b.Desc(w); d.Dtype == tensor.Int32 {
			fail(&fault.Error{Kind: fault.Invalid, Op: "graph", What: "gradient for " + w.Name(), Have: d.String(), Want: "a floating-point node"})
		}
		s.need[w], s.wrt[w] = true, true
	}
	for _, n := range b.nodes {
		if c := CallOf(n); c != nil && slices.ContainsFunc(c.In, func(i *Node) bool { return s.need[i] }) {
			s.need[n] = true
		}
	}
	return s
}

// add notes g as a gradient of part i of n.
func (s *sweep) add(n *Node, i int, g *Node) {
	for len(s.grads[n]) <= i {
		s.grads[n] = append(s.grads[n], nil)
	}
	s.grads[n][i] = append(s.grads[n][i], g)
}

// visit passes the gradient of n on to its inputs. Uses come after their nodes, so
// every gradient of n is known.
func (s *sweep) visit(n *Node) {
	parts := s.grads[n]
	if !s.need[n] || parts == nil {
		return
	}
	delete(s.grads, n)
	if of, i, ok := PartOf(n); ok {
		g := s.b.sum(parts[0])
		s.final[n] = g
		s.add(of, i, g)
		return
	}
	sums := make([]*Node, len(parts))
	for i, gs := range parts {
		if gs != nil {
			sums[i] = s.b.sum(gs)
		}
	}
	if s.wrt[n] {
		s.final[n] = sums[0]
	}
	if c := CallOf(n); c != nil {
		s.descend(n, c, sums)
	}
}

// descend asks the op for its inputs' gradients.
func (s *sweep) descend(n *Node, c *Call, grads []*Node) {
	if p, ok := c.Op.(Packed); ok {
		for len(grads) < len(p.Parts(c.inDesc)) {
			grads = append(grads, nil)
		}
	}
	d := &Diff{B: s.b, In: c.In, Out: n, Grad: grads, Need: make([]bool, len(c.In))}
	for i, in := range c.In {
		d.Need[i] = s.need[in]
	}
	defer func(path string) { s.b.path = path }(s.b.path)
	s.b.path = c.Scope
	for i, g := range c.Op.Grad(d) {
		if d.Need[i] && g != nil {
			s.add(c.In[i], 0, g)
		}
	}
}
