package plan

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/easel-go/easel/internal/engine"
	"github.com/easel-go/easel/internal/engine/cpu"
	"github.com/easel-go/easel/internal/graph/graphtest"
	"github.com/easel-go/easel/internal/graph/op"
)

func TestOnCPU(t *testing.T) {
	s := newSample()
	outs := s.trainingOuts()
	want := graphtest.Eval(s.Builder, s.values, outs...)
	e := cpu.New(cpu.Options{Threads: 2})
	defer e.Close()
	p, err := Compile(s.Builder, Options{Engine: e}, outs...)
	vm := s.vm(t, p, err)
	for i, have := range run(t, vm) {
		near(t, "output", have, want[i])
	}
}

// TestRunAllocatesNothing counts allocations of a run whose engine does its own work
// without any.
func TestRunAllocatesNothing(t *testing.T) {
	s := newSample()
	outs := s.trainingOuts()
	e := cpu.New(cpu.Options{Threads: 1})
	defer e.Close()
	p, err := Compile(s.Builder, Options{Engine: e}, outs...)
	vm := s.vm(t, p, err)
	ctx := t.Context()
	_ = run(t, vm)
	if n := testing.AllocsPerRun(5, func() {
		if err := vm.Run(ctx); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations per run", n)
	}
}

// TestVMsRunSideBySide runs one program from several goroutines, each with a VM of its
// own.
func TestVMsRunSideBySide(t *testing.T) {
	s := newSample()
	outs := s.trainingOuts()
	e := cpu.New(cpu.Options{Threads: 2})
	defer e.Close()
	p, err := Compile(s.Builder, Options{Engine: e}, outs...)
	want := run(t, s.vm(t, p, err))
	var wg sync.WaitGroup
	for range 3 {
		vm := s.vm(t, p, nil)
		wg.Go(func() {
			for range 3 {
				if err := vm.Run(t.Context()); err != nil {
					t.Error(err)
				}
			}
			for i := range want {
				if !slices.Equal(vm.Output(i), want[i]) {
					t.Errorf("output %d differs", i)
				}
			}
		})
	}
	wg.Wait()
}

func TestCancelledRun(t *testing.T) {
	s := newSample()
	eps, _ := s.unet()
	e := cpu.New(cpu.Options{})
	defer e.Close()
	p, err := Compile(s.Builder, Options{Engine: e}, eps)
	vm := s.vm(t, p, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := vm.Run(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("have %v", err)
	}
	if err := vm.Run(t.Context()); err != nil {
		t.Errorf("after a cancelled run: %v", err)
	}
}

func TestProfile(t *testing.T) {
	s := newSample()
	eps, _ := s.unet()
	e := cpu.New(cpu.Options{})
	defer e.Close()
	p, err := Compile(s.Builder, Options{Engine: e}, eps)
	vm := s.vm(t, p, err)
	times, err := vm.Profile(t.Context())
	if err != nil || len(times) != p.Steps() {
		t.Errorf("%d times for %d steps, error %v", len(times), p.Steps(), err)
	}
	if text := times.String(); !strings.Contains(text, "conv2d") || !strings.Contains(text, "GFLOPS") {
		t.Errorf("have %s", text)
	}
}

// apart is the CPU without additions at the end of its products.
type apart struct{ *cpu.Engine }

func (e apart) Prepare(o engine.Op) (engine.Kernel, error) {
	switch o := o.(type) {
	case engine.Linear:
		if o.Residual {
			return nil, engine.ErrNotImplemented
		}
	case engine.Conv2D:
		if o.Residual || o.Item {
			return nil, engine.ErrNotImplemented
		}
	}
	return e.Engine.Prepare(o)
}

// TestEpiloguesKeepBits holds additions that the planner joins to products against the
// same additions as steps: what is joined may depend on the batch, as when an operand
// without a batch meets a batch of one, and bits must not.
func TestEpiloguesKeepBits(t *testing.T) {
	s := newSample()
	x := s.input("deep", 2, 40, 3000)
	y := op.Add(s.Builder, op.Linear(s.Builder, x, s.weight("w", 70, 3000), nil), s.input("residual", 2, 40, 70))
	outs := append(s.trainingOuts(), y)
	e := cpu.New(cpu.Options{})
	defer e.Close()
	joined, err := Compile(s.Builder, Options{Engine: e}, outs...)
	have := run(t, s.vm(t, joined, err))
	steps, err := Compile(s.Builder, Options{Engine: apart{e}}, outs...)
	want := run(t, s.vm(t, steps, err))
	for i := range want {
		if !slices.Equal(have[i], want[i]) {
			t.Errorf("output %d differs", i)
		}
	}
	if joined.Steps() >= steps.Steps() {
		t.Errorf("%d steps joined, %d apart", joined.Steps(), steps.Steps())
	}
}
