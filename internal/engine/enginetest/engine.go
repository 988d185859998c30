package enginetest

import (
	"context"
	"unsafe"

	"gorgonia.org/tensor"

	"github.com/easel-go/easel/internal/engine"
	"github.com/easel-go/easel/internal/fault"
)

// Engine computes every Op by its definition: inputs are widened to float64, results
// rounded once. It is slow and right. The zero Engine is ready.
type Engine struct{}

// Name returns "float64".
func (Engine) Name() string { return "float64" }

// Prepare returns the kernel that evaluates op's definition.
func (Engine) Prepare(op engine.Op) (engine.Kernel, error) {
	in, out := Operands(op)
	if out == nil {
		return nil, engine.ErrNotImplemented
	}
	return kernel{op, in, out}, nil
}

// kernel evaluates one Op.
type kernel struct {
	op      engine.Op
	in, out []Operand
}

func (kernel) Scratch() int64 { return 0 }

// Launch evaluates the definition. Unlike a fast engine it checks what it is given.
func (k kernel) Launch(r engine.Run, a *engine.Args) error {
	if err := r.(run).ctx.Err(); err != nil {
		return err
	}
	if err := checkRefs("input", k.in, a.In); err != nil {
		return err
	}
	if err := checkRefs("output", k.out, a.Out); err != nil {
		return err
	}
	in := make([][]float64, len(k.in))
	for i, o := range k.in {
		in[i] = widen(o, a.In[i])
	}
	for i, v := range Define(k.op, in) {
		narrow(k.out[i], a.Out[i], v)
	}
	return nil
}

func checkRefs(role string, want []Operand, have []engine.Ref) error {
	if len(want) != len(have) {
		return fault.Newf(fault.Shape, "enginetest", "%d %ss, want %d", len(have), role, len(want))
	}
	for i, o := range want {
		if have[i].Bytes < o.Bytes() || have[i].Host == nil {
			return fault.Newf(fault.Shape, "enginetest", "%s %s has %d bytes, want %d", role, o.Name, have[i].Bytes, o.Bytes())
		}
	}
	return nil
}

// Alloc returns zeroed memory of Go's heap.
func (Engine) Alloc(bytes int64) (engine.Memory, error) {
	if bytes < 0 || bytes > 1<<40 {
		return nil, fault.Newf(fault.Limit, "enginetest", "allocate %d bytes", bytes)
	}
	block := make([]byte, bytes+64)
	skip := -int(uintptr(unsafe.Pointer(&block[0]))) & 63
	return memory{block[skip : skip+int(bytes)]}, nil
}

type memory struct{ b []byte }

func (m memory) Ref() engine.Ref { return engine.HostRef(m.b) }
func (memory) Free() error       { return nil }

// Constant returns a Ref to v's own memory.
func (Engine) Constant(v *tensor.Dense) (engine.Ref, error) {
	return engine.HostConstant(v)
}

// Upload copies src to dst.
func (Engine) Upload(dst engine.Ref, src []byte) error { return move(engine.Slice[byte](dst), src) }

// Download copies src to dst.
func (Engine) Download(dst []byte, src engine.Ref) error { return move(dst, engine.Slice[byte](src)) }

func move(dst, src []byte) error {
	if len(dst) != len(src) {
		return fault.Newf(fault.Shape, "enginetest", "copy %d bytes to %d", len(src), len(dst))
	}
	copy(dst, src)
	return nil
}

// run is a call; it has no workers.
type run struct{ ctx context.Context }

func (r run) End() error { return r.ctx.Err() }

// Begin starts a run.
func (Engine) Begin(ctx context.Context) (engine.Run, error) { return run{ctx}, ctx.Err() }

// Close does nothing.
func (Engine) Close() error { return nil }
