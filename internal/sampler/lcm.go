package sampler

import (
	"fmt"
	"math"
)

// distilled is what configs of few-step networks share: a schedule of OriginalSteps
// with which they were distilled, of which a run takes some.
type distilled struct {
	training
	clipping
	Prediction    Prediction `json:"prediction_type"`
	OriginalSteps int        `json:"original_inference_steps"`
	AlphaToOne    bool       `json:"set_alpha_to_one"` // read, without effect, as are the next two
	Spacing       string     `json:"timestep_spacing"`
	Offset        int        `json:"steps_offset"`
	Scaling       float64    `json:"timestep_scaling"`
	ZeroSNR       bool       `json:"rescale_betas_zero_snr"`
}

var distilledDefaults = distilled{training: sdDefaults, clipping: noClipping, Prediction: Epsilon, OriginalSteps: 50, AlphaToOne: true, Spacing: leading, Scaling: 10}

func (c *distilled) table() (*Schedule, error) {
	if c.OriginalSteps < 1 || c.OriginalSteps > c.training.Steps {
		return nil, invalid("original_inference_steps", c.OriginalSteps, fmt.Sprintf("1 to num_train_timesteps, %d", c.training.Steps))
	}
	if err := firstError(c.clipping.check(), c.Prediction.check(Epsilon, VPrediction, SamplePrediction)); err != nil {
		return nil, err
	}
	return c.training.schedule(rescaled.when(c.ZeroSNR))
}

// timesteps takes n of the schedule of distillation, evenly from its noisy end.
func (c *distilled) timesteps(s *Schedule, st Steps) ([]int, error) {
	if err := st.only(byTimesteps, byDistillation); err != nil {
		return nil, err
	}
	if st.Timesteps != nil {
		if st.Reach != 0 {
			return nil, invalid("reach", st.Reach, "0 with given timesteps")
		}
		if err := firstError(st.given(s.Len()), st.whole()); err != nil {
			return nil, err
		}
		return s.whole(st.Timesteps)
	}
	of := c.OriginalSteps
	if st.OriginalSteps != 0 {
		of = st.OriginalSteps
	}
	if of > s.Len() {
		return nil, invalid("original steps", of, fmt.Sprintf("at most %d", s.Len()))
	}
	origin := originSteps(s.Len()/of, of, st.Reach)
	if err := st.count(len(origin)); err != nil {
		return nil, err
	}
	t := make([]int, st.N)
	for i := range t {
		t[i] = origin[len(origin)-1-int(float64(i)*(float64(len(origin))/float64(st.N)))]
	}
	return t, nil
}

// originSteps are the ends of `of` parts of the schedule, ascending, of which reach are
// used.
func originSteps(stride, of int, reach float64) []int {
	if reach == 0 {
		reach = 1
	}
	t := make([]int, int(float64(of)*reach))
	for i := range t {
		t[i] = (i+1)*stride - 1
	}
	return t
}

// lcm is consistency sampling: guess the picture, add fresh noise of the next step's
// amount, and so on; the last guess stays (Luo et al. 2023, algorithm 3; LCMScheduler of
// diffusers). The answer is after guidance, if any: LCM networks mostly have it inside.
type lcm struct{ distilled }

func newLCM() rule { return &lcm{distilledDefaults} }

func (c *lcm) plan(s *Schedule, st Steps) (*Plan, error) {
	t, err := c.timesteps(s, st)
	if err != nil {
		return nil, err
	}
	begin, err := st.start(len(t))
	if err != nil {
		return nil, err
	}
	p := &Plan{init: 1, order: 1, bound: c.clipping.bound()}
	for i := begin; i < len(t); i++ {
		n := len(p.calls)
		l := levelOf(s.alphaBar[t[i]])
		u := update{from: n, models: []weight{{n, 1}}}
		if i+1 < len(t) {
			next := levelOf(s.alphaBar[t[i+1]])
			u.models[0].w, u.noise, u.draws = next.Signal, next.Noise, true
		}
		p.add(call{timestep: float64(t[i]), level: l, guess: c.Prediction.picture(l), keep: c.boundary(t[i]), next: u})
	}
	return p, nil
}

// boundary mixes sample and guess so that at timestep 0 the sample itself stays (Song et
// al. 2023, appendix C, with the data's spread 0.5).
func (c *lcm) boundary(t int) mix {
	scaled := float64(t) * c.Scaling
	v := scaled*scaled + 0.25
	return mix{0.25 / v, scaled / math.Sqrt(v)}
}
