package lora

import (
	"math"

	"gorgonia.org/tensor"

	"github.com/easel-go/easel/internal/nn"
)

// rescale is the factor on rows, or columns, of a changed weight that DoRA adds (Liu
// and others 2024): magnitude/‖W + s·ΔW‖. It depends on the scale s, and is made again
// with it.
type rescale struct {
	into      *nn.Param // the factors
	magnitude []float32
	columns   bool
	peft      bool
	factor    float64

	// ‖W + s·ΔW‖² = base + 2·s·cross + own·s²
	base, cross, own []float64
}

func (l *layer) newRescale(t *target, prefix string) (*rescale, error) {
	w := t.weight()
	p, err := l.product(w.Shape)
	if err != nil {
		return nil, err
	}
	m := numbers(l.parts[magnitude])
	n := len(m)
	r := &rescale{
		into:      &nn.Param{Name: prefix + ".rescale", Shape: tensor.Shape{n}, Value: dense(tensor.Shape{n}, make([]float32, n))},
		magnitude: m, columns: l.perInput(w.Shape), peft: l.peft, factor: l.factor(),
		base: make([]float64, n), cross: make([]float64, n), own: make([]float64, n),
	}
	r.measure(w.Shape, numbers(w.Value), p)
	return r, nil
}

func (r *rescale) measure(shape tensor.Shape, base []float32, product []float64) {
	in := shape[1]
	area := len(base) / shape[0] / in
	for j, w := range base {
		at := j / (in * area)
		if r.columns {
			at = j / area % in
		}
		w, d := float64(w), product[j]
		r.base[at] += w * w
		r.cross[at] += w * d
		r.own[at] += d * d
	}
}

// delta puts the factors into d.
func (r *rescale) delta(d *nn.Delta) {
	if r.columns {
		d.ColScale = r.into
	} else {
		d.RowScale = r.into
	}
}

// set makes the factors for a scale. PEFT (0.21 tuners/lora/dora.py) changes the
// weight by scale·ΔW and takes the norm of that. LyCORIS (4.1 modules/locon.py) changes
// it by ΔW whatever the scale is, and mixes: scale·(magnitude/‖W+ΔW‖ − 1) + 1.
func (r *rescale) set(scale float64) {
	s := r.factor
	if r.peft {
		s *= scale
	}
	out := r.into.Value.Data().([]float32)
	for i, m := range r.magnitude {
		norm := math.Sqrt(max(r.base[i]+2*s*r.cross[i]+s*s*r.own[i], 1e-60))
		f := float64(m) / norm
		switch {
		case scale == 0:
			f = 1 // off: as if the adapter were not there
		case !r.peft:
			f = scale*(f-1) + 1
		}
		out[i] = float32(f)
	}
}
