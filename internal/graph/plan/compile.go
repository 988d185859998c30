package plan

import (
	"errors"
	"fmt"
	"slices"

	"gorgonia.org/tensor"

	"github.com/easel-go/easel/internal/engine"
	"github.com/easel-go/easel/internal/fault"
	"github.com/easel-go/easel/internal/graph"
)

// Options say how a graph becomes a program.
type Options struct {
	// Engine computes the program. It must be given, and must stay open while the
	// program is in use.
	Engine engine.Engine

	// MemoryLimit is the most bytes the slab may take; 0 means any.
	MemoryLimit int64

	// Checkpoint gives the segment, numbered from 1, that a node of the forward pass
	// belongs to. What a segment computes for itself alone is not kept for the
	// backward pass but computed again when it is first needed there, unless it is
	// small for what it costs. 0 keeps the node's value, and so does a nil function.
	Checkpoint func(*graph.Node) int

	// Compute is the arithmetic of matrix products and convolutions: Float32, also
	// the zero value, or engine.Bfloat16, factors rounded to bfloat16 with float32 sums.
	Compute tensor.Dtype
}

// Compile turns the nodes that outs depend on into a program. Every out must be
// float32.
//
// Errors are of kind fault.Limit when the slab would be over the limit, of kind
// fault.Unsupported when the engine lacks a kernel and the op has no composed form.
func Compile(b *graph.Builder, o Options, outs ...*graph.Node) (_ *Program, err error) {
	defer graph.Catch(&err)
	if err := o.check(b, outs); err != nil {
		return nil, err
	}
	d := lower(b, o, outs)
	if err := d.fuse(); err != nil {
		return nil, err
	}
	if err := d.prepare(); err != nil {
		return nil, err
	}
	d.checkpoint()
	d.measure()
	d.shareInPlace()
	p := d.finish()
	if p.slab > o.MemoryLimit && o.MemoryLimit > 0 {
		return nil, &fault.Error{
			Kind: fault.Limit, Op: "plan", What: "slab", Have: fmt.Sprintf("of %d bytes", p.slab),
			Want: fmt.Sprintf("at most %d", o.MemoryLimit),
		}
	}
	return p, d.bindConstants(p)
}

func (o *Options) check(b *graph.Builder, outs []*graph.Node) error {
	switch {
	case o.Engine == nil:
		return &fault.Error{Kind: fault.Invalid, Op: "plan", What: "engine", Have: "nil"}
	case b == nil || len(outs) == 0:
		return &fault.Error{Kind: fault.Invalid, Op: "plan", What: "outputs", Have: "none", Want: "one or more"}
	case o.Compute.Type == nil:
		o.Compute = engine.Float32
	}
	if o.Compute != engine.Float32 && o.Compute != engine.Bfloat16 {
		return &fault.Error{Kind: fault.Unsupported, Op: "plan", What: "arithmetic", Have: "in " + graph.DtypeName(o.Compute), Want: "float32 or bfloat16"}
	}
	for i, n := range outs {
		if d := b.Desc(n); d.Dtype != tensor.Float32 {
			return &fault.Error{Kind: fault.Unsupported, Op: "plan", What: fmt.Sprintf("output %d", i), Have: d.String(), Want: "float32"}
		}
	}
	return nil
}

// draft is a program in the making: steps that read and write values, which lie in
// buffers.
type draft struct {
	b    *graph.Builder
	o    Options
	outs []int // values

	steps   []step
	values  []value
	buffers []buffer
	kernels kernels
}

// step is one launch of a kernel.
type step struct {
	node    *graph.Node // whose value it computes, for names
	call    *graph.Call
	op      engine.Op
	in, out []int // values
	kernel  engine.Kernel
	again   bool // computed a second time, for the backward pass
	dead    bool // absorbed by another
}

// value is what a step reads or writes: bytes of a buffer.
type value struct {
	buf        int
	off, bytes int64
	base       int // the value that this is a part of, or itself
}

// place says where a buffer lies.
type place uint8

const (
	inSlab   place = iota
	inInput        // in the slab, for as long as the VM lives
	constant       // memory of a constant
	variable       // memory of a variable
)

// buffer is a piece of memory.
type buffer struct {
	place       place
	leaf        *graph.Leaf
	bytes       int64
	first, last int   // the steps between which it is in use, inclusive
	keep        bool  // an output: in use to the end
	off         int64 // in the slab
	share       int   // the buffer whose memory this one took over, or −1
}

// align is the alignment of buffers in the slab, in bytes.
const align = 64

func aligned(n int64) int64 { return (n + align - 1) &^ (align - 1) }

// kernels asks an engine for each kernel once.
type kernels struct {
	eng   engine.Engine
	known map[any]prepared
}

type prepared struct {
	kernel engine.Kernel
	err    error
}

// get returns the kernel for op.
func (k *kernels) get(op engine.Op) (engine.Kernel, error) {
	var key any = op
	switch op.(type) {
	case engine.Concat, engine.LinComb, engine.Permute: // hold slices
		key = fmt.Sprintf("%T%v", op, op)
	}
	p, ok := k.known[key]
	if !ok {
		p.kernel, p.err = k.eng.Prepare(op)
		if p.err == nil && p.kernel == nil {
			p.err = engine.ErrNotImplemented
		}
		if k.known == nil {
			k.known = map[any]prepared{}
		}
		k.known[key] = p
	}
	return p.kernel, p.err
}

// has reports whether the engine has a kernel for op. Errors other than
// ErrNotImplemented are returned.
func (k *kernels) has(op engine.Op) (bool, error) {
	_, err := k.get(op)
	if errors.Is(err, engine.ErrNotImplemented) {
		return false, nil
	}
	return err == nil, err
}

// prepare gives every step its kernel, or puts the steps of its composed form in its
// place.
func (d *draft) prepare() error {
	steps := make([]step, 0, len(d.steps))
	for i := range d.steps {
		if d.steps[i].dead {
			continue
		}
		var err error
		if steps, err = d.prepareStep(steps, d.steps[i]); err != nil {
			return err
		}
	}
	d.steps = steps
	return nil
}

func (d *draft) prepareStep(steps []step, s step) ([]step, error) {
	k, err := d.kernels.get(s.op)
	if errors.Is(err, engine.ErrNotImplemented) {
		if forms := d.compose(s); forms != nil {
			for _, f := range forms {
				if steps, err = d.prepareStep(steps, f); err != nil {
					return nil, err
				}
			}
			return steps, nil
		}
		return nil, &fault.Error{Kind: fault.Unsupported, Op: "plan", Where: s.call.Scope, What: s.call.Op.Name() + " on " + d.o.Engine.Name(), Err: err}
	}
	if err != nil {
		return nil, fmt.Errorf("plan: %s: %s: %w", s.call.Scope, s.call.Op.Name(), err)
	}
	s.kernel = k
	return append(steps, s), nil
}

// measure finds how long every buffer is in use.
func (d *draft) measure() {
	for i := range d.buffers {
		d.buffers[i].first, d.buffers[i].last = -1, -1
	}
	for i := range d.steps {
		s := &d.steps[i]
		for _, v := range slices.Concat(s.out, s.in) {
			b := &d.buffers[d.values[v].buf]
			if b.first < 0 {
				b.first = i
			}
			b.last = i
		}
	}
	for _, v := range d.outs {
		b := &d.buffers[d.values[v].buf]
		b.keep, b.last = true, len(d.steps)
	}
}
