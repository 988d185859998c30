package sampler

import (
	"math"

	"github.com/easel-go/easel/internal/fault"
)

// pndm extrapolates the answers of the last four steps (pseudo linear multistep, PLMS),
// after a start by pseudo Runge–Kutta steps of four calls each, or, as Stable
// Diffusion 1.4 does it, by one step that is made twice (Liu et al. 2022, equations 9,
// 11, 12 and 13; PNDMScheduler of diffusers). A run of n steps makes n+1 calls, or n+9.
type pndm struct {
	training
	spacing
	Prediction Prediction `json:"prediction_type"`
	SkipPRK    bool       `json:"skip_prk_steps"`
	AlphaToOne bool       `json:"set_alpha_to_one"`
}

func newPNDM() rule {
	return &pndm{training: linearDefaults, spacing: spacing{Spacing: leading}, Prediction: Epsilon}
}

func (c *pndm) table() (*Schedule, error) {
	if err := firstError(c.spacing.check(), c.Prediction.check(Epsilon, VPrediction)); err != nil {
		return nil, err
	}
	return c.training.schedule(asTrained)
}

// pndmRun is a plan in the making.
type pndmRun struct {
	*pndm
	*Plan
	schedule *Schedule
	prk      []int // timesteps of the Runge–Kutta calls
	stride   int   // between steps
	final    float64
	slopes   []int // calls whose answers are extrapolated
}

func (c *pndm) plan(s *Schedule, st Steps) (*Plan, error) {
	t, err := wholeSteps(s, c.spacing, st)
	if err != nil {
		return nil, err
	}
	r := pndmRun{pndm: c, Plan: &Plan{init: 1, order: 1}, schedule: s, stride: s.Len() / st.N, final: s.alphaBar[0]}
	if c.AlphaToOne {
		r.final = 1
	}
	calls, err := r.calls(t)
	if err != nil {
		return nil, err
	}
	steps := len(calls)
	if st.Strength != 0 {
		steps = st.N // image-to-image leaves out calls by the number of steps
	}
	begin, err := st.start(steps)
	if err != nil {
		return nil, err
	}
	for _, t := range calls[begin:] {
		if len(r.Plan.calls) < len(r.prk) {
			r.rungeKutta(t)
		} else {
			r.multistep(t)
		}
	}
	return r.Plan, nil
}

// calls lists the timestep of each call.
func (r *pndmRun) calls(t []int) ([]int, error) {
	n := len(t)
	if r.SkipPRK {
		if n == 1 { // numpy's slices leave out what is not there
			return []int{t[0]}, nil
		}
		return append([]int{t[0], t[1]}, t[1:]...), nil
	}
	if n < 4 {
		return nil, &fault.Error{Kind: fault.Invalid, Op: "sampler", What: "number of steps", Have: "below 4", Want: "at least 4 (or skip_prk_steps)"}
	}
	half := r.stride / 2
	for i := range 3 { // each step: at its start, halfway twice, at its end
		r.prk = append(r.prk, t[i], t[i+1]+half, t[i+1]+half, t[i+1])
	}
	all := append(append([]int(nil), r.prk...), t[3:]...)
	for _, t := range all {
		if _, err := r.schedule.Level(t); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// rungeKutta plans the k-th of four calls.
func (r *pndmRun) rungeKutta(t int) {
	n := len(r.Plan.calls)
	start, k := n/4*4, n%4
	to := t - r.stride/2
	if k%2 == 1 {
		to = t
	}
	answers := []weight{{n, 1}}
	switch k {
	case 0:
		r.slopes = append(r.slopes, n)
	case 3:
		answers = []weight{{start, 1. / 6}, {start + 1, 1. / 3}, {start + 2, 1. / 3}, {start + 3, 1. / 6}}
	}
	r.step(t, r.prk[start], to, start, answers)
}

// multistep plans a step by what was answered before.
func (r *pndmRun) multistep(t int) {
	n := len(r.Plan.calls)
	if n == 1 && r.SkipPRK { // the first step once more, by the mean of both answers
		r.step(t, t+r.stride, t, 0, []weight{{0, 0.5}, {1, 0.5}})
		return
	}
	r.slopes = append(r.slopes, n)
	r.slopes = r.slopes[max(0, len(r.slopes)-4):]
	adamsBashforth := [][]float64{{1}, {3. / 2, -1. / 2}, {23. / 12, -16. / 12, 5. / 12}, {55. / 24, -59. / 24, 37. / 24, -9. / 24}}
	var answers []weight
	for k, w := range adamsBashforth[len(r.slopes)-1] {
		answers = append(answers, weight{r.slopes[len(r.slopes)-1-k], w})
	}
	r.step(t, t, t-r.stride, n, answers)
}

// step adds a call at timestep t that goes from one training step to another, from the
// sample of call base, along the given mean of answers (equation 11).
func (r *pndmRun) step(t, from, to, base int, answers []weight) {
	now, next := r.schedule.alphaOr(from, r.final), r.schedule.alphaOr(to, r.final)
	l := levelOf(now)
	along := -(next - now) / (now*math.Sqrt(1-next) + math.Sqrt(now*(1-now)*next))
	e := r.Prediction.noise(l)
	r.Plan.add(call{timestep: float64(t), level: levelOf(r.schedule.alphaBar[t]), guess: wholeAnswer, keep: keepPicture,
		next: update{from: base, sample: math.Sqrt(next/now) + along*e.x, models: addWeights(nil, along*e.y, answers)}})
}
