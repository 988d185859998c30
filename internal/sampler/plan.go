package sampler

import (
	"fmt"
	"math"
	"slices"

	"github.com/easel-go/easel/internal/fault"
)

// Steps asks for a run. N, or Timesteps, or Sigmas must be set, and only one.
type Steps struct {
	// N is the number of steps as users count them: 20 to 50 for most samplers, 4 to 8
	// for LCM and TCD. A sampler that calls the network more than once a step makes
	// more calls, see Plan.Len.
	N int

	// Timesteps gives the steps outright, descending; for the samplers that
	// diffusers allows it for (DDPM, Euler, Heun, DPM++ multistep and singlestep, LCM,
	// TCD).
	Timesteps []float64

	// Sigmas gives the steps as noise levels, descending, the last one where the run
	// ends (0 mostly); for Euler only, as in diffusers.
	Sigmas []float64

	// Strength, in (0,1], is how much of a given picture image-to-image redoes; 0 means
	// 1. diffusers' samplers leave out the first steps and make min(⌊N·Strength⌋, N);
	// DiffSynth's spreads all N over the part of the schedule that is left. None left is
	// an error.
	Strength float64

	// Begin leaves out the first steps outright; Strength 0 goes with it.
	Begin int

	// Reach, in (0,1], is the share of the distillation schedule that LCM and TCD use
	// (the argument strength of their set_timesteps in diffusers); 0 means 1.
	Reach float64

	// OriginalSteps is the number of steps a network was distilled with, for LCM and
	// TCD; 0 means what the config says.
	OriginalSteps int
}

// Plan is one run, worked out: call i shows the network the latents times
// InputScale(i) at Timestep(i), and Run.Step takes its answer. It is immutable, and
// any number of runs may follow one Plan at a time.
type Plan struct {
	calls  []call
	sigmas []float64 // the noise levels of the whole schedule, where the sampler has them
	init   float64
	order  int
	bound  bound
	freed  [][]slot // what no call after i needs
}

// call is one call of the network, and what follows from its answer.
type call struct {
	timestep float64
	scale    float64 // of the latents the network sees; 0 means 1
	level    Level   // of a picture that enters the run here

	// From answer to reference: picture = guess(sample, answer), bounded; and
	// model = keep(sample, picture).
	guess mix
	keep  mix

	correct *update // of the sample by the new reference, before the next one is made
	next    update

	saved, wanted bool // a later call needs the sample, the reference is needed at all
}

// update makes a sample: sample·S(from) + Σ weight·M(call) + out·answer + noise·fresh,
// with S the sample and M the reference of an earlier call.
type update struct {
	from   int
	sample float64
	models []weight
	out    float64
	noise  float64
	draws  bool // fresh noise is asked for, be its weight 0
}

type weight struct {
	call int
	w    float64
}

// slot is a vector of a Run: the sample or the reference of a call.
type slot struct {
	model bool
	call  int
}

// The references of most samplers: the picture, or the network's answer itself.
var (
	keepPicture = mix{0, 1}
	wholeAnswer = mix{0, 1}
)

// Len returns the number of network calls of the run.
func (p *Plan) Len() int { return len(p.calls) }

// Order returns the number of network calls per step, 1 or 2. The last step of a
// sampler of order 2 is a single call.
func (p *Plan) Order() int { return p.order }

// Timestep returns what the network is told at call i, in 0 … Len()−1 here and below. It
// is whole for most samplers; Euler's and its kin's may lie between.
func (p *Plan) Timestep(i int) float64 { return p.calls[i].timestep }

// Timesteps returns the timesteps of all calls.
func (p *Plan) Timesteps() []float64 {
	t := make([]float64, len(p.calls))
	for i, c := range p.calls {
		t[i] = c.timestep
	}
	return t
}

// Sigmas returns the noise levels of the whole schedule, skipped steps and the final
// level included, for samplers that have them; nil otherwise. They are for tables and
// plots: a run needs none of them.
func (p *Plan) Sigmas() []float64 { return slices.Clone(p.sigmas) }

// InitNoiseSigma is what the first noise is multiplied by when a run starts from
// noise alone.
func (p *Plan) InitNoiseSigma() float64 { return p.init }

// InputScale is what the network's view of the latents is multiplied by at call i.
func (p *Plan) InputScale(i int) float64 {
	if s := p.calls[i].scale; s != 0 {
		return s
	}
	return 1
}

// Level returns how a picture is noised to enter the run before call i: what
// image-to-image starts from (i = 0), and what inpainting puts around its mask after
// call i−1.
func (p *Plan) Level(i int) Level { return p.calls[i].level }

// Draws returns the number of times the run asks for noise after the first.
func (p *Plan) Draws() int {
	n := 0
	for _, c := range p.calls {
		if c.next.draws {
			n++
		}
	}
	return n
}

// Err tells before the run what [Run.Step] would tell in it: a call whose
// coefficients are not finite. Some settings lead there that diffusers accepts and
// then paints NaN with, such as UniPC without lower_order_final down to σ = 0.
func (p *Plan) Err() error {
	for i := range p.calls {
		if err := p.finite(i); err != nil {
			return err
		}
	}
	return nil
}

func (p *Plan) finite(i int) error {
	c := &p.calls[i]
	ok := finite(c.guess.x, c.guess.y, c.keep.x, c.keep.y) && c.next.finite() && (c.correct == nil || c.correct.finite())
	if ok {
		return nil
	}
	return &fault.Error{Kind: fault.NotFinite, Op: "sampler", What: fmt.Sprintf("call %d of %d at timestep %g", i, len(p.calls), c.timestep),
		Have: "has coefficients that are not finite", Want: "settings that are defined there (a final sigma above 0, a lower order at the end, another prediction_type)"}
}

func (u *update) finite() bool {
	for _, m := range u.models {
		if !finite(m.w) {
			return false
		}
	}
	return finite(u.sample, u.out, u.noise)
}

func finite(x ...float64) bool {
	for _, v := range x {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return false
		}
	}
	return true
}

func (p *Plan) add(c call) { p.calls = append(p.calls, c) }

// finish drops references that weigh nothing and notes when each vector is last used.
func (p *Plan) finish() *Plan {
	last := map[slot]int{}
	for i := range p.calls {
		c := &p.calls[i]
		for _, u := range []*update{c.correct, &c.next} {
			if u == nil {
				continue
			}
			u.models = slices.DeleteFunc(u.models, func(m weight) bool { return m.w == 0 })
			for _, m := range u.models {
				last[slot{true, m.call}] = i
			}
			if u.from < i {
				last[slot{false, u.from}] = i
			}
		}
	}
	p.freed = make([][]slot, len(p.calls))
	for s, i := range last {
		p.freed[i] = append(p.freed[i], s)
	}
	for i := range p.calls {
		_, p.calls[i].saved = last[slot{false, i}]
		_, p.calls[i].wanted = last[slot{true, i}]
	}
	return p
}
