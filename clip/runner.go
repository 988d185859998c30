package clip

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/easel-go/easel/internal/fault"
	"github.com/easel-go/easel/internal/graph"
	"github.com/easel-go/easel/internal/graph/plan"
	"github.com/easel-go/easel/internal/weights"
)

// runner compiles networks and runs them, for one caller at a time.
type runner struct {
	options   plan.Options
	threads   int
	precision Precision

	turn chan struct{} // holds a token while nobody runs; guards what follows

	sources  []*weights.Source
	programs []program // the latest used last
	closed   bool
}

// program is a network compiled for one shape of input.
type program struct {
	shape
	vm   *plan.VM
	slab int64
}

type shape struct {
	part        string
	batch, rows int // rows of tokens; 0 for pictures
}

// keep is how many programs are kept: the batch sizes of pictures, and as many of
// texts.
const keep = 8

// batches are the batch sizes that networks are compiled for, largest first. Any
// number of pictures is a sum of them, and a row of a batch has the bits it has alone.
var batches = []int{8, 4, 2, 1}

// batchOf returns the largest batch size not over n.
func batchOf(n int) int {
	return batches[slices.IndexFunc(batches, func(b int) bool { return b <= n })]
}

// input is the name of an input and its values.
type input struct {
	name   string
	values any
}

// run computes a network's first output and hands it to use, which must copy what it
// keeps.
func (r *runner) run(ctx context.Context, s shape, build func(*graph.Builder) *graph.Node, use func([]float32) error, inputs ...input) error {
	return r.exclusive(ctx, func() error {
		vm, err := r.vm(s, build)
		if err != nil {
			return err
		}
		for _, in := range inputs {
			if err := vm.Set(in.name, in.values); err != nil {
				return err
			}
		}
		if err := vm.Run(ctx); err != nil {
			return err
		}
		return use(vm.Output(0))
	})
}

// exclusive calls f while nobody else runs and the model is open.
func (r *runner) exclusive(ctx context.Context, f func() error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case <-r.turn:
		defer func() { r.turn <- struct{}{} }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if r.closed {
		return &fault.Error{Kind: fault.Closed, Op: "clip", What: "model"}
	}
	return f()
}

// vm returns the program for a shape, compiled if it is not there.
func (r *runner) vm(s shape, build func(*graph.Builder) *graph.Node) (*plan.VM, error) {
	if i := slices.IndexFunc(r.programs, func(p program) bool { return p.shape == s }); i >= 0 {
		p := r.programs[i]
		r.programs = append(slices.Delete(r.programs, i, i+1), p)
		return p.vm, nil
	}
	prog, err := r.compile(build)
	if err != nil {
		return nil, fmt.Errorf("clip: %s, batch of %d: %w", s.part, s.batch, err)
	}
	vm, err := prog.NewVM()
	if err != nil {
		return nil, err
	}
	if len(r.programs) == keep {
		r.programs[0].vm.Close()
		r.programs = slices.Delete(r.programs, 0, 1)
	}
	r.programs = append(r.programs, program{s, vm, prog.SlabBytes()})
	return vm, nil
}

func (r *runner) compile(build func(*graph.Builder) *graph.Node) (_ *plan.Program, err error) {
	defer graph.Catch(&err)
	g := graph.New()
	return plan.Compile(g, r.options, build(g))
}

func (r *runner) info() (device string, p Precision, mapped, slab int64) {
	<-r.turn
	defer func() { r.turn <- struct{}{} }()
	for _, s := range r.sources {
		mapped += s.Mapped()
	}
	for _, p := range r.programs {
		slab += p.slab
	}
	return r.options.Engine.Name(), r.precision, mapped, slab
}

// close frees everything. Closing again does nothing.
func (r *runner) close() error {
	<-r.turn
	defer func() { r.turn <- struct{}{} }()
	if r.closed {
		return nil
	}
	r.closed = true
	for _, p := range r.programs {
		p.vm.Close()
	}
	r.programs = nil
	err := r.options.Engine.Close()
	for _, s := range r.sources {
		if e := s.Close(); err == nil {
			err = e
		}
	}
	return err
}

// rowsOf cuts a network's output into rows of n numbers, copies, each checked.
func rowsOf(what string, x []float32, n int) ([][]float32, error) {
	for i, v := range x {
		if v != v || math.IsInf(float64(v), 0) {
			return nil, &fault.Error{Kind: fault.NotFinite, Op: "clip", What: what, Have: fmt.Sprintf("%v at index %d of row %d", v, i%n, i/n)}
		}
	}
	x = slices.Clone(x)
	return slices.Collect(slices.Chunk(x, n)), nil
}
