package cpu

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/easel-go/easel/internal/engine"
)

type counter struct{ hits []atomic.Int32 }

func (c *counter) do(_ *engine.Args, phase, _, i int) { c.hits[i].Add(int32(phase)) }

func TestParallelRunsEveryPieceOnce(t *testing.T) {
	for _, threads := range []int{1, 2, 3, 8} {
		e := New(Options{Threads: threads})
		r, err := e.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for n := range 200 {
			if n%50 == 0 {
				time.Sleep(2 * time.Millisecond) // let the workers fall asleep
			}
			c := &counter{make([]atomic.Int32, n)}
			if err := r.(*run).parallel(c, nil, 1, n); err != nil {
				t.Fatal(err)
			}
			for i := range c.hits {
				if h := c.hits[i].Load(); h != 1 {
					t.Fatalf("%d threads: piece %d of %d ran %d times", threads, i, n, h)
				}
			}
		}
		if err := r.End(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestParallelStopsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	e := New(Options{Threads: 2})
	r, err := e.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	c := &counter{make([]atomic.Int32, 100)}
	if err := r.(*run).parallel(c, nil, 1, 100); err != context.Canceled {
		t.Errorf("error %v, want %v", err, context.Canceled)
	}
	for i := range c.hits {
		if c.hits[i].Load() != 0 {
			t.Fatalf("piece %d ran after the context ended", i)
		}
	}
	if err := r.End(); err != context.Canceled {
		t.Errorf("End: %v, want %v", err, context.Canceled)
	}
}

func TestRunsDoNotAllocate(t *testing.T) {
	e := New(Options{Threads: 2})
	c := &counter{make([]atomic.Int32, 64)}
	call := func() {
		r, _ := e.Begin(context.Background())
		_ = r.(*run).parallel(c, nil, 1, 64)
		_ = r.End()
	}
	call()
	if n := testing.AllocsPerRun(50, call); n > 0.5 {
		t.Errorf("%v allocations a run, want 0", n)
	}
}

func BenchmarkForkJoin(b *testing.B) {
	e := New(Options{Threads: 2})
	r, _ := e.Begin(b.Context())
	c := &counter{make([]atomic.Int32, 16)}
	for b.Loop() {
		_ = r.(*run).parallel(c, nil, 1, 16)
	}
	_ = r.End()
}
