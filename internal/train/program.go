package train

import (
	"slices"
	"strings"

	"gorgonia.org/tensor"

	"github.com/easel-go/easel/internal/graph"
	"github.com/easel-go/easel/internal/graph/op"
	"github.com/easel-go/easel/internal/graph/plan"
	"github.com/easel-go/easel/internal/model"
)

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
	for i, grad := range outs[2:] {
		if g.Leaf(grad) != nil { // zeros: SDXL reads no more than the first encoder's last state but one
			t.solver[i] = valueGrad{value: t.adapter.Params()[i].Value}
		}
	}
	o := plan.Options{Engine: t.bundle.Engine(), Compute: t.o.Compute, MemoryLimit: t.o.MemoryLimit}
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
	if t.text {
		in.Context, in.Pooled = t.bundle.Texts(g, s.batch)
	}
	pred := u.Forward(g, in)
	target := g.Input("target", tensor.Float32, g.Desc(pred).Shape...)
	loss := op.MSE(g, pred, target, g.Input("weight", tensor.Float32, s.batch))
	var wrt []*graph.Node
	for _, p := range t.adapter.Params() {
		wrt = append(wrt, p.Variable(g))
	}
	return append([]*graph.Node{loss, pred}, graph.Backprop(g, loss, wrt...)...), nil
}

// segments divides the network for checkpointing: each ResNet, transformer block, change
// of resolution and layer of a text encoder is one.
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
		case "resnets", "attentions", "transformer_blocks", "downsamplers", "upsamplers", "layers":
			end = i + 2
		}
	}
	return strings.Join(words[:end], ".")
}

// shape is what a batch needs a program for.
func (t *Trainer) shape(b Batch) shape {
	s := shape{batch: len(b.Times), h: b.H, w: b.W}
	if t.text {
		s.rows = t.bundle.TextRows()
	} else {
		s.rows, s.bias = b.Conds[0].Rows, b.Conds[0].KeyBias != nil
	}
	return s
}

// inputs are a program's inputs but for the weights of the loss.
func (t *Trainer) inputs(b Batch) (ins []model.Input, err error) {
	u := t.bundle.UNet
	ins = model.CondInputs(u, b.Conds)
	if t.text {
		ins = slices.DeleteFunc(ins, func(in model.Input) bool { return in.Name != "time_ids" })
		text, err := t.bundle.TextInputs(b.Texts)
		if err != nil {
			return nil, err
		}
		ins = append(ins, text...)
	}
	return append(ins, model.Input{Name: "sample", Values: b.Noisy}, model.Input{Name: "target", Values: b.Target},
		model.Input{Name: "time", Values: u.TimeFeatures(b.Times)}), nil
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
