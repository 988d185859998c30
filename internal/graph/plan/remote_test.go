package plan

import (
	"math"
	"slices"
	"testing"

	"gorgonia.org/tensor"

	"github.com/easel-go/easel/internal/engine"
	"github.com/easel-go/easel/internal/engine/enginetest"
	"github.com/easel-go/easel/internal/graph"
	"github.com/easel-go/easel/internal/graph/graphtest"
	"github.com/easel-go/easel/internal/graph/op"
)

// remote is an engine with memory of its own: its addresses mean something to its
// kernels and copies alone.
type remote struct {
	enginetest.Engine
	blocks *[]block
}

type block struct {
	at    uintptr
	bytes []byte
	freed int
}

func newRemote() remote { return remote{blocks: new([]block)} }

// host returns the memory that a reference stands for.
func (r remote) host(ref engine.Ref) engine.Ref {
	if ref.Host != nil {
		panic("remote: host memory")
	}
	for _, b := range *r.blocks {
		if off := int64(ref.Device) - int64(b.at); off >= 0 && off+ref.Bytes <= int64(len(b.bytes)) {
			return engine.HostRef(b.bytes).At(off, ref.Bytes)
		}
	}
	panic("remote: no such address")
}

type remoteMemory struct {
	r remote
	i int
}

func (m remoteMemory) Ref() engine.Ref {
	b := (*m.r.blocks)[m.i]
	return engine.Ref{Device: b.at, Bytes: int64(len(b.bytes))}
}

func (m remoteMemory) Free() error { (*m.r.blocks)[m.i].freed++; return nil }

func (r remote) Alloc(n int64) (engine.Memory, error) {
	*r.blocks = append(*r.blocks, block{at: uintptr(len(*r.blocks)+1) << 30, bytes: make([]byte, n)})
	return remoteMemory{r, len(*r.blocks) - 1}, nil
}

func (r remote) Constant(v *tensor.Dense) (engine.Ref, error) {
	host, err := r.Engine.Constant(v)
	if err != nil {
		return host, err
	}
	m, _ := r.Alloc(host.Bytes)
	ref := m.Ref()
	ref.Const = true
	return ref, r.Upload(ref, engine.Slice[byte](host))
}

func (r remote) Upload(dst engine.Ref, src []byte) error { return r.Engine.Upload(r.host(dst), src) }
func (r remote) Download(dst []byte, src engine.Ref) error {
	return r.Engine.Download(dst, r.host(src))
}

func (r remote) Prepare(o engine.Op) (engine.Kernel, error) {
	k, err := r.Engine.Prepare(o)
	return remoteKernel{k, r}, err
}

type remoteKernel struct {
	engine.Kernel
	r remote
}

func (k remoteKernel) Launch(run engine.Run, a *engine.Args) error {
	var h engine.Args
	for _, ref := range a.In {
		h.In = append(h.In, k.r.host(ref))
	}
	for _, ref := range a.Out {
		h.Out = append(h.Out, k.r.host(ref))
	}
	return k.Kernel.Launch(run, &h)
}

// TestRemoteMemory runs on an engine whose memory the host cannot read.
func TestRemoteMemory(t *testing.T) {
	b := graph.New()
	w := graphtest.Random(1, 1, 2, 2)
	x := b.Input("x", tensor.Float32, 1, 2)
	y := op.Linear(b, x, b.Variable("w", w), b.Const("bias", graphtest.Random(2, 1, 2)))
	r := newRemote()
	p, err := Compile(b, Options{Engine: r}, y)
	s := &sample{set: map[string]any{"x": []float32{1, 0}}}
	vm := s.vm(t, p, err)
	var was []float32
	for _, v := range []float32{3, -4} {
		w.Data().([]float32)[0] = v
		have := run(t, vm)[0]
		if was != nil && math.Abs(float64(have[0]-was[0]+7)) > 1e-6 {
			t.Errorf("have %v after %v: the variable was not read anew", have, was)
		}
		was = slices.Clone(have)
	}
	if vm.OutputRef(0).Host != nil {
		t.Error("an output in host memory")
	}
	if err := vm.Close(); err != nil {
		t.Fatal(err)
	}
	freed := 0
	for _, b := range *r.blocks {
		freed += b.freed
	}
	if freed != 2 {
		t.Errorf("%d blocks freed, want the slab and the variable", freed)
	}
}
