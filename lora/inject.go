package lora

import (
	"context"
	"fmt"
	"math"
	"slices"
	"sync/atomic"

	"github.com/easel-go/easel/diffusion"
	"github.com/easel-go/easel/internal/fault"
	"github.com/easel-go/easel/internal/model"
	"github.com/easel-go/easel/internal/nn"
)

// InjectOption changes how Inject puts an adapter into a pipeline.
type InjectOption func(*injectOptions) error

type injectOptions struct {
	scale   float64
	blocks  Blocks
	partial bool
}

// WithScale multiplies the adapter's effect. The default is 1; 0 switches it off, and
// negative numbers turn it round.
func WithScale(s float64) InjectOption {
	return func(o *injectOptions) error {
		o.scale = s
		return checkScale(s)
	}
}

// WithBlocks gives the blocks of the UNet weights of their own.
func WithBlocks(b Blocks) InjectOption {
	return func(o *injectOptions) error {
		o.blocks = b
		return b.check()
	}
}

// SkipMissing leaves out layers that the pipeline does not have; Injection.Skipped
// lists them. Without it they are an error. An adapter of which nothing matches is
// one in any case.
func SkipMissing() InjectOption {
	return func(o *injectOptions) error { o.partial = true; return nil }
}

func checkScale(s float64) error {
	if math.IsNaN(s) || math.Abs(s) > 1e6 {
		return fault.Newf(fault.Invalid, "lora", "scale %v, want a number", s)
	}
	return nil
}

// Inject adds an adapter to a pipeline, on top of those that are there: UNet and text
// encoders, as far as the adapter has them. Adapters add up. It waits for the run in
// progress.
//
// Errors: Missing when layers are not in the pipeline, with the list; Shape when the
// adapter is for a model of another size; Unsupported for numbered layers that cannot
// be told.
func Inject(p *diffusion.Pipeline, a *Adapter, opts ...InjectOption) (*Injection, error) {
	if p == nil || a == nil {
		return nil, &fault.Error{Kind: fault.Invalid, Op: "lora", What: "pipeline or adapter", Have: "nil", Want: "both"}
	}
	var in *Injection
	err := p.Exclusive(context.Background(), func(b *model.Bundle) (err error) {
		in, err = inject(b, a, opts...)
		return err
	})
	if err != nil {
		return nil, err
	}
	in.pipe = p
	return in, nil
}

// Injection is an adapter at work in a pipeline. Its methods wait for the run in
// progress; they are not to be called from several goroutines at once.
type Injection struct {
	pipe    *diffusion.Pipeline
	bundle  *model.Bundle
	adapter *Adapter
	scale   float64
	blocks  Blocks
	places  []*place
	groups  map[string]string // name of a scale → its group
	skipped []string
	state   state
}

type state uint8

const (
	active state = iota
	removed
	merged
)

// place is a change at its layer.
type place struct {
	target  *target
	layer   *layer
	delta   *nn.Delta
	rescale *rescale // nil but for DoRA
	group   string
}

// injections counts, so that the scales of all have names of their own.
var injections atomic.Int64

func inject(b *model.Bundle, a *Adapter, opts ...InjectOption) (*Injection, error) {
	o := injectOptions{scale: 1}
	for _, opt := range opts {
		if err := opt(&o); err != nil {
			return nil, err
		}
	}
	n, err := namesOf(b)
	if err != nil {
		return nil, err
	}
	targets, absent, err := n.resolve(a)
	if err != nil {
		return nil, err
	}
	if len(absent) == len(a.layers) || len(absent) > 0 && !o.partial {
		return nil, &fault.Error{Kind: fault.Missing, Op: "lora", Where: a.path, What: fmt.Sprintf("%d of %d layers", len(absent), len(a.layers)),
			Have: "are not in the " + string(b.Family()) + " pipeline: " + few(absent), Want: "an adapter for this model, or SkipMissing for some"}
	}
	in := &Injection{bundle: b, adapter: a, scale: o.scale, blocks: o.blocks, groups: map[string]string{}, skipped: absent}
	prefix := fmt.Sprintf("lora.%d", injections.Add(1))
	for i, t := range targets {
		if t == nil {
			continue
		}
		p, err := in.place(n, t, a.layers[i], prefix)
		if err != nil {
			return nil, named(err, a.path)
		}
		in.places = append(in.places, p)
	}
	for _, p := range in.places {
		d := p.target.deltas()
		*d = append(*d, p.delta)
	}
	in.setScales()
	b.Changed()
	return in, nil
}

// place makes the delta of one layer. Layers of one group share a scale.
func (in *Injection) place(n *names, t *target, l *layer, prefix string) (*place, error) {
	at := prefix + "." + t.String()
	c, err := l.change(at, t.weight().Shape)
	if err != nil {
		return nil, err
	}
	p := &place{target: t, layer: l, group: n.group(t)}
	p.delta = &nn.Delta{Change: c, Factor: float32(l.factor()), Scale: prefix + "/" + p.group}
	for _, r := range []role{upBias, diffBias} {
		if v := l.parts[r]; v != nil {
			p.delta.Bias = l.param(at, r, dense([]int{v.DataSize()}, numbers(v)))
		}
	}
	if l.parts[magnitude] != nil {
		if p.rescale, err = l.newRescale(t, at); err != nil {
			return nil, err
		}
		p.rescale.delta(p.delta)
		if !l.peft {
			p.delta.Scale += "/on"
		}
	}
	in.groups[p.delta.Scale] = p.group
	return p, nil
}

// setScales gives the programs' inputs their values, and DoRA's rows their factors.
func (in *Injection) setScales() {
	for name, group := range in.groups {
		s := float32(in.scale * in.blocks.weight(group))
		if len(name) > 3 && name[len(name)-3:] == "/on" && s != 0 {
			s = 1 // the factors hold the scale
		}
		in.bundle.Scales[name] = s
	}
	for _, p := range in.places {
		if p.rescale != nil {
			p.rescale.set(in.scale * in.blocks.weight(p.group))
		}
	}
}

// exclusive runs f between the pipeline's runs, if the injection is still at work.
func (in *Injection) exclusive(f func()) error {
	run := func(*model.Bundle) error {
		if in.state != active {
			have := map[state]string{removed: "was removed", merged: "was merged into the weights"}[in.state]
			return &fault.Error{Kind: fault.Closed, Op: "lora", Where: in.adapter.path, What: "the adapter", Have: have}
		}
		f()
		return nil
	}
	if in.pipe == nil {
		return run(in.bundle)
	}
	return in.pipe.Exclusive(context.Background(), run)
}

// Adapter returns what was injected.
func (in *Injection) Adapter() *Adapter { return in.adapter }

// Scale returns the scale.
func (in *Injection) Scale() float64 { return in.scale }

// Skipped lists the layers of the adapter that the pipeline does not have.
func (in *Injection) Skipped() []string { return slices.Clone(in.skipped) }

// Layers lists the layers of the pipeline that the adapter changes, in diffusers'
// names: "unet.mid_block.attentions.0.…".
func (in *Injection) Layers() []string {
	var s []string
	for _, p := range in.places {
		s = append(s, p.target.String())
	}
	return s
}

// SetScale multiplies the adapter's effect by s from the next picture on; nothing is
// built anew.
func (in *Injection) SetScale(s float64) error {
	if err := checkScale(s); err != nil {
		return err
	}
	return in.exclusive(func() {
		in.scale = s
		in.setScales()
	})
}

// SetBlocks replaces the weights of the UNet's blocks; nil means 1 for all.
func (in *Injection) SetBlocks(b Blocks) error {
	if err := b.check(); err != nil {
		return err
	}
	return in.exclusive(func() {
		in.blocks = b
		in.setScales()
	})
}

// Remove takes the adapter out again. The pipeline paints as it did before, to the
// bit. After that, and after Merge, the Injection answers with an error of kind Closed.
func (in *Injection) Remove() error {
	return in.exclusive(func() {
		in.detach()
		in.state = removed
	})
}

// detach takes the deltas off their layers.
func (in *Injection) detach() {
	for _, p := range in.places {
		d := p.target.deltas()
		*d = slices.DeleteFunc(slices.Clone(*d), func(d *nn.Delta) bool { return d == p.delta })
	}
	for name := range in.groups {
		delete(in.bundle.Scales, name)
	}
	in.bundle.Changed()
}
