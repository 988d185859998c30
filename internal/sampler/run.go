package sampler

import (
	"fmt"

	"github.com/easel-go/easel/internal/fault"
)

// Run is the memory of one run of a [Plan]: what earlier calls of the network left.
// It is for one goroutine at a time.
type Run[T Float] struct {
	plan     *Plan
	pictures int
	call     int
	size     int // of the latents, known from the first Step on
	samples  map[int][]T
	models   map[int][]T
	free     [][]T
	terms    [][]T // scratch of update
}

// Start begins a run of p for latents of so many pictures, one after the other in the
// slices that Step takes. Only dynamic thresholding looks at pictures one by one.
func Start[T Float](p *Plan, pictures int) *Run[T] {
	return &Run[T]{plan: p, pictures: pictures, samples: map[int][]T{}, models: map[int][]T{}}
}

// Call returns the number of calls made so far, which is the index of the next.
func (r *Run[T]) Call() int { return r.call }

// Step takes the network's answer of call Call() and moves the latents x on, in place.
// The answer is the one after guidance, of x's length, and does not overlap x. noise
// fills a slice of that length with fresh standard normal numbers; it is asked
// Plan.Draws times in a run, and may be nil where that is 0.
//
// Errors are of kind Shape, Missing (noise), NotFinite (see Plan.Err) and Invalid (a
// step past the end); x is then as it was.
func (r *Run[T]) Step(x, answer []T, noise func(dst []T)) error {
	if err := r.check(x, answer, noise != nil); err != nil {
		return err
	}
	c := &r.plan.calls[r.call]
	if c.wanted {
		r.models[r.call] = r.reference(c, x, answer)
	}
	if c.correct != nil {
		r.update(c.correct, x, answer, nil)
	}
	if c.saved {
		r.samples[r.call] = append(r.buffer()[:0], x...)
	}
	var fresh []T
	if c.next.draws {
		fresh = r.buffer()
		noise(fresh)
	}
	r.update(&c.next, x, answer, fresh)
	r.release(fresh)
	r.forget()
	r.call++
	return nil
}

func (r *Run[T]) check(x, answer []T, noise bool) error {
	shape := func(what string, have, want any) error {
		return &fault.Error{Kind: fault.Shape, Op: "sampler", What: what, Have: fmt.Sprint(have), Want: fmt.Sprint(want)}
	}
	switch {
	case r.call >= len(r.plan.calls):
		return invalid("step", r.call, fmt.Sprintf("at most %d calls", len(r.plan.calls)))
	case len(x) == 0 || r.pictures < 1 || len(x)%r.pictures != 0:
		return shape("length of the latents", len(x), fmt.Sprintf("a multiple of the number of pictures, %d", r.pictures))
	case len(answer) != len(x):
		return shape("length of the network's answer", len(answer), len(x))
	case r.call > 0 && len(x) != r.size:
		return shape("length of the latents", len(x), fmt.Sprintf("%d as before", r.size))
	case r.plan.calls[r.call].next.draws && !noise:
		return &fault.Error{Kind: fault.Missing, Op: "sampler", What: "noise", Have: "nil", Want: fmt.Sprintf("a source of it: this sampler draws it at call %d", r.call)}
	}
	r.size = len(x)
	return r.plan.finite(r.call)
}

// reference is what later calls know of this one.
func (r *Run[T]) reference(c *call, x, answer []T) []T {
	m := r.buffer()
	for i := range m {
		m[i] = T(c.guess.x*float64(x[i]) + c.guess.y*float64(answer[i]))
	}
	per := len(m) / r.pictures
	for p := range r.pictures {
		boundPicture(r.plan.bound, m[p*per:(p+1)*per])
	}
	if c.keep != keepPicture {
		for i := range m {
			m[i] = T(c.keep.x*float64(x[i]) + c.keep.y*float64(m[i]))
		}
	}
	return m
}

// update replaces x. Sums are float64, element by element, in the order of the terms.
func (r *Run[T]) update(u *update, x, answer, fresh []T) {
	from := x
	if u.from < r.call {
		from = r.samples[u.from]
	}
	r.terms = r.terms[:0]
	for _, m := range u.models {
		r.terms = append(r.terms, r.models[m.call])
	}
	for i := range x {
		sum := u.sample * float64(from[i])
		for k, m := range r.terms {
			sum += u.models[k].w * float64(m[i])
		}
		if u.out != 0 {
			sum += u.out * float64(answer[i])
		}
		if fresh != nil {
			sum += u.noise * float64(fresh[i])
		}
		x[i] = T(sum)
	}
}

// forget gives back what no later call needs.
func (r *Run[T]) forget() {
	for _, s := range r.plan.freed[r.call] {
		of := r.samples
		if s.model {
			of = r.models
		}
		r.release(of[s.call])
		delete(of, s.call)
	}
}

func (r *Run[T]) buffer() []T {
	if n := len(r.free); n > 0 {
		b := r.free[n-1]
		r.free = r.free[:n-1]
		return b
	}
	return make([]T, r.size)
}

func (r *Run[T]) release(b []T) {
	if b != nil {
		r.free = append(r.free, b)
	}
}
