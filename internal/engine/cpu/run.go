package cpu

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/easel-go/easel/internal/engine"
)

// task is a kernel's work in pieces. A piece writes outputs that no other piece of
// the phase writes, and sums in an order that depends on the sizes alone.
type task interface {
	// do computes piece i of a phase. Worker w < threads is the number of the
	// goroutine, for scratch of its own.
	do(a *engine.Args, phase, w, i int)
}

// longTask is a task whose pieces are so long that they look now and then whether the
// run is over, and stop: while takes the place of do.
type longTask interface {
	while(r *run, a *engine.Args, phase, w, i int)
}

// longPieces is embedded by longTasks.
type longPieces struct{}

func (longPieces) do(*engine.Args, int, int, int) {}

// over reports whether the context is.
func (r *run) over() bool { return r.ctx.Err() != nil }

// piece computes one.
func (r *run) piece(t task, a *engine.Args, phase, w, i int) {
	if t, ok := t.(longTask); ok {
		t.while(r, a, phase, w, i)
		return
	}
	t.do(a, phase, w, i)
}

// spins is how often an idle worker looks for work before it sleeps: some tens of
// microseconds, the gap between two kernels.
const spins = 4096

// run hands out pieces to its workers. A piece is claimed by counting down the low
// half of state, whose high half numbers the jobs; whoever holds a piece keeps the
// job's fields from changing, because the job is not over before the piece is done.
type run struct {
	eng     *Engine
	ctx     context.Context
	threads int

	state atomic.Uint64 // job number << 32 | pieces nobody has claimed
	done  atomic.Int64  // pieces finished
	job   struct {
		task  task
		args  *engine.Args
		phase int
		n     int
	}

	ended  atomic.Bool
	parked atomic.Int32
	wake   chan struct{}
	exit   sync.WaitGroup
	loops  []func() // the workers' goroutines, made once
}

// Begin starts the workers of a run.
func (e *Engine) Begin(ctx context.Context) (engine.Run, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	r := e.idleRun()
	r.ctx = ctx
	r.ended.Store(false)
	r.exit.Add(len(r.loops))
	for _, f := range r.loops {
		go f()
	}
	return r, nil
}

// End stops the workers.
func (r *run) End() error {
	err := r.ctx.Err()
	r.ended.Store(true)
	r.rouse()
	r.exit.Wait()
	r.ctx, r.job.task, r.job.args = nil, nil, nil
	r.eng.mu.Lock()
	r.eng.idle = append(r.eng.idle, r)
	r.eng.mu.Unlock()
	return err
}

// idleRun returns a run that ended, or a new one.
func (e *Engine) idleRun() *run {
	e.mu.Lock()
	defer e.mu.Unlock()
	if n := len(e.idle); n > 0 {
		r := e.idle[n-1]
		e.idle = e.idle[:n-1]
		return r
	}
	r := &run{eng: e, threads: e.threads, wake: make(chan struct{}, e.threads)}
	for w := 1; w < e.threads; w++ {
		r.loops = append(r.loops, func() { r.work(w) })
	}
	return r
}

// parallel computes pieces 0 … n−1 of a phase on all workers and returns when they
// are done, or when the context is and no piece is being computed.
func (r *run) parallel(t task, a *engine.Args, phase, n int) error {
	if n <= 0 {
		return r.ctx.Err()
	}
	if n == 1 || r.threads == 1 {
		for i := 0; i < n && r.ctx.Err() == nil; i++ {
			r.piece(t, a, phase, 0, i)
		}
		return r.ctx.Err()
	}
	r.job.task, r.job.args, r.job.phase, r.job.n = t, a, phase, n
	r.done.Store(0)
	r.state.Store((r.state.Load()>>32+1)<<32 | uint64(n))
	r.rouse()
	for r.claim(0) {
	}
	for i := 1; r.done.Load() != int64(n); i++ {
		if i%64 == 0 {
			runtime.Gosched()
		}
	}
	return r.ctx.Err()
}

// claim computes one piece, if one is left.
func (r *run) claim(w int) bool {
	for {
		s := r.state.Load()
		left := s & (1<<32 - 1)
		if left == 0 {
			return false
		}
		if r.state.CompareAndSwap(s, s-1) {
			if r.ctx.Err() == nil {
				j := &r.job
				r.piece(j.task, j.args, j.phase, w, j.n-int(left))
			}
			r.done.Add(1)
			return true
		}
	}
}

// work is a worker's life: claim, look for more, sleep, until the run ends.
func (r *run) work(w int) {
	defer r.exit.Done()
	for idle := 0; ; {
		switch {
		case r.claim(w):
			idle = 0
		case r.ended.Load():
			return
		case idle < spins:
			if idle++; idle%64 == 0 {
				runtime.Gosched()
			}
		default:
			r.sleep()
			idle = 0
		}
	}
}

// sleep parks a worker until rouse. Whoever takes the worker's count out of parked
// owes it a token; a worker that sees work in time takes it out itself.
func (r *run) sleep() {
	r.parked.Add(1)
	if r.state.Load()&(1<<32-1) == 0 && !r.ended.Load() {
		<-r.wake
		return
	}
	for {
		p := r.parked.Load()
		if p == 0 {
			<-r.wake
			return
		}
		if r.parked.CompareAndSwap(p, p-1) {
			return
		}
	}
}

// rouse wakes all parked workers.
func (r *run) rouse() {
	for range r.parked.Swap(0) {
		r.wake <- struct{}{}
	}
}
