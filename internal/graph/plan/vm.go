package plan

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"unsafe"

	"gorgonia.org/gorgonia"

	"github.com/easel-go/easel/internal/engine"
	"github.com/easel-go/easel/internal/fault"
	"github.com/easel-go/easel/internal/graph"
)

// VM runs a program in memory of its own. Calls from several goroutines wait for each
// other. It implements gorgonia.VM.
type VM struct {
	p *Program

	mu     sync.Mutex
	slab   engine.Memory
	ref    engine.Ref      // of the slab; zero when closed
	vars   []engine.Memory // copies of the variables, on an engine with memory of its own
	args   []engine.Args
	isSet  []bool // of the inputs
	unset  int    // how many are not
	outs   []engine.Ref
	copies [][]float32 // of the outputs, on an engine with memory of its own
}

var _ gorgonia.VM = (*VM)(nil)

// NewVM returns a VM, its slab allocated.
func (p *Program) NewVM() (*VM, error) {
	slab, err := p.eng.Alloc(max(p.slab, align))
	if err != nil {
		return nil, err
	}
	v := &VM{p: p, slab: slab, ref: slab.Ref(), isSet: make([]bool, len(p.inputs)), unset: len(p.inputs)}
	varRefs, err := v.variables()
	if err != nil {
		return nil, errors.Join(err, v.Close())
	}
	resolve := func(r region) engine.Ref {
		switch r.place {
		case constant:
			return p.consts[r.index].At(r.off, r.bytes)
		case variable:
			return varRefs[r.index].At(r.off, r.bytes)
		}
		return v.ref.At(r.off, r.bytes)
	}
	refs := make([]engine.Ref, len(p.refs))
	for i, r := range p.refs {
		refs[i] = resolve(r)
	}
	var scratch engine.Ref
	if p.scratch > 0 {
		scratch = v.ref.At(p.slab-p.scratch, p.scratch)
	}
	v.args = make([]engine.Args, len(p.launch))
	for i, l := range p.launch {
		v.args[i] = engine.Args{In: refs[l.in:l.out:l.out], Out: refs[l.out:l.end:l.end], Scratch: scratch}
	}
	for _, out := range p.outputs {
		v.outs = append(v.outs, resolve(out.at))
		if v.ref.Host == nil {
			v.copies = append(v.copies, make([]float32, out.at.bytes/4))
		}
	}
	return v, nil
}

// variables returns where the variables lie: where they are, if the engine reads host
// memory, or in memory of the VM's that each run fills.
func (v *VM) variables() ([]engine.Ref, error) {
	refs := make([]engine.Ref, len(v.p.vars))
	for i, t := range v.p.vars {
		if v.ref.Host != nil {
			refs[i] = engine.HostRef(t.Data().([]float32))
			continue
		}
		m, err := v.p.eng.Alloc(int64(t.DataSize()) * 4)
		if err != nil {
			return nil, err
		}
		v.vars = append(v.vars, m)
		refs[i] = m.Ref()
	}
	return refs, nil
}

// Set copies values to an input: []float32 or []int32, as many as its shape has. An
// input keeps its values until it is set again. Ids must lie within the table they
// look up. A name that is an input of the graph on which no output depends is
// accepted, and its values forgotten.
func (v *VM) Set(name string, values any) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.slab == nil {
		return closed()
	}
	for i := range v.p.inputs {
		if in := &v.p.inputs[i]; in.Name == name {
			if err := v.set(in, values); err != nil {
				return err
			}
			if !v.isSet[i] {
				v.isSet[i] = true
				v.unset--
			}
			return nil
		}
	}
	if port, ok := v.p.dead[name]; ok {
		_, err := bytesFor(port, values)
		return err
	}
	names := make([]string, len(v.p.inputs))
	for i, in := range v.p.inputs {
		names[i] = in.Name
	}
	return &fault.Error{
		Kind: fault.Missing, Op: "plan", What: "input " + name, Have: "is not in the program",
		Want: "one of " + strings.Join(names, ", "),
	}
}

func (v *VM) set(in *input, values any) error {
	raw, err := bytesFor(in.Port, values)
	if err != nil {
		return err
	}
	if ids, ok := values.([]int32); ok && in.below > 0 {
		for i, id := range ids {
			if id < 0 || id >= in.below {
				return &fault.Error{
					Kind: fault.Invalid, Op: "plan", What: fmt.Sprintf("input %s: id %d", in.Name, i),
					Have: fmt.Sprint(id), Want: fmt.Sprintf("0 to %d", in.below-1),
				}
			}
		}
	}
	return v.p.eng.Upload(v.ref.At(in.at.off, in.at.bytes), raw)
}

// bytesFor returns the memory of values if they fit the port.
func bytesFor(port Port, values any) ([]byte, error) {
	n := 0
	var raw []byte
	switch s := values.(type) {
	case []float32:
		if port.Dtype == engine.Float32 {
			n, raw = len(s), bytesOf(s)
		}
	case []int32:
		if port.Dtype == engine.Int32 {
			n, raw = len(s), bytesOf(s)
		}
	}
	if n == port.Size() {
		return raw, nil
	}
	have := fmt.Sprintf("%T", values)
	if n > 0 {
		have = fmt.Sprintf("%d values", n)
	}
	return nil, &fault.Error{
		Kind: fault.Shape, Op: "plan", What: "input " + port.Name, Have: have,
		Want: fmt.Sprintf("%d values of %s %v", port.Size(), graph.DtypeName(port.Dtype), []int(port.Shape)),
	}
}

func bytesOf[T int32 | float32](s []T) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(s))), len(s)*4)
}

// Run computes the outputs. Every input must have been set. A cancelled ctx ends the
// run with its error; the outputs are then undefined. In the steady state Run
// allocates nothing.
func (v *VM) Run(ctx context.Context) error { return v.run(ctx, nil) }

// run is Run; done, if it is not nil, is called after every step.
func (v *VM) run(ctx context.Context, done func(step int)) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if err := v.ready(); err != nil {
		return err
	}
	r, err := v.p.eng.Begin(ctx)
	if err != nil {
		return err
	}
	at := 0
	for ; at < len(v.args); at++ {
		if err = v.p.launch[at].kernel.Launch(r, &v.args[at]); err != nil {
			break
		}
		if done != nil {
			done(at)
		}
	}
	endErr := r.End()
	switch {
	case err == nil:
		return endErr
	case ctx.Err() != nil:
		return err
	}
	l := &v.p.launch[at]
	return fmt.Errorf("plan: step %d, %s %s: %w", at, l.scope, opName(l.op), err)
}

// ready checks that a run may begin, and copies the variables where the engine has
// memory of its own.
func (v *VM) ready() error {
	if v.slab == nil {
		return closed()
	}
	if v.unset > 0 {
		return v.missing()
	}
	for i, m := range v.vars {
		if err := v.p.eng.Upload(m.Ref(), bytesOf(v.p.vars[i].Data().([]float32))); err != nil {
			return err
		}
	}
	return nil
}

func (v *VM) missing() error {
	for i, ok := range v.isSet {
		if !ok {
			return &fault.Error{Kind: fault.Missing, Op: "plan", What: "input " + v.p.inputs[i].Name, Have: "was never set"}
		}
	}
	return nil
}

// Output returns output i, in the order given to Compile: a view of the slab that is
// valid until the next Run, Set or Close, or a copy where the engine has memory of its
// own. It is nil if there is no such output, or the VM is closed.
func (v *VM) Output(i int) []float32 {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.slab == nil || i < 0 || i >= len(v.outs) {
		return nil
	}
	if v.ref.Host != nil {
		return engine.Slice[float32](v.outs[i])
	}
	if v.p.eng.Download(bytesOf(v.copies[i]), v.outs[i]) != nil {
		return nil
	}
	return v.copies[i]
}

// OutputRef returns where output i lies in the engine's memory, for kernels that go on
// with it; a zero Ref if there is none.
func (v *VM) OutputRef(i int) engine.Ref {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.slab == nil || i < 0 || i >= len(v.outs) {
		return engine.Ref{}
	}
	return v.outs[i]
}

// RunAll is Run without a context, as gorgonia.VM asks for.
func (v *VM) RunAll() error { return v.Run(context.Background()) }

// Reset forgets the inputs: each must be set again before the next run.
func (v *VM) Reset() {
	v.mu.Lock()
	defer v.mu.Unlock()
	clear(v.isSet)
	v.unset = len(v.isSet)
}

// Close frees the memory. Outputs must not be read afterwards. Closing again does
// nothing.
func (v *VM) Close() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.slab == nil {
		return nil
	}
	err := v.slab.Free()
	for _, m := range v.vars {
		err = errors.Join(err, m.Free())
	}
	v.slab, v.ref, v.vars, v.args, v.outs = nil, engine.Ref{}, nil, nil, nil
	return err
}

func closed() error {
	return &fault.Error{Kind: fault.Closed, Op: "plan", What: "VM", Have: "used after Close"}
}
