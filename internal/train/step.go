package train

import (
	"context"
	"fmt"
	"math"
	"strings"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/easel-go/easel/internal/fault"
	"github.com/easel-go/easel/internal/graph"
	"github.com/easel-go/easel/internal/graph/op"
	"github.com/easel-go/easel/internal/graph/plan"
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
	Schedule      Schedule
	MemoryLimit   int64 // bytes of activations; 0 for any
}

// Batch is what one call of Micro learns from.
type Batch struct {
	H, W    int       // of the latents
	Noisy   []float32 // [B, H, W, C]: latents with noise in them
	Target  []float32 // like Noisy: what the network is to answer
	Times   []float64 // timesteps, one a picture
	Conds   []model.Cond
	Weights []float32 // of each picture in the loss; nil for 1
}

// Trainer takes steps. It belongs to one goroutine.
type Trainer struct {
	bundle  *model.Bundle
	adapter *Adapter
	o       Options

	programs map[shape]*program
	grads    []*tensor.Dense // sums over the calls of Micro
	solver   []gorgonia.ValueGrad
	micros   int
	updates  int // schedule's steps
}

// New returns a trainer of an adapter that is attached to the bundle's UNet.
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
	return t, nil
}

// valueGrad is a parameter and its gradient as a gorgonia.Solver takes them.
type valueGrad struct{ value, grad *tensor.Dense }

func (v valueGrad) Value() gorgonia.Value         { return v.value }
func (v valueGrad) Grad() (gorgonia.Value, error) { return v.grad, nil }

// Close frees the programs' memory.
func (t *Trainer) Close() {
	for _, p := range t.programs {
		p.vm.Close()
	}
	t.programs = nil
}

// shape is what a program was compiled for.
type shape struct {
	batch, h, w, rows int
	bias              bool
}

type program struct {
	prog *plan.Program
	vm   *plan.VM
}

// program returns the step for one shape.
func (t *Trainer) program(s shape) (*program, error) {
	if p := t.programs[s]; p != nil {
		return p, nil
	}
	g := graph.New()
	outs, err := t.build(g, s)
	if err != nil {
		return nil, err
	}
	o := plan.Options{Engine: t.bundle.Engine(), Compute: t.bundle.Compute(), MemoryLimit: t.o.MemoryLimit}
	if t.o.Checkpointing {
		o.Checkpoint = segments()
	}
	p := &program{}
	if p.prog, err = plan.Compile(g, o, outs...); err != nil {
		return nil, err
	}
	if p.vm, err = p.prog.NewVM(); err != nil {
		return nil, err
	}
	t.programs[s] = p
	return p, nil
}

// build makes the graph of loss, prediction and gradients.
func (t *Trainer) build(g *graph.Builder, s shape) (outs []*graph.Node, err error) {
	defer graph.Catch(&err)
	u := t.bundle.UNet
	in := model.UNetInputs(g, u.Config(), s.batch, s.h, s.w, s.rows, s.bias)
	pred := u.Forward(g, in)
	target := g.Input("target", tensor.Float32, g.Desc(pred).Shape...)
	loss := op.MSE(g, pred, target, g.Input("weight", tensor.Float32, s.batch))
	var wrt []*graph.Node
	for _, p := range t.adapter.Params() {
		wrt = append(wrt, p.Variable(g))
	}
	return append([]*graph.Node{loss, pred}, graph.Backprop(g, loss, wrt...)...), nil
}

// segments divides the network for checkpointing: each ResNet, transformer block and
// change of resolution is one.
func segments() func(*graph.Node) int {
	numbers := map[string]int{}
	return func(n *graph.Node) int {
		c := graph.CallOf(n)
		if c == nil || c.Backward {
			return 0
		}
		name := segment(c.Scope)
		if name == "" {
			return 0
		}
		if numbers[name] == 0 {
			numbers[name] = len(numbers) + 1
		}
		return numbers[name]
	}
}

// segment cuts a scope off behind the number of its innermost block.
func segment(scope string) string {
	words := strings.Split(scope, ".")
	end := 0
	for i := range len(words) - 1 {
		switch words[i] {
		case "resnets", "attentions", "transformer_blocks", "downsamplers", "upsamplers":
			end = i + 2
		}
	}
	return strings.Join(words[:end], ".")
}

// Micro computes the loss of a batch and adds its gradients to those of the calls since
// the last Update. The loss is that of the batch alone, unscaled.
func (t *Trainer) Micro(ctx context.Context, b Batch) (loss float64, err error) {
	if err := t.check(b); err != nil {
		return 0, err
	}
	u := t.bundle.UNet
	p, err := t.program(shape{len(b.Times), b.H, b.W, b.Conds[0].Rows, b.Conds[0].KeyBias != nil})
	if err != nil {
		return 0, err
	}
	factor := 1 / float64(t.o.Accumulate)
	if t.o.Scaler != nil {
		factor *= t.o.Scaler.Scale
	}
	weights := make([]float32, len(b.Times))
	for i := range weights {
		weights[i] = float32(factor)
		if b.Weights != nil {
			weights[i] *= b.Weights[i]
		}
	}
	ins := append(model.CondInputs(u, b.Conds), model.Input{Name: "sample", Values: b.Noisy}, model.Input{Name: "target", Values: b.Target},
		model.Input{Name: "time", Values: u.TimeFeatures(b.Times)}, model.Input{Name: "weight", Values: weights})
	ins = append(ins, t.scales(p)...)
	for _, in := range ins {
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

// scales are the inputs of adapters that are at work beside the one in training.
func (t *Trainer) scales(p *program) []model.Input {
	var ins []model.Input
	for _, in := range p.prog.Inputs() {
		if s, ok := t.bundle.Scales[in.Name]; ok {
			ins = append(ins, model.Input{Name: in.Name, Values: []float32{s}})
		}
	}
	return ins
}

func (t *Trainer) check(b Batch) error {
	n := len(b.Times)
	c := t.bundle.UNet.Config()
	if n == 0 || len(b.Conds) != n || b.H < 1 || b.W < 1 || len(b.Noisy) != n*b.H*b.W*c.InChannels || len(b.Target) != n*b.H*b.W*c.OutChannels ||
		b.Weights != nil && len(b.Weights) != n {
		return &fault.Error{Kind: fault.Shape, Op: "train", What: "batch", Have: fmt.Sprintf("of %d timesteps, %d conditions, %d latents of %d×%d",
			n, len(b.Conds), len(b.Noisy), b.W, b.H), Want: "one of each for a picture"}
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
	p := t.programs[shape{len(b.Times), b.H, b.W, b.Conds[0].Rows, b.Conds[0].KeyBias != nil}]
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

// Update is what one optimiser's step did.
type Update struct {
	Norm    float64 // length of all gradients together, before clipping
	Rate    float64 // learning rate
	Skipped bool    // gradients were not finite: nothing was changed
}

// Update takes the optimiser's step with the gradients gathered since the last one.
func (t *Trainer) Update() (Update, error) {
	u := Update{Rate: t.o.Schedule.Rate(t.o.Optimizer.LearningRate, t.updates)}
	if t.micros == 0 {
		return u, fault.Newf(fault.Invalid, "train", "a step without gradients")
	}
	t.micros = 0
	factor := 1.
	if t.o.Scaler != nil {
		factor = 1 / t.o.Scaler.Scale
	}
	u.Norm = t.norm() * factor
	u.Skipped = math.IsNaN(u.Norm) || math.IsInf(u.Norm, 0)
	if t.o.Scaler != nil {
		t.o.Scaler.Update(!u.Skipped)
	}
	t.updates++
	if u.Skipped {
		return u, nil
	}
	t.clip(factor, u.Norm)
	base := t.o.Optimizer.LearningRate
	t.o.Optimizer.LearningRate = u.Rate
	err := t.o.Optimizer.Step(t.solver)
	t.o.Optimizer.LearningRate = base
	return u, err
}

// norm is the length of all gradients, summed in float64.
func (t *Trainer) norm() float64 {
	var sum float64
	for _, g := range t.Gradients() {
		for _, x := range g {
			sum += float64(x) * float64(x)
		}
	}
	return math.Sqrt(sum)
}

// clip multiplies the gradients by factor and shortens them, as torch's
// clip_grad_norm_ and clip_grad_value_.
func (t *Trainer) clip(factor, norm float64) {
	if t.o.ClipNorm > 0 {
		factor *= min(1, t.o.ClipNorm/(norm+1e-6))
	}
	most := float32(t.o.ClipValue)
	for _, g := range t.Gradients() {
		if factor != 1 {
			for i := range g {
				g[i] *= float32(factor)
			}
		}
		if most > 0 {
			for i := range g {
				g[i] = min(max(g[i], -most), most)
			}
		}
	}
}

// Steps returns how many optimiser's steps were taken, skipped ones included.
func (t *Trainer) Steps() int { return t.updates }

// SetSteps says that so many steps were taken before.
func (t *Trainer) SetSteps(n int) { t.updates = n }

// Params returns the matrices in training.
func (t *Trainer) Params() []*nn.Param { return t.adapter.Params() }
