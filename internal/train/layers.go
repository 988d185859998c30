package train

import (
	"fmt"
	"strings"

	"gorgonia.org/tensor"

	"github.com/easel-go/easel/internal/fault"
	"github.com/easel-go/easel/internal/model"
	"github.com/easel-go/easel/internal/nn"
	"github.com/easel-go/easel/internal/rng"
)

// Layer is a layer of a network that an adapter may change.
type Layer struct {
	Part   string // the text encoder that it is of: text_encoder or text_encoder_2; "" for the UNet
	Name   string // within its network, diffusers' spelling
	Weight *nn.Param

	deltas *[]*nn.Delta
}

// Match returns the linear layers and convolutions below root whose name is a target,
// or ends with one behind a dot (peft 0.21 tuners/tuners_utils.py,
// check_target_module_exists), in the order of torch's named_modules.
func Match(root any, targets []string) []Layer {
	var layers []Layer
	for name, l := range nn.Walk[any](root) {
		switch l := l.(type) {
		case *nn.Linear:
			layers = append(layers, Layer{Name: name, Weight: l.Weight, deltas: &l.Deltas})
		case *nn.Conv2D:
			layers = append(layers, Layer{Name: name, Weight: l.Weight, deltas: &l.Deltas})
		}
	}
	matched := layers[:0]
	for _, l := range layers {
		for _, t := range targets {
			if l.Name == t || strings.HasSuffix(l.Name, "."+t) {
				matched = append(matched, l)
				break
			}
		}
	}
	return matched
}

// MatchTexts is Match in the text encoders of a bundle, CLIP's, one after the other.
func MatchTexts(b *model.Bundle, targets []string) []Layer {
	var layers []Layer
	for i, te := range b.Text {
		for _, l := range Match(te.CLIP, targets) {
			l.Part = []string{"text_encoder", "text_encoder_2"}[min(i, 1)]
			layers = append(layers, l)
		}
	}
	return layers
}

// Init says what an adapter begins with.
type Init struct {
	Rank  int
	Alpha float64

	// Draw gives the numbers, as torch's default generator would after manual_seed.
	Draw *rng.Torch

	// Kaiming draws A evenly from ±1/√in, peft's default. Otherwise A is normal with
	// deviation 1/rank, peft's "gaussian".
	Kaiming bool

	// Half rounds A to the half type that its layer's weight is stored in, as peft does.
	Half bool
}

// Adapter is the matrices in training, in the order of their layers.
type Adapter struct {
	Layers []Layer
	A, B   []*nn.Param // float32: [r, in] and [out, r], or [r, in, k, k] and [out, r, 1, 1]
	deltas []*nn.Delta
}

// Attach adds an adapter to layers: A as drawn, B zero. The change begins as none.
//
// Each layer takes r·in and out·r uniforms first, which peft draws for linear layers
// and throws away (0.21 tuners/lora/layer.py, update_layer and reset_lora_parameters),
// then A.
func Attach(layers []Layer, in Init) (*Adapter, error) {
	switch {
	case len(layers) == 0:
		return nil, fault.Newf(fault.Missing, "train", "no layer matches the targets")
	case in.Rank < 1 || in.Rank > 4096:
		return nil, fault.Newf(fault.Invalid, "train", "rank %d, want 1 to 4096", in.Rank)
	case !(in.Alpha > 0 && in.Alpha < 1e9):
		return nil, fault.Newf(fault.Invalid, "train", "alpha %v, want a positive number", in.Alpha)
	case in.Draw == nil:
		in.Draw = &rng.Torch{}
	}
	a := &Adapter{Layers: layers}
	for _, l := range layers {
		s := l.Weight.Shape
		down, up := tensor.Shape{in.Rank, s[1]}, tensor.Shape{s[0], in.Rank}
		if len(s) == 4 {
			down, up = tensor.Shape{in.Rank, s[1], s[2], s[3]}, tensor.Shape{s[0], in.Rank, 1, 1}
		}
		first := in.draw(down.TotalSize(), up.TotalSize())
		if in.Half {
			roundTo(first, l.Weight.Value.Dtype())
		}
		name := strings.TrimPrefix(l.Part+"."+l.Name, ".")
		pa := param(name+".lora_A", down, first)
		pb := param(name+".lora_B", up, make([]float32, up.TotalSize()))
		d := &nn.Delta{Change: &nn.LowRank{Down: pa, Up: pb}, Factor: float32(in.Alpha / float64(in.Rank)), Trainable: true}
		*l.deltas = append(*l.deltas, d)
		a.A, a.B, a.deltas = append(a.A, pa), append(a.B, pb), append(a.deltas, d)
	}
	return a, nil
}

// Detach takes the adapter off its layers.
func (a *Adapter) Detach() {
	for i, l := range a.Layers {
		var rest []*nn.Delta
		for _, d := range *l.deltas {
			if d != a.deltas[i] {
				rest = append(rest, d)
			}
		}
		*l.deltas = rest
	}
}

// Params returns A and B of the first layer, of the second, and so on: torch's order
// of parameters.
func (a *Adapter) Params() []*nn.Param {
	var p []*nn.Param
	for i := range a.A {
		p = append(p, a.A[i], a.B[i])
	}
	return p
}

// Set gives a parameter other values.
func (a *Adapter) Set(p *nn.Param, values []float32) error {
	v := data(p)
	if len(values) != len(v) {
		return &fault.Error{Kind: fault.Shape, Op: "train", What: p.Name, Have: fmt.Sprintf("%d values", len(values)), Want: fmt.Sprint(p.Shape)}
	}
	copy(v, values)
	return nil
}

func param(name string, shape tensor.Shape, v []float32) *nn.Param {
	return &nn.Param{Name: name, Shape: shape, Value: tensor.New(tensor.WithShape(shape...), tensor.WithBacking(v))}
}

// data is the memory of a parameter in training.
func data(p *nn.Param) []float32 { return p.Value.Data().([]float32) }
