package engine

import (
	"context"
	"unsafe"

	"gorgonia.org/tensor"

	"github.com/easel-go/easel/internal/fault"
)

// ErrNotImplemented is what Prepare returns for an Op the engine has no kernel for;
// the planner then uses the composed form of the op. No other error falls back.
const ErrNotImplemented = fault.Kind("no kernel for this operation")

// Engine is a device, ready to compute. Its methods may be called from several
// goroutines at once.
type Engine interface {
	// Name is the device as users spell it: "cpu", "cuda:0".
	Name() string

	// Prepare returns the kernel that computes op, or ErrNotImplemented. Everything
	// that depends on sizes and on the device is decided here and not at run time.
	Prepare(op Op) (Kernel, error)

	// Alloc returns zeroed memory of the device, aligned to 64 bytes, that the
	// garbage collector neither moves nor frees.
	Alloc(bytes int64) (Memory, error)

	// Constant makes a host tensor known to the device, without a copy where the
	// device can read host memory. The tensor must stay unchanged and alive until
	// the engine is closed. Kernels may keep derived forms of constants.
	Constant(v *tensor.Dense) (Ref, error)

	// Upload and Download move bytes between host memory and the device's.
	Upload(dst Ref, src []byte) error
	Download(dst []byte, src Ref) error

	// Begin starts a run: what the kernels of one program call share, workers for
	// one. A cancelled ctx ends every Launch within one tile. End must follow.
	Begin(ctx context.Context) (Run, error)

	// Close frees what the engine holds, Memory apart.
	Close() error
}

// Run is one call of a program. It belongs to one goroutine.
type Run interface {
	// End waits for the work to finish, stops the run's workers and returns the
	// first error, ctx's included.
	End() error
}

// Kernel computes one Op. It is immutable and may be launched by several runs at a
// time, each with its own Args.
type Kernel interface {
	// Scratch returns the bytes of scratch memory that Args must bring.
	Scratch() int64

	// Launch computes a.Out from a.In. Inputs and outputs come in the order the
	// Op's comment states. An output may overlap no input, except where the Op's
	// comment allows the same memory.
	Launch(r Run, a *Args) error
}

// Args are the places a kernel reads and writes.
type Args struct {
	Out, In []Ref
	Scratch Ref
}

// Memory is a piece of a device's memory.
type Memory interface {
	Ref() Ref
	Free() error // must be called once, after the last use
}

// Ref points into memory of an engine.
type Ref struct {
	Host   unsafe.Pointer // of an engine that computes in host memory
	Device uintptr        // of an engine with memory of its own
	Bytes  int64
	Const  bool // made by Constant: unchanged while the engine is open
}

// At returns the n bytes of r from offset off on.
func (r Ref) At(off, n int64) Ref {
	if off < 0 || n < 0 || off+n > r.Bytes {
		panic("engine: reference beyond its memory")
	}
	s := Ref{Bytes: n, Const: r.Const}
	if r.Host != nil {
		s.Host = unsafe.Add(r.Host, off)
	}
	if r.Device != 0 {
		s.Device = r.Device + uintptr(off)
	}
	return s
}

// Slice views host memory as values of type T.
func Slice[T any](r Ref) []T {
	if r.Bytes == 0 {
		return nil
	}
	var zero T
	return unsafe.Slice((*T)(r.Host), r.Bytes/int64(unsafe.Sizeof(zero)))
}

// HostRef returns a Ref to the memory of s.
func HostRef[T any](s []T) Ref {
	var zero T
	return Ref{Host: unsafe.Pointer(unsafe.SliceData(s)), Bytes: int64(len(s)) * int64(unsafe.Sizeof(zero))}
}

// HostConstant is Constant for engines that compute in host memory: a Ref to v's own
// values. Dtypes that no kernel takes are an error of kind Unsupported.
func HostConstant(v *tensor.Dense) (Ref, error) {
	var r Ref
	if v != nil {
		switch s := v.Data().(type) {
		case []float32:
			r = HostRef(s)
		case []F16:
			r = HostRef(s)
		case []BF16:
			r = HostRef(s)
		case []int32:
			r = HostRef(s)
		}
	}
	if r.Bytes == 0 {
		return r, &fault.Error{Kind: fault.Unsupported, Op: "engine", What: "constant", Want: "values of a dtype that kernels take"}
	}
	r.Const = true
	return r, nil
}
