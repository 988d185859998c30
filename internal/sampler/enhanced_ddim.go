package sampler

import "math"

// enhancedDDIM is DiffSynth-Studio's DDIM (diffsynth/schedulers/ddim.py, August 2024):
// steps reach from the very last training step to 0, and after the last the picture is
// taken for clean. Image-to-image spreads all steps over what strength leaves of the
// schedule.
type enhancedDDIM struct {
	training
	Prediction Prediction `json:"prediction_type"`
	ZeroSNR    bool       `json:"rescale_zero_terminal_snr"`
}

func newEnhancedDDIM() rule { return &enhancedDDIM{training: sdDefaults, Prediction: Epsilon} }

func (c *enhancedDDIM) table() (*Schedule, error) {
	if err := c.Prediction.check(Epsilon, VPrediction); err != nil {
		return nil, err
	}
	return c.training.schedule(rescaled.when(c.ZeroSNR))
}

func (c *enhancedDDIM) plan(s *Schedule, st Steps) (*Plan, error) {
	if err := st.only(); err != nil {
		return nil, err
	}
	t := c.timesteps(s.Len(), st)
	begin, err := Steps{Begin: st.Begin}.start(len(t))
	if err != nil {
		return nil, err
	}
	p := &Plan{init: 1, order: 1}
	for i := begin; i < len(t); i++ {
		next := 1.0
		if i+1 < len(t) {
			next = s.alphaBar[t[i+1]]
		}
		p.add(c.step(len(p.calls), t[i], s.alphaBar[t[i]], next))
	}
	return p, nil
}

func (c *enhancedDDIM) timesteps(T int, st Steps) []int {
	strength := st.Strength
	if strength == 0 {
		strength = 1
	}
	top := max(math.RoundToEven(float64(T)*strength)-1, 0)
	n := min(st.N, int(top)+1)
	t := make([]int, n)
	for i := range t {
		t[i] = int(top)
		if n > 1 {
			t[i] = int(math.RoundToEven(top - float64(i)*(top/float64(n-1))))
		}
	}
	return t
}

// step is the exact DDIM step, both guesses put in.
func (c *enhancedDDIM) step(n, t int, now, next float64) call {
	l, to := levelOf(now), levelOf(next)
	g, e := c.Prediction.picture(l), c.Prediction.noise(l)
	return call{timestep: float64(t), level: l, next: update{from: n,
		sample: to.Signal*g.x + to.Noise*e.x, out: to.Signal*g.y + to.Noise*e.y}}
}
