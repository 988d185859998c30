package cpu

import (
	"slices"
	"testing"

	"github.com/easel-go/easel/internal/asm"
	"github.com/easel-go/easel/internal/engine"
)

// peakTask runs the multiply-add loop on every worker.
type peakTask struct{ flops [64]int }

func (p *peakTask) do(_ *engine.Args, _, _, i int) { p.flops[i] = asm.Peak(100000) }

// benchmarkOp times a kernel beside the multiply-add peak of as many threads, one
// after the other, and reports medians. Time is processor time of the process where
// the system tells it, so that a busy machine changes the figures little.
func benchmarkOp(b *testing.B, op engine.Op, threads, flops int) {
	e := New(Options{Threads: threads})
	k, err := e.Prepare(op)
	if err != nil {
		b.Skip(err)
	}
	o := newOperands(b, k, op, 1)
	r, _ := e.Begin(b.Context())
	rate := func(flops int, f func()) float64 { // of one thread
		start := cpuTime()
		f()
		return float64(flops) / (cpuTime() - start).Seconds()
	}
	peak := func() float64 {
		p := &peakTask{}
		n := 4 * threads
		return rate(n*asm.Peak(1)*100000, func() { _ = r.(*run).parallel(p, nil, 0, n) })
	}
	_ = k.Launch(r, &o.args)
	var own, share []float64
	for b.Loop() {
		before := peak()
		v := rate(flops, func() { _ = k.Launch(r, &o.args) })
		own, share = append(own, v*float64(threads)), append(share, 2*v/(before+peak()))
	}
	_ = r.End()
	b.ReportMetric(median(own)/1e9, "GFLOPS")
	b.ReportMetric(100*median(share), "%peak")
}

func median(v []float64) float64 {
	slices.Sort(v)
	return v[len(v)/2]
}
