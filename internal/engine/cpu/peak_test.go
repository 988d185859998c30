package cpu

import (
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/easel-go/easel/internal/asm"
	"github.com/easel-go/easel/internal/engine"
)

// peakTask runs the multiply-add loop on every worker.
type peakTask struct{}

func (peakTask) do(*engine.Args, int, int, int) { asm.Peak(50000) }

// benchmarkOp times a kernel beside the multiply-add peak of as many threads, one
// after the other in each round, and reports medians. One thread is timed by its own
// processor time where the system tells it, so that a busy machine changes the figures
// little; more are timed by the wall.
func benchmarkOp(b *testing.B, op engine.Op, threads, flops int) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	e := New(Options{Threads: threads})
	k, err := e.Prepare(op)
	if err != nil {
		b.Skip(err)
	}
	o := newOperands(b, k, op, 1)
	r, _ := e.Begin(b.Context())
	clock := threadTime
	if threads > 1 {
		clock = func() time.Duration { return time.Since(start) }
	}
	rate := func(flops int, f func()) float64 { // for at least 4 ms
		begin, n := clock(), 0
		for n == 0 || clock()-begin < 4*time.Millisecond {
			f()
			n++
		}
		return float64(n*flops) / (clock() - begin).Seconds()
	}
	pieces := 8 * threads
	peak := func() float64 {
		return rate(pieces*50000*asm.Peak(1), func() { _ = r.(*run).parallel(peakTask{}, nil, 0, pieces) })
	}
	_ = k.Launch(r, &o.args)
	var own, share []float64
	for b.Loop() {
		before := peak()
		v := rate(flops, func() { _ = k.Launch(r, &o.args) })
		own, share = append(own, v), append(share, 2*v/(before+peak()))
	}
	_ = r.End()
	b.ReportMetric(median(own)/1e9, "GFLOPS")
	b.ReportMetric(100*median(share), "%peak")
}

var start = time.Now()

func median(v []float64) float64 {
	slices.Sort(v)
	return v[len(v)/2]
}
