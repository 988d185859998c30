package train

import (
	"math"

	"github.com/easel-go/easel/internal/fault"
)

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
