package train

import (
	"context"
	"fmt"
	"slices"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/easel-go/easel/internal/fault"
	"github.com/easel-go/easel/internal/model"
	"github.com/easel-go/easel/internal/nn"
)

// Options say how steps are taken.
type Options struct {
	Accumulate    int         // calls of Micro before each Update; 0 means 1
	ClipNorm      float64     // the largest length of all gradients together; 0 for any
	ClipValue     float64     // the largest gradient of one number; 0 for any
	Checkpointing bool        // forget activations and compute them again: slower, far smaller; no number changes
	Scaler        *LossScaler // nil for none
	Optimizer     *AdamW
	TextRate      float64 // learning rate of the text encoders' layers, by Optimizer.Relative; 0 means the optimizer's
	Schedule      Schedule
	MemoryLimit   int64        // bytes of activations; 0 for any
	Compute       tensor.Dtype // arithmetic of matrix products; the zero value means the bundle's
}

// Batch is what one call of Micro learns from.
type Batch struct {
	H, W    int       // of the latents
	Noisy   []float32 // [B, H, W, C]: latents with noise in them
	Target  []float32 // like Noisy: what the network is to answer
	Times   []float64 // timesteps, one a picture
	Conds   []model.Cond
	Texts   []string  // captions, one a picture, where text encoders are trained: of Conds the time ids count alone then
	Weights []float32 // of each picture in the loss; nil for 1
}

// Trainer takes steps. It belongs to one goroutine.
type Trainer struct {
	bundle  *model.Bundle
	adapter *Adapter
	o       Options
	text    bool // text encoders are trained

	programs map[shape]*program
	grads    []*tensor.Dense // sums over the calls of Micro
	solver   []gorgonia.ValueGrad
	micros   int
	updates  int // schedule's steps
}

// New returns a trainer of an adapter that is attached to the bundle's UNet and, if it
// has layers of them, to the text encoders, which must be CLIP's then.
func New(b *model.Bundle, a *Adapter, o Options) (*Trainer, error) {
	if err := o.Schedule.Check(); err != nil {
		return nil, err
	}
	o.Accumulate = max(o.Accumulate, 1)
	t := &Trainer{bundle: b, adapter: a, o: o, programs: map[shape]*program{}}
	for _, p := range a.Params() {
		g := tensor.New(tensor.Of(tensor.Float32), tensor.WithShape(p.Shape...))
		t.grads = append(t.grads, g)
		t.solver = append(t.solver, valueGrad{p.Value, g})
	}
	if t.o.Compute.Type == nil {
		t.o.Compute = b.Compute()
	}
	t.text = slices.ContainsFunc(a.Layers, func(l Layer) bool { return l.Part != "" })
	if t.text && o.TextRate > 0 {
		o.Optimizer.Relative = a.relative(o.TextRate / o.Optimizer.LearningRate)
	}
	return t, nil
}

// relative is text for the parameters of text encoders, and 1 for others.
func (a *Adapter) relative(text float64) []float64 {
	var r []float64
	for _, l := range a.Layers {
		f := 1.
		if l.Part != "" {
			f = text
		}
		r = append(r, f, f)
	}
	return r
}

// valueGrad is a parameter and its gradient as a gorgonia.Solver takes them. The
// gradient is nil where the loss does not depend on the parameter.
type valueGrad struct{ value, grad *tensor.Dense }

func (v valueGrad) Value() gorgonia.Value { return v.value }

func (v valueGrad) Grad() (gorgonia.Value, error) {
	if v.grad == nil {
		return nil, nil
	}
	return v.grad, nil
}

// Close frees the programs' memory.
func (t *Trainer) Close() {
	for _, p := range t.programs {
		p.vm.Close()
	}
	t.programs = nil
}

// Micro computes the loss of a batch and adds its gradients to those of the calls since
// the last Update. The loss is that of the batch alone, unscaled.
func (t *Trainer) Micro(ctx context.Context, b Batch) (loss float64, err error) {
	if err := t.check(b); err != nil {
		return 0, err
	}
	ins, err := t.inputs(b)
	if err != nil {
		return 0, err
	}
	p, err := t.program(t.shape(b))
	if err != nil {
		return 0, err
	}
	factor := t.factor()
	ins = append(ins, model.Input{Name: "weight", Values: b.weights(float32(factor))})
	for _, in := range append(ins, t.scales(p)...) {
		if err := p.vm.Set(in.Name, in.Values); err != nil {
			return 0, err
		}
	}
	if err := p.vm.Run(ctx); err != nil {
		return 0, err
	}
	t.collect(p)
	return float64(p.vm.Output(0)[0]) / factor, nil
}

// factor is what the program multiplies the loss by.
func (t *Trainer) factor() float64 {
	f := 1 / float64(t.o.Accumulate)
	if t.o.Scaler != nil {
		f *= t.o.Scaler.Scale
	}
	return f
}

// weights of the pictures in the loss, times factor.
func (b Batch) weights(factor float32) []float32 {
	w := make([]float32, len(b.Times))
	for i := range w {
		w[i] = factor
		if b.Weights != nil {
			w[i] *= b.Weights[i]
		}
	}
	return w
}

func (t *Trainer) check(b Batch) error {
	n := len(b.Times)
	c := t.bundle.UNet.Config()
	if n == 0 || len(b.Conds) != n || b.H < 1 || b.W < 1 || len(b.Noisy) != n*b.H*b.W*c.InChannels || len(b.Target) != n*b.H*b.W*c.OutChannels ||
		b.Weights != nil && len(b.Weights) != n || t.text && len(b.Texts) != n {
		return &fault.Error{Kind: fault.Shape, Op: "train", What: "batch", Have: fmt.Sprintf("of %d timesteps, %d conditions, %d texts, %d latents of %d×%d",
			n, len(b.Conds), len(b.Texts), len(b.Noisy), b.W, b.H), Want: "one of each for a picture"}
	}
	return nil
}

// collect adds the gradients of a run to the sums.
func (t *Trainer) collect(p *program) {
	for i, sum := range t.grads {
		s := sum.Data().([]float32)
		g := p.vm.Output(i + 2)
		if t.micros == 0 {
			copy(s, g)
			continue
		}
		for j, x := range g {
			s[j] += x
		}
	}
	t.micros++
}

// Prediction returns what the network answered in the last call of Micro for batches of
// that shape, for tests.
func (t *Trainer) Prediction(b Batch) []float32 {
	p := t.programs[t.shape(b)]
	if p == nil {
		return nil
	}
	return p.vm.Output(1)
}

// Gradients returns the sums since the last Update, in the order of Adapter.Params.
// They are still multiplied by the loss scale.
func (t *Trainer) Gradients() [][]float32 {
	var g [][]float32
	for _, d := range t.grads {
		g = append(g, d.Data().([]float32))
	}
	return g
}

// Memory returns the bytes of activations of the largest program.
func (t *Trainer) Memory() (slab int64) {
	for _, p := range t.programs {
		slab = max(slab, p.prog.SlabBytes())
	}
	return slab
}

// Steps returns how many optimiser's steps were taken, skipped ones included.
func (t *Trainer) Steps() int { return t.updates }

// SetSteps says that so many steps were taken before.
func (t *Trainer) SetSteps(n int) { t.updates = n }

// Params returns the matrices in training.
func (t *Trainer) Params() []*nn.Param { return t.adapter.Params() }
