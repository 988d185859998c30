package diffusion

import (
	"runtime"
	"testing"
)

// TestStepsDoNotAllocate compares what a run of many steps takes from the heap with one
// of few: nothing a step but what its course is worked out with before the first.
func TestStepsDoNotAllocate(t *testing.T) {
	p := openTiny(t, WithThreads(1))
	request := func(steps int) Request { return Request{Prompt: "二次元", Steps: steps, Sampler: Euler} }
	paint := func(steps int) {
		if _, err := p.Generate(t.Context(), request(steps)); err != nil {
			t.Fatal(err)
		}
	}
	plan := func(steps int) {
		if _, err := p.newJob(request(steps)); err != nil {
			t.Fatal(err)
		}
	}
	const few, more = 4, 40
	perStep := func(f func(int)) float64 {
		return (float64(mallocs(f, few+more)) - float64(mallocs(f, few))) / more
	}
	run, planned := perStep(paint), perStep(plan)
	if run-planned > 0.2 {
		t.Errorf("%.2f allocations a step, and %.2f to plan it", run, planned)
	}
}

// mallocs counts what f takes when it is called the second time.
func mallocs(f func(int), steps int) uint64 {
	f(steps)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f(steps)
	runtime.ReadMemStats(&after)
	return after.Mallocs - before.Mallocs
}
