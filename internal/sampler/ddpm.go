package sampler

import (
	"math"
)

// ddpm is the reverse of the noising itself: the mean of the step before, given the
// picture, plus fresh noise but in the last step (Ho et al. 2020, equations 6 and 7;
// DDPMScheduler of diffusers). Its Schedule is what training uses.
type ddpm struct {
	training
	spacing
	clipping
	Prediction Prediction `json:"prediction_type"`
	Variance   string     `json:"variance_type"`
	ZeroSNR    bool       `json:"rescale_betas_zero_snr"`
}

// The variances of the fresh noise.
const (
	fixedSmall    = "fixed_small"     // of the step before, given the picture
	fixedSmallLog = "fixed_small_log" // the same, by way of its logarithm
	fixedLarge    = "fixed_large"     // β
)

func newDDPM() rule {
	return &ddpm{training: linearDefaults, spacing: spacing{Spacing: leading}, clipping: clipped, Prediction: Epsilon, Variance: fixedSmall}
}

func (c *ddpm) table() (*Schedule, error) {
	switch c.Variance {
	case fixedSmall, fixedSmallLog, fixedLarge:
	default: // learned ones need networks with twice the channels; fixed_large_log is NaN in diffusers
		return nil, unsupported("variance_type", c.Variance, "fixed_small, fixed_small_log or fixed_large")
	}
	if err := firstError(c.spacing.check(), c.clipping.check(), c.Prediction.check(Epsilon, VPrediction, SamplePrediction)); err != nil {
		return nil, err
	}
	return c.training.schedule(rescaled.when(c.ZeroSNR))
}

func (c *ddpm) plan(s *Schedule, st Steps) (*Plan, error) {
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
		next := -1
		if i+1 < len(t) {
			next = t[i+1]
		}
		p.add(c.step(len(p.calls), t[i], s.alphaBar[t[i]], s.alphaOr(next, 1)))
	}
	return p, nil
}

func (c *ddpm) timesteps(s *Schedule, st Steps) ([]int, error) {
	if st.Timesteps == nil {
		return wholeSteps(s, c.spacing, st)
	}
	if err := firstError(st.only(byTimesteps), st.given(s.Len()), st.whole()); err != nil {
		return nil, err
	}
	return s.whole(st.Timesteps)
}

func (c *ddpm) step(n, t int, now, next float64) call {
	l := levelOf(now)
	kept := now / next // ᾱ of this step alone
	beta := 1 - kept
	u := update{from: n, sample: math.Sqrt(kept) * (1 - next) / (1 - now),
		models: []weight{{n, math.Sqrt(next) * beta / (1 - now)}}}
	if t > 0 {
		variance := max((1-next)/(1-now)*beta, 1e-20)
		if c.Variance == fixedLarge {
			variance = beta
		}
		u.noise, u.draws = math.Sqrt(variance), true
	}
	return call{timestep: float64(t), level: l, guess: c.Prediction.picture(l), keep: keepPicture, next: u}
}
