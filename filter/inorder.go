package filter

import (
	"context"
	"iter"
	"sync"
)

// task is a piece of work on its way: what is to be done, and then what was made of it.
type task[T any] struct {
	in   T
	done chan T
}

// inOrder yields what work makes of each of jobs, in their order. So many workers work at
// a time; all of them have ended when the loop has.
func inOrder[T any](ctx context.Context, workers int, jobs iter.Seq[T], work func(T) T) iter.Seq[T] {
	return func(yield func(T) bool) {
		quit := make(chan struct{})
		queue, order := make(chan task[T]), make(chan task[T], 2*workers)
		var wg sync.WaitGroup
		defer wg.Wait()
		defer close(quit)
		wg.Go(func() { feed(ctx, jobs, queue, order, quit) })
		for range workers {
			wg.Go(func() {
				for t := range queue {
					t.done <- work(t.in)
				}
			})
		}
		for t := range order {
			if done, ok := <-t.done; ok && !yield(done) {
				return
			}
		}
	}
}

// feed hands out jobs, until there are no more or nobody wants them.
func feed[T any](ctx context.Context, jobs iter.Seq[T], queue, order chan<- task[T], quit <-chan struct{}) {
	defer close(queue)
	defer close(order)
	for job := range jobs {
		t := task[T]{job, make(chan T, 1)}
		for _, to := range []chan<- task[T]{order, queue} {
			select {
			case to <- t:
			case <-quit:
				close(t.done)
				return
			case <-ctx.Done():
				close(t.done)
				return
			}
		}
	}
}
