package plan

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// StepTime is how long a step took.
type StepTime struct {
	Scope, Op string // where in the network, which kernel
	FLOPs     float64
	Time      time.Duration
}

// Profile is how long each step of a run took. It means something on an engine that
// has done a kernel's work when Launch returns, as a CPU has.
type Profile []StepTime

// Profile runs the program and times its steps.
func (v *VM) Profile(ctx context.Context) (Profile, error) {
	p := make(Profile, 0, len(v.p.launch))
	last := time.Now()
	err := v.run(ctx, func(i int) {
		l, now := &v.p.launch[i], time.Now()
		p = append(p, StepTime{l.scope, opName(l.op), flops(l.op), now.Sub(last)})
		last = now
	})
	return p, err
}

// String sums up by kernel, the longest first.
func (p Profile) String() string {
	byOp := map[string]*StepTime{}
	count := map[string]int{}
	var total time.Duration
	for _, s := range p {
		if byOp[s.Op] == nil {
			byOp[s.Op] = &StepTime{Op: s.Op}
		}
		byOp[s.Op].FLOPs += s.FLOPs
		byOp[s.Op].Time += s.Time
		count[s.Op]++
		total += s.Time
	}
	ops := slices.SortedFunc(maps.Values(byOp), func(a, b *StepTime) int { return cmp.Compare(b.Time, a.Time) })
	var b strings.Builder
	for _, s := range ops {
		fmt.Fprintf(&b, "%-20s %5d steps %12v %5.1f %% %8.1f GFLOPS\n", s.Op, count[s.Op], s.Time.Round(time.Microsecond),
			100*float64(s.Time)/float64(max(total, 1)), s.FLOPs/float64(max(s.Time, 1)))
	}
	return b.String()
}
