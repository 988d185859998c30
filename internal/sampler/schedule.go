package sampler

import (
	"fmt"
	"math"
	"sort"

	"github.com/easel-go/easel/internal/fault"
)

// Float is the element type of latents.
type Float interface{ float32 | float64 }

// maxTrainSteps bounds the length of a schedule, and with it what a hostile config
// can make us allocate: 100 000 steps are 3 MB.
const maxTrainSteps = 100_000

// Schedule is how noise was mixed into pictures when the network was trained. It is
// immutable. Index t is the training timestep, 0 the cleanest.
type Schedule struct {
	betas     []float64 // β, the share of noise that step t adds
	alphaBar  []float64 // ᾱ = Π(1−β), the share of the picture's variance that is left
	sigmas    []float64 // √((1−ᾱ)/ᾱ): noise per unit of picture
	logSigmas []float64
}

// Len returns the number of training timesteps: 1000 for Stable Diffusion and SDXL,
// 1100 for Kolors.
func (s *Schedule) Len() int { return len(s.alphaBar) }

// AlphaBar returns ᾱ at timestep t, which must be in 0 … Len()−1.
func (s *Schedule) AlphaBar(t int) float64 { return s.alphaBar[t] }

// Level returns how a picture is noised for training at timestep t (DDPM, Ho et al.
// 2020, equation 4; add_noise of diffusers' DDPM, DDIM, PNDM, LCM and TCD, and of
// DiffSynth): √ᾱ of the picture, √(1−ᾱ) of noise.
func (s *Schedule) Level(t int) (Level, error) {
	if t < 0 || t >= len(s.alphaBar) {
		return Level{}, invalid("timestep", t, fmt.Sprintf("0 to %d", len(s.alphaBar)-1))
	}
	return levelOf(s.alphaBar[t]), nil
}

func levelOf(alphaBar float64) Level {
	return Level{Signal: math.Sqrt(alphaBar), Noise: math.Sqrt(1 - alphaBar)}
}

// training is the part of a scheduler_config.json that says how noise was mixed in.
type training struct {
	Steps        int       `json:"num_train_timesteps"`
	BetaStart    float64   `json:"beta_start"`
	BetaEnd      float64   `json:"beta_end"`
	BetaSchedule string    `json:"beta_schedule"`
	TrainedBetas []float64 `json:"trained_betas"`
}

// The defaults of diffusers' classes; a model's file nearly always says otherwise.
var (
	linearDefaults = training{Steps: 1000, BetaStart: 1e-4, BetaEnd: 0.02, BetaSchedule: "linear"}
	kDefaults      = training{Steps: 1000, BetaStart: 0.00085, BetaEnd: 0.012, BetaSchedule: "linear"}
	sdDefaults     = training{Steps: 1000, BetaStart: 0.00085, BetaEnd: 0.012, BetaSchedule: "scaled_linear"}
)

// What is done to a schedule so that its last step is pure noise.
type zeroSNR int

const (
	asTrained  zeroSNR = iota
	rescaled           // ᾱ ends at 0
	rescaledUp         // ᾱ ends at 2⁻²⁴, so that σ stays finite (4096)
)

func (z zeroSNR) when(on bool) zeroSNR {
	if on {
		return z
	}
	return asTrained
}

// schedule works the tables out.
func (c training) schedule(z zeroSNR) (*Schedule, error) {
	if c.Steps < 1 || c.Steps > maxTrainSteps {
		return nil, invalid("num_train_timesteps", c.Steps, fmt.Sprintf("1 to %d", maxTrainSteps))
	}
	betas, err := c.betas()
	if err != nil {
		return nil, err
	}
	for t, b := range betas {
		if !(b > 0 && b <= 1) {
			return nil, invalid(fmt.Sprintf("beta %d", t), b, "a number above 0, at most 1")
		}
	}
	if z != asTrained {
		betas = rescaleZeroSNR(betas)
	}
	s := &Schedule{betas: betas, alphaBar: cumprod(betas)}
	if z == rescaledUp {
		s.alphaBar[len(betas)-1] = 0x1p-24
	}
	s.fillSigmas()
	return s, nil
}

// betas returns β per training step, rounded to float32 as diffusers' are.
func (c training) betas() ([]float64, error) {
	if c.TrainedBetas != nil {
		if len(c.TrainedBetas) != c.Steps {
			return nil, &fault.Error{Kind: fault.Shape, Op: "sampler", What: "trained_betas",
				Have: fmt.Sprintf("of length %d", len(c.TrainedBetas)), Want: fmt.Sprintf("num_train_timesteps, %d", c.Steps)}
		}
		return each(c.TrainedBetas, f32), nil
	}
	switch c.BetaSchedule {
	case "linear":
		return linspace32(c.BetaStart, c.BetaEnd, c.Steps), nil
	case "scaled_linear":
		r := linspace32(math.Sqrt(c.BetaStart), math.Sqrt(c.BetaEnd), c.Steps)
		return each(r, func(x float64) float64 { return f32(x * x) }), nil
	case "sigmoid":
		span := f32(c.BetaEnd - c.BetaStart)
		return each(linspace32(-6, 6, c.Steps), func(x float64) float64 {
			return f32(f32(f32(1/(1+math.Exp(-x)))*span) + f32(c.BetaStart))
		}), nil
	case "squaredcos_cap_v2": // Nichol and Dhariwal 2021, equation 17
		return betasFor(c.Steps, func(u float64) float64 {
			v := math.Cos((u + 0.008) / 1.008 * math.Pi / 2)
			return v * v
		}), nil
	case "exp":
		return betasFor(c.Steps, func(u float64) float64 { return math.Exp(-12 * u) }), nil
	}
	return nil, unsupported("beta_schedule", c.BetaSchedule, "linear, scaled_linear, squaredcos_cap_v2, sigmoid or exp")
}

// betasFor returns β for a schedule given as ᾱ over 0…1, at most 0.999 each.
func betasFor(n int, alphaBar func(u float64) float64) []float64 {
	b := make([]float64, n)
	for i := range b {
		b[i] = f32(min(1-alphaBar(float64(i+1)/float64(n))/alphaBar(float64(i)/float64(n)), 0.999))
	}
	return b
}

// cumprod returns ᾱ: the product of 1−β, kept in float64 and stored in float32.
func cumprod(betas []float64) []float64 {
	p := 1.0
	return each(betas, func(b float64) float64 {
		p *= f32(1 - b)
		return f32(p)
	})
}

// rescaleZeroSNR moves √ᾱ down so that it ends at 0, and stretches it so that it
// starts where it did (Lin et al. 2023, algorithm 1; rescale_zero_terminal_snr of
// diffusers).
func rescaleZeroSNR(betas []float64) []float64 {
	root := each(cumprod(betas), func(a float64) float64 { return f32(math.Sqrt(a)) })
	first, last := root[0], root[len(root)-1]
	stretch := f32(first / f32(first-last))
	bar := each(root, func(r float64) float64 {
		r = f32(f32(r-last) * stretch)
		return f32(r * r)
	})
	out := make([]float64, len(bar))
	for i := range bar {
		alpha := bar[i]
		if i > 0 {
			alpha = f32(bar[i] / bar[i-1])
		}
		out[i] = f32(1 - alpha)
	}
	return out
}

func (s *Schedule) fillSigmas() {
	s.sigmas = each(s.alphaBar, func(a float64) float64 { return f32(math.Sqrt(f32(f32(1-a) / a))) })
	s.logSigmas = each(s.sigmas, func(x float64) float64 { return f32(math.Log(x)) })
}

// sigmaAt returns σ at a fractional timestep, between its neighbours; beyond the ends
// it stays (numpy.interp).
func (s *Schedule) sigmaAt(t float64) float64 {
	last := len(s.sigmas) - 1
	switch {
	case !(t > 0):
		return s.sigmas[0]
	case t >= float64(last):
		return s.sigmas[last]
	}
	i := int(t)
	return (s.sigmas[i+1]-s.sigmas[i])*(t-float64(i)) + s.sigmas[i]
}

// timestepOf is the inverse of sigmaAt, between neighbours of log σ (_sigma_to_t of
// diffusers).
func (s *Schedule) timestepOf(sigma float64) float64 {
	if len(s.sigmas) < 2 {
		return 0
	}
	x := math.Log(max(sigma, 1e-10))
	// The last level at or below x that has one above it.
	low := max(sort.Search(s.Len()-1, func(i int) bool { return s.logSigmas[i] > x })-1, 0)
	a, b := s.logSigmas[low], s.logSigmas[low+1]
	w := min(max((a-x)/(a-b), 0), 1)
	return (1-w)*float64(low) + w*float64(low+1)
}

// f32 rounds to float32.
func f32(x float64) float64 { return float64(float32(x)) }

func each(x []float64, f func(float64) float64) []float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = f(v)
	}
	return y
}

// linspace32 is torch.linspace in float32: counted from both ends, each product and
// sum rounded once.
func linspace32(a, b float64, n int) []float64 {
	a, b = f32(a), f32(b)
	x := make([]float64, n)
	if n == 1 {
		x[0] = a
		return x
	}
	step := f32(f32(b-a) / float64(n-1))
	for i := range x {
		if i < n/2 {
			x[i] = f32(a + step*float64(i))
		} else {
			x[i] = f32(b - step*float64(n-1-i))
		}
	}
	return x
}

// linspace is numpy.linspace.
func linspace(a, b float64, n int) []float64 {
	x := make([]float64, n)
	for i := range x {
		x[i] = a
		if n > 1 {
			x[i] = float64(i)*((b-a)/float64(n-1)) + a
		}
	}
	if n > 1 {
		x[n-1] = b
	}
	return x
}

func invalid(what string, have any, want string) error {
	return &fault.Error{Kind: fault.Invalid, Op: "sampler", What: what, Have: fmt.Sprint(have), Want: want}
}

func unsupported(what string, have any, want string) error {
	return &fault.Error{Kind: fault.Unsupported, Op: "sampler", What: what, Have: fmt.Sprintf("%q", fmt.Sprint(have)), Want: want}
}
