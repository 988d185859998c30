package train

import (
	"math"

	"github.com/easel-go/easel/internal/fault"
)

// Schedule changes the learning rate from step to step, as diffusers 0.36
// (optimization.py, get_scheduler).
type Schedule struct {
	// Name is constant, constant_with_warmup, linear, cosine, cosine_with_restarts or
	// polynomial; "" means constant.
	Name string

	Warmup int     // steps in which the rate grows from 0
	Steps  int     // of the whole training; for linear, cosine and polynomial
	Cycles float64 // of cosine, 0 means ½; of cosine_with_restarts, 0 means 1
	Power  float64 // of polynomial, 0 means 1
	End    float64 // learning rate that polynomial ends with, 0 means 1e-7
}

// Check returns an error for a name that is none.
func (s Schedule) Check() error {
	switch s.Name {
	case "", "constant", "constant_with_warmup", "linear", "cosine", "cosine_with_restarts", "polynomial":
		if s.Warmup < 0 || s.Steps < 0 {
			return fault.Newf(fault.Invalid, "train", "schedule of %d steps with %d to warm up", s.Steps, s.Warmup)
		}
		return nil
	}
	return &fault.Error{Kind: fault.Unsupported, Op: "train", What: "schedule", Have: s.Name,
		Want: "constant, constant_with_warmup, linear, cosine, cosine_with_restarts or polynomial"}
}

// Rate returns the learning rate of a step, counted from 0.
func (s Schedule) Rate(base float64, step int) float64 {
	if s.Name == "" || s.Name == "constant" {
		return base
	}
	if step < s.Warmup {
		return base * (float64(step) / float64(max(1, s.Warmup)))
	}
	progress := float64(step-s.Warmup) / float64(max(1, s.Steps-s.Warmup))
	switch s.Name {
	case "linear":
		return base * max(0, float64(s.Steps-step)/float64(max(1, s.Steps-s.Warmup)))
	case "cosine":
		return base * max(0, 0.5*(1+math.Cos(math.Pi*orElse(s.Cycles, 0.5)*2*progress)))
	case "cosine_with_restarts":
		if progress >= 1 {
			return 0
		}
		return base * max(0, 0.5*(1+math.Cos(math.Pi*math.Mod(orElse(s.Cycles, 1)*progress, 1))))
	case "polynomial":
		end := orElse(s.End, 1e-7)
		if step > s.Steps {
			return end
		}
		return (base-end)*math.Pow(1-progress, orElse(s.Power, 1)) + end
	}
	return base
}
