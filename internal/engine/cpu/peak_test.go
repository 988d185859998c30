package cpu

import (
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/easel-go/easel/internal/asm"
	"github.com/easel-go/easel/internal/engine"
)

// peakTask runs a loop of arithmetic on every worker.
type peakTask struct{ loop func(n int) int }

func (p peakTask) do(*engine.Args, int, int, int) { p.loop(peakRounds) }

const peakRounds = 50000

// benchmarkOp times a kernel beside the multiply-add peak of as many threads, one
// after the other in each round, and reports medians. One thread is timed by its own
// processor time where the system tells it, so that a busy machine changes the figures
// little; more are timed by the wall.
//
// A product of bfloat16 is measured beside the peak of bfloat16 too.
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
	peak := func(loop func(int) int) float64 {
		return rate(pieces*peakRounds*loop(1), func() { _ = r.(*run).parallel(peakTask{loop}, nil, 0, pieces) })
	}
	_ = k.Launch(r, &o.args)
	var own, share, shareBF16 []float64
	for b.Loop() {
		before := peak(asm.Peak)
		v := rate(flops, func() { _ = k.Launch(r, &o.args) })
		own, share = append(own, v), append(share, 2*v/(before+peak(asm.Peak)))
		if bfloat16Op(op) {
			shareBF16 = append(shareBF16, v/peak(asm.PeakBF16))
		}
	}
	_ = r.End()
	b.ReportMetric(median(own)/1e9, "GFLOPS")
	b.ReportMetric(100*median(share), "%peak")
	if shareBF16 != nil {
		b.ReportMetric(100*median(shareBF16), "%peak-bf16")
	}
}

func bfloat16Op(op engine.Op) bool {
	switch op := op.(type) {
	case engine.Linear:
		return op.Compute == engine.Bfloat16
	case engine.Conv2D:
		return op.Compute == engine.Bfloat16
	}
	return false
}

var start = time.Now()

func median(v []float64) float64 {
	slices.Sort(v)
	return v[len(v)/2]
}
