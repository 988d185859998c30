package model

import (
	"context"
	"fmt"
	"math"

	"github.com/easel-go/easel/internal/fault"
	"github.com/easel-go/easel/internal/graph"
	"github.com/easel-go/easel/internal/graph/plan"
)

// shape is what a program was compiled for.
type shape struct {
	part              string
	batch, h, w, rows int
	variant           int // layers skipped, or whether there is a key bias
}

// programs keeps compiled networks, the latest used last.
type programs struct {
	list []*program
}

type program struct {
	shape shape
	prog  *plan.Program
	vm    *plan.VM
}

// keep is how many programs are kept besides the one in use: encoder, UNet and
// decoder of one size of picture, and of another.
const keep = 6

// vm returns the program of a network for one shape, compiled if it is not there.
func (b *Bundle) vm(s shape, build func(*graph.Builder) []*graph.Node) (*plan.VM, error) {
	if err := b.check(); err != nil {
		return nil, err
	}
	list := b.programs.list
	for i, p := range list {
		if p.shape == s {
			b.programs.list = append(append(list[:i:i], list[i+1:]...), p)
			return p.vm, b.setScales(p)
		}
	}
	prog, err := b.compile(build)
	if err != nil {
		return nil, fmt.Errorf("%s for batch %d, %d×%d: %w", s.part, s.batch, s.w, s.h, err)
	}
	if err := b.programs.makeRoom(prog.SlabBytes(), b.limit); err != nil {
		return nil, err
	}
	vm, err := prog.NewVM()
	if err != nil {
		return nil, err
	}
	p := &program{s, prog, vm}
	b.programs.list = append(b.programs.list, p)
	return vm, b.setScales(p)
}

func (b *Bundle) compile(build func(*graph.Builder) []*graph.Node) (prog *plan.Program, err error) {
	defer graph.Catch(&err)
	g := graph.New()
	outs := build(g)
	return plan.Compile(g, plan.Options{Engine: b.engine, MemoryLimit: b.limit, Compute: b.compute}, outs...)
}

// setScales gives a program the adapters' scales it asks for.
func (b *Bundle) setScales(p *program) error {
	for _, in := range p.prog.Inputs() {
		if s, ok := b.Scales[in.Name]; ok {
			if err := p.vm.Set(in.Name, []float32{s}); err != nil {
				return err
			}
		}
	}
	return nil
}

// makeRoom closes the programs used longest ago until at most keep are left and
// bytes more fit the limit.
func (p *programs) makeRoom(bytes, limit int64) error {
	for len(p.list) > 0 && (len(p.list) > keep || limit > 0 && p.bytes()+bytes > limit) {
		if err := p.list[0].vm.Close(); err != nil {
			return err
		}
		p.list = p.list[1:]
	}
	return nil
}

func (p *programs) bytes() int64 {
	var n int64
	for _, x := range p.list {
		n += x.prog.SlabBytes()
	}
	return n
}

func (p *programs) drop() {
	for _, x := range p.list {
		x.vm.Close()
	}
	p.list = nil
}

// input is a name and what it is set to.
type input struct {
	name   string
	values any
}

// run sets inputs, runs the program and returns its first output, which is valid
// until the next run.
func run(ctx context.Context, vm *plan.VM, inputs ...input) ([]float32, error) {
	for _, in := range inputs {
		if err := vm.Set(in.name, in.values); err != nil {
			return nil, err
		}
	}
	if err := vm.Run(ctx); err != nil {
		return nil, err
	}
	return vm.Output(0), nil
}

// finite returns an error that names what and the first index of a number that is
// none.
func finite(what string, x []float32) error {
	for i, v := range x {
		if v != v || math.IsInf(float64(v), 0) {
			return &fault.Error{Kind: fault.NotFinite, Op: "model", What: what, Have: fmt.Sprintf("%v at index %d of %d", v, i, len(x))}
		}
	}
	return nil
}
