package lora

import (
	"gorgonia.org/tensor"

	"github.com/easel-go/easel/internal/nn"
)

// Merge adds the adapter at its present scale to the weights, which then costs nothing
// to run. The layers it touches get weights of their own in memory, in float32; the
// others stay as they are. It can be taken back only by opening the model again.
func (in *Injection) Merge() error {
	var failed error
	err := in.exclusive(func() {
		var done []func()
		for _, p := range in.places {
			set, err := p.merged(in.scale * in.blocks.weight(p.group))
			if err != nil {
				failed = err
				return
			}
			done = append(done, set)
		}
		for _, set := range done {
			set()
		}
		in.detach()
		in.state = merged
	})
	if err != nil {
		return err
	}
	return failed
}

// merged makes the weight and bias with the change in them, and returns what puts them
// into the layer.
func (p *place) merged(scale float64) (set func(), err error) {
	old := p.target.weight()
	product, err := p.layer.product(old.Shape)
	if err != nil {
		return nil, err
	}
	s := scale * p.layer.factor()
	if p.rescale != nil && !p.layer.peft && scale != 0 {
		s = p.layer.factor()
	}
	base := numbers(old.Value)
	w := make([]float32, len(base))
	for i := range w {
		w[i] = float32((float64(base[i]) + s*product[i]) * p.rescale.at(i, old.Shape))
	}
	weight := &nn.Param{Shape: old.Shape, Name: old.Name, Value: dense(old.Shape.Clone(), w)}
	bias := *p.target.bias()
	if p.delta.Bias != nil {
		bias = p.mergedBias(bias, scale*p.layer.factor())
	}
	return func() {
		p.target.setWeight(weight)
		*p.target.bias() = bias
	}, nil
}

func (p *place) mergedBias(old *nn.Param, s float64) *nn.Param {
	more := numbers(p.delta.Bias.Value)
	v := make([]float32, len(more))
	name := p.target.weight().Name + ".bias"
	if old != nil {
		copy(v, numbers(old.Value))
		name = old.Name
	}
	for i := range v {
		v[i] = float32(float64(v[i]) + s*float64(more[i]))
	}
	return &nn.Param{Shape: tensor.Shape{len(v)}, Name: name, Value: dense(tensor.Shape{len(v)}, v)}
}

// at is the factor on element i of a weight; 1 without rescaling.
func (r *rescale) at(i int, shape tensor.Shape) float64 {
	if r == nil {
		return 1
	}
	area := shape.TotalSize() / shape[0] / shape[1]
	at := i / (shape[1] * area)
	if r.columns {
		at = i / area % shape[1]
	}
	return float64(r.into.Value.Data().([]float32)[at])
}
