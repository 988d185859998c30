package plan

import (
	"math"

	"gorgonia.org/tensor"

	"github.com/easel-go/easel/internal/engine"
	"github.com/easel-go/easel/internal/graph"
)

// Program is a graph made ready to run on one engine. It is immutable; every [VM] made
// from it has memory of its own.
type Program struct {
	eng     engine.Engine
	launch  []launch
	refs    []region // what launches read and write
	inputs  []input
	dead    map[string]Port // inputs of the graph that no output depends on
	outputs []output

	consts []engine.Ref
	vars   []*tensor.Dense
	alive  []*tensor.Dense // what the constants refer to

	slab, live, scratch, constBytes int64
	flops                           float64
}

// Port is an input or output.
type Port struct {
	Name string
	graph.Desc
}

// launch is a step: its inputs are refs[in:out], its outputs refs[out:end].
type launch struct {
	kernel       engine.Kernel
	in, out, end int

	op      engine.Op // this and the rest for messages and the listing
	scope   string
	again   bool
	inPlace bool
}

// region says where an argument lies.
type region struct {
	place      place
	index      int   // of the constant or variable
	off, bytes int64 // within the slab, the constant or the variable
}

type input struct {
	Port
	at    region
	below int32 // ids must be: the rows of the smallest table they look up
}

type output struct {
	Port
	at region
}

// SlabBytes returns the memory that each VM takes.
func (p *Program) SlabBytes() int64 { return p.slab }

// LiveBytes returns the most memory that is in use at one step, inputs and scratch
// included: the least that a slab could have.
func (p *Program) LiveBytes() int64 { return p.live }

// ScratchBytes returns the part of the slab that kernels use as scratch.
func (p *Program) ScratchBytes() int64 { return p.scratch }

// ConstBytes returns the memory of the constants and variables that the program reads.
func (p *Program) ConstBytes() int64 { return p.constBytes }

// FLOPs returns the floating-point operations of one run: two for each multiplication
// of a matrix product, convolution or attention, one for each number that other
// kernels write.
func (p *Program) FLOPs() float64 { return p.flops }

// Steps returns the number of kernels that a run launches.
func (p *Program) Steps() int { return len(p.launch) }

// Inputs returns what must be set before a run, in the order the graph made it.
func (p *Program) Inputs() []Port {
	ports := make([]Port, len(p.inputs))
	for i, in := range p.inputs {
		ports[i] = in.Port
	}
	return ports
}

// Outputs returns what a run computes.
func (p *Program) Outputs() []Port {
	ports := make([]Port, len(p.outputs))
	for i, out := range p.outputs {
		ports[i] = out.Port
	}
	return ports
}

// finish lays the slab out and writes the program down.
func (d *draft) finish() *Program {
	p := &Program{eng: d.o.Engine, dead: map[string]Port{}}
	for _, n := range d.b.Nodes() {
		if l := d.b.Leaf(n); l != nil && l.Kind == graph.Input {
			p.dead[l.Name] = Port{l.Name, l.Desc}
		}
	}
	d.layOut(p)
	d.writeInputs(p)
	for i := range d.steps {
		d.writeStep(p, i)
	}
	for _, v := range d.outs {
		p.outputs = append(p.outputs, output{at: d.region(v)})
	}
	return p
}

// layOut gives every buffer in the slab its offset: inputs first, then what steps
// compute, then scratch.
func (d *draft) layOut(p *Program) {
	for i := range d.buffers {
		if b := &d.buffers[i]; b.place == inInput {
			b.off = p.slab
			p.slab += aligned(b.bytes)
		}
	}
	var ivs []interval
	var owner []int
	for i := range d.buffers {
		if b := &d.buffers[i]; b.place == inSlab && b.share < 0 && b.first >= 0 {
			ivs = append(ivs, interval{size: aligned(b.bytes), first: b.first, last: b.last})
			owner = append(owner, i)
		}
	}
	for _, s := range d.steps {
		p.scratch = max(p.scratch, aligned(s.kernel.Scratch()))
	}
	p.live = p.slab + live(ivs, len(d.steps)) + p.scratch
	end := arrange(ivs)
	for k, i := range owner {
		d.buffers[i].off = p.slab + ivs[k].off
	}
	p.slab += end + p.scratch
}

// region returns where value v lies. The index of a constant or variable is its
// buffer's, which bindConstants replaces.
func (d *draft) region(v int) region {
	x := d.values[v]
	root := d.root(x.buf)
	b := &d.buffers[root]
	r := region{place: b.place, index: root, off: x.off, bytes: x.bytes}
	if b.place == inSlab || b.place == inInput {
		r.off += b.off
	}
	return r
}

func (d *draft) writeInputs(p *Program) {
	below := d.idLimits()
	for i := range d.buffers {
		if b := &d.buffers[i]; b.place == inInput {
			at := region{place: inInput, off: b.off, bytes: b.bytes}
			p.inputs = append(p.inputs, input{Port{b.leaf.Name, b.leaf.Desc}, at, below[i]})
			delete(p.dead, b.leaf.Name)
		}
	}
}

// idLimits returns, for buffers of ids, the size of the smallest table they look up.
func (d *draft) idLimits() map[int]int32 {
	below := map[int]int32{}
	limit := func(v, vocab int) {
		b, n := d.values[v].buf, int32(min(vocab, math.MaxInt32))
		if have, ok := below[b]; !ok || n < have {
			below[b] = n
		}
	}
	for i := range d.steps {
		switch o := d.steps[i].op.(type) {
		case engine.Embed:
			limit(d.steps[i].in[1], o.Vocab)
		case engine.EmbedGrad:
			limit(d.steps[i].in[0], o.Vocab)
		}
	}
	return below
}

func (d *draft) writeStep(p *Program, i int) {
	s := &d.steps[i]
	l := launch{kernel: s.kernel, in: len(p.refs), op: s.op, scope: s.call.Scope, again: s.again}
	for _, v := range s.in {
		p.refs = append(p.refs, d.region(v))
	}
	l.out = len(p.refs)
	for _, v := range s.out {
		p.refs = append(p.refs, d.region(v))
		l.inPlace = l.inPlace || d.buffers[d.values[v].buf].share >= 0
	}
	l.end = len(p.refs)
	p.launch = append(p.launch, l)
	p.flops += flops(s.op)
}

// bindConstants makes the constants that the program reads known to the engine.
func (d *draft) bindConstants(p *Program) error {
	index := map[int]int{}
	bind := func(r *region) error {
		if r.place != constant && r.place != variable {
			return nil
		}
		k, ok := index[r.index]
		if !ok {
			var err error
			if k, err = p.bindTensor(d.buffers[r.index].leaf, r.place); err != nil {
				return err
			}
			index[r.index] = k
		}
		r.index = k
		return nil
	}
	for i := range p.refs {
		if err := bind(&p.refs[i]); err != nil {
			return err
		}
	}
	for i := range p.outputs {
		if err := bind(&p.outputs[i].at); err != nil {
			return err
		}
	}
	return nil
}

// bindTensor returns the index of a constant or variable.
func (p *Program) bindTensor(l *graph.Leaf, where place) (int, error) {
	p.constBytes += l.Bytes()
	if where == variable {
		p.vars = append(p.vars, l.Value)
		return len(p.vars) - 1, nil
	}
	r, err := p.eng.Constant(l.Value)
	if err != nil {
		return 0, err
	}
	p.consts, p.alive = append(p.consts, r), append(p.alive, l.Value)
	return len(p.consts) - 1, nil
}
