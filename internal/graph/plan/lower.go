package plan

import (
	"gorgonia.org/tensor"

	"github.com/easel-go/easel/internal/engine"
	"github.com/easel-go/easel/internal/graph"
)

// lowering is the state of lower: which value a node is.
type lowering struct {
	*draft
	used   map[*graph.Node][]bool // of the nodes that outs depend on; for packed ones, per part
	value  map[*graph.Node]int
	packed map[*graph.Node][]int // per part, the value or −1
}

// lower makes a step of every node that outs depend on, in the order the nodes were
// made, but for views, which are their input's memory.
func lower(b *graph.Builder, o Options, outs []*graph.Node) *draft {
	l := lowering{
		draft: &draft{b: b, o: o, kernels: kernels{eng: o.Engine}},
		used:  map[*graph.Node][]bool{}, value: map[*graph.Node]int{}, packed: map[*graph.Node][]int{},
	}
	l.reach(outs)
	for _, n := range b.Nodes() {
		if used, ok := l.used[n]; ok {
			l.node(n, used)
		}
	}
	for _, n := range outs {
		l.outs = append(l.outs, l.value[n])
	}
	return l.draft
}

// reach finds the nodes that outs depend on. Inputs come before results, so that one
// pass from the last node to the first does.
func (l *lowering) reach(outs []*graph.Node) {
	for _, n := range outs {
		l.mark(n)
	}
	nodes := l.b.Nodes()
	for i := len(nodes) - 1; i >= 0; i-- {
		n := nodes[i]
		c := graph.CallOf(n)
		if _, ok := l.used[n]; !ok || c == nil {
			continue
		}
		for _, in := range c.In {
			l.mark(in)
		}
		if of, i, ok := graph.PartOf(n); ok {
			l.used[of][i] = true
		}
	}
}

func (l *lowering) mark(n *graph.Node) {
	if _, ok := l.used[n]; ok {
		return
	}
	l.used[n] = nil
	if c := graph.CallOf(n); c != nil {
		if p, ok := c.Op.(graph.Packed); ok {
			l.used[n] = make([]bool, len(p.Parts(c.Descs())))
		}
	}
}

// node makes a value of n, and a step if it has to be computed.
func (l *lowering) node(n *graph.Node, used []bool) {
	c := graph.CallOf(n)
	if c == nil {
		l.value[n] = l.leaf(l.b.Leaf(n))
		return
	}
	if of, i, ok := graph.PartOf(n); ok {
		l.value[n] = l.packed[of][i]
		return
	}
	if v, ok := l.view(c); ok {
		l.value[n] = v
		return
	}
	s := step{node: n, call: c, op: withCompute(c.Op.Kernel(c.Descs(), used), l.o.Compute)}
	for _, in := range c.In {
		s.in = append(s.in, l.value[in])
	}
	if p, ok := c.Op.(graph.Packed); ok {
		l.packed[n] = l.parts(&s, p.Parts(c.Descs()), p.Written(used))
	} else {
		l.value[n] = l.fresh(c.Out.Bytes())
		s.out = []int{l.value[n]}
	}
	l.steps = append(l.steps, s)
}

// parts makes values for the results that a step writes.
func (l *lowering) parts(s *step, parts []graph.Desc, written []int) []int {
	values := make([]int, len(parts))
	for i := range values {
		values[i] = -1
	}
	for _, i := range written {
		values[i] = l.fresh(parts[i].Bytes())
		s.out = append(s.out, values[i])
	}
	return values
}

func (l *lowering) leaf(leaf *graph.Leaf) int {
	v := l.fresh(leaf.Bytes())
	b := &l.buffers[l.values[v].buf]
	b.leaf = leaf
	b.place = map[graph.Kind]place{graph.Input: inInput, graph.Constant: constant, graph.Variable: variable}[leaf.Kind]
	return v
}

// fresh returns a value in a buffer of its own.
func (d *draft) fresh(bytes int64) int {
	v := len(d.values)
	d.values = append(d.values, value{buf: len(d.buffers), bytes: bytes, base: v})
	d.buffers = append(d.buffers, buffer{bytes: bytes, share: -1})
	return v
}

// view returns the value of a call that needs no step: its input itself if it is all
// of it, or a part of the input that is aligned like a buffer.
func (l *lowering) view(c *graph.Call) (int, bool) {
	op, ok := c.Op.(graph.Viewer)
	if !ok {
		return 0, false
	}
	from, ok := op.View(c.Descs())
	in := l.value[c.In[0]]
	off, bytes := int64(from)*int64(c.Out.Dtype.Size()), c.Out.Bytes()
	if !ok || off%align != 0 {
		return 0, false
	}
	if whole := l.values[in]; off != 0 || bytes != whole.bytes {
		l.values = append(l.values, value{buf: whole.buf, off: whole.off + off, bytes: bytes, base: whole.base})
		return len(l.values) - 1, true
	}
	return in, true
}

// withCompute sets the arithmetic of the ops that have a choice.
func withCompute(op engine.Op, dt tensor.Dtype) engine.Op {
	switch o := op.(type) {
	case engine.Linear:
		o.Compute = dt
		return o
	case engine.Conv2D:
		o.Compute = dt
		return o
	case engine.Conv2DInputGrad:
		o.Compute = dt
		return o
	}
	return op
}
