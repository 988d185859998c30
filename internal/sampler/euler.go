package sampler

import (
	"math"

	"github.com/easel-go/easel/internal/fault"
)

// euler walks along the slope from level to level, with or without stirring (churn)
// fresh noise in before a step: Karras et al. 2022, algorithm 2 without its second
// half; EulerDiscreteScheduler of diffusers.
type euler struct {
	training
	spacing
	spread
	finals
	Prediction    Prediction `json:"prediction_type"`
	Interpolation string     `json:"interpolation_type"`
	SigmaMin      *float64   `json:"sigma_min"`
	SigmaMax      *float64   `json:"sigma_max"`
	TimestepType  string     `json:"timestep_type"`
	ZeroSNR       bool       `json:"rescale_betas_zero_snr"`
	churn
}

// churn is what Euler's step takes beside the answer.
type churn struct {
	Churn float64 `json:"s_churn"` // noise stirred in over the whole run, as a share of each level
	TMin  float64 `json:"s_tmin"`  // only at levels from here
	TMax  number  `json:"s_tmax"`  // to here
	Noise float64 `json:"s_noise"` // the stirred noise's scale
}

var noChurn = churn{TMax: number(math.Inf(1)), Noise: 1}

func newEuler() rule {
	return &euler{training: linearDefaults, spacing: spacing{Spacing: even}, finals: finals{zero},
		Prediction: Epsilon, Interpolation: "linear", TimestepType: "discrete", churn: noChurn}
}

func (c *euler) table() (*Schedule, error) {
	if c.Prediction == "original_sample" {
		c.Prediction = SamplePrediction
	}
	switch {
	case c.Interpolation != "linear" && c.Interpolation != "log_linear":
		return nil, unsupported("interpolation_type", c.Interpolation, "linear or log_linear")
	case c.TimestepType != "discrete" && c.TimestepType != "continuous":
		return nil, unsupported("timestep_type", c.TimestepType, "discrete or continuous")
	}
	if err := firstError(c.spacing.check(), c.spread.check(), c.finals.check(), c.Prediction.check(Epsilon, VPrediction, SamplePrediction),
		positive("sigma_min", c.SigmaMin), positive("sigma_max", c.SigmaMax)); err != nil {
		return nil, err
	}
	return c.training.schedule(rescaledUp.when(c.ZeroSNR))
}

func (c *euler) plan(s *Schedule, st Steps) (*Plan, error) {
	t, sigma, err := c.levels(s, st)
	if err != nil {
		return nil, err
	}
	begin, err := st.start(len(t))
	if err != nil {
		return nil, err
	}
	p := &Plan{sigmas: sigma, init: kInit(c.spacing, sigma), order: 1}
	for i := begin; i < len(t); i++ {
		p.add(call{timestep: t[i], scale: kScale(sigma[i]), level: kLevel(sigma[i]),
			next: c.churn.step(len(p.calls), sigma, i, c.guess)})
	}
	return p, nil
}

// guess is the picture in terms of (sample, answer) for a sample that was stirred from
// level sigma up to hat. diffusers takes velocity for that of the level before.
func (c *euler) guess(sigma, hat float64) mix {
	if c.Prediction == Epsilon {
		sigma = hat
	}
	return c.Prediction.pictureAt(sigma)
}

// step is one step of Euler's method from level i; call is its call in the plan.
func (c churn) step(call int, sigma []float64, i int, guess func(sigma, hat float64) mix) update {
	gamma := c.gamma(sigma, i)
	hat := sigma[i] * (gamma + 1)
	g := guess(sigma[i], hat)
	d := mix{(1 - g.x) / hat, -g.y / hat} // slope in terms of (sample, answer)
	dt := sigma[i+1] - hat
	u := update{from: call, sample: 1 + d.x*dt, out: d.y * dt}
	if gamma > 0 {
		u.draws = true
		u.noise = u.sample * c.Noise * math.Sqrt(hat*hat-sigma[i]*sigma[i])
	}
	return u
}

// gamma is the share by which step i raises its level.
func (c churn) gamma(sigma []float64, i int) float64 {
	if sigma[i] < c.TMin || sigma[i] > float64(c.TMax) {
		return 0
	}
	return max(0, min(c.Churn/float64(len(sigma)-1), math.Sqrt2-1))
}

// levels returns the timesteps and the levels, the final one included.
func (c *euler) levels(s *Schedule, st Steps) (t, sigma []float64, err error) {
	if err := st.only(byTimesteps, bySigmas); err != nil {
		return nil, nil, err
	}
	continuous := c.TimestepType == "continuous" && c.Prediction == VPrediction
	switch {
	case st.Sigmas != nil:
		sigma = each(st.Sigmas, f32)
		t = each(each(sigma[:len(sigma)-1], s.timestepOf), f32)
	case st.Timesteps != nil && (c.spread.on() || continuous):
		return nil, nil, &fault.Error{Kind: fault.Unsupported, Op: "sampler", What: "timesteps", Have: "given",
			Want: "none: sigmas that are spread out, or continuous timesteps, decide them"}
	case st.Timesteps != nil:
		if err := st.given(s.Len()); err != nil {
			return nil, nil, err
		}
		t = each(st.Timesteps, f32)
		sigma = withFinal(each(t, s.sigmaAt), c.finals.level(s.sigmas[0]))
	default:
		t, sigma = c.spaced(s, st.N)
	}
	if continuous {
		t = each(sigma[:len(sigma)-1], func(x float64) float64 { return f32(0.25 * f32(math.Log(x))) })
	}
	return t, sigma, nil
}

func (c *euler) spaced(s *Schedule, n int) (t, sigma []float64) {
	t = each(c.spacing.descending(s.Len(), n), f32)
	sigma = each(t, s.sigmaAt)
	if c.Interpolation == "log_linear" { // one level more than steps, as in diffusers
		sigma = each(linspace32(s.logSigmas[s.Len()-1], s.logSigmas[0], n+1), func(x float64) float64 { return f32(math.Exp(x)) })
	}
	if c.spread.on() {
		high, low := sigma[0], sigma[len(sigma)-1]
		if c.SigmaMax != nil {
			high = *c.SigmaMax
		}
		if c.SigmaMin != nil {
			low = *c.SigmaMin
		}
		sigma = c.spread.between(high, low, n)
		t = each(each(sigma, s.timestepOf), f32)
	}
	return t, withFinal(sigma, c.finals.level(s.sigmas[0]))
}

// positive refuses an optional number that is given and not above 0.
func positive(key string, x *float64) error {
	if x != nil && !(*x > 0) {
		return invalid(key, *x, "a positive number")
	}
	return nil
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
