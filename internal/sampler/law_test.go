package sampler

import (
	"fmt"
	"math"
	"testing"
)

// A network that knows the picture, and so the true noise of whatever sample it is
// shown, must lead every sampler back to the picture: whatever the number of steps, the
// prediction, the spacing and the spread of the levels.
func TestTrueNoiseLeadsBackToThePicture(t *testing.T) {
	for _, class := range Classes() {
		for _, change := range variations() {
			config, err := base(t).As(class)
			if err != nil {
				t.Fatal(err)
			}
			if config, err = withAll(config, change); err != nil {
				continue // not an option of this class
			}
			s, err := New(config)
			if err != nil {
				continue // nor this value
			}
			for _, n := range []int{1, 2, 3, 7, 20} {
				for _, st := range []Steps{{N: n}, {N: n, Strength: 0.6}} {
					p, err := s.Plan(st)
					if err != nil || exempt(s, st) {
						continue // too few steps for this class or strength
					}
					t.Run(fmt.Sprintf("%s/%v/n=%d,strength=%v", class, change, n, st.Strength), func(t *testing.T) {
						leadBack(t, s, p, predictionOf(change))
					})
				}
			}
		}
	}
}

// base is a model's config whose runs end at a clean picture where the class can.
func base(t testing.TB) Config {
	c, err := ParseConfig([]byte(`{"_class_name": "PNDMScheduler", "num_train_timesteps": 1000, "beta_start": 0.00085, "beta_end": 0.012,
		"beta_schedule": "scaled_linear", "set_alpha_to_one": true, "skip_prk_steps": true, "steps_offset": 1, "clip_sample": false}`))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// variations has no s_churn, because diffusers stirs noise in after the network has
// seen the sample, and no sde-dpmsolver, which keeps the picture but, in coarse steps,
// not the amount of noise.
func variations() [][]option {
	one := func(key string, values ...any) (v [][]option) {
		for _, x := range values {
			v = append(v, []option{{key, x}})
		}
		return v
	}
	v := [][]option{nil}
	v = append(v, one("prediction_type", VPrediction, SamplePrediction)...)
	v = append(v, one("timestep_spacing", "leading", "trailing", "linspace")...)
	v = append(v, one("algorithm_type", "sde-dpmsolver++")...)
	v = append(v, []option{{"algorithm_type", "dpmsolver"}, {"final_sigmas_type", "sigma_min"}})
	for _, key := range []string{"use_karras_sigmas", "use_exponential_sigmas", "use_beta_sigmas", "use_lu_lambdas",
		"rescale_betas_zero_snr", "thresholding", "clip_sample", "use_clipped_model_output"} {
		v = append(v, one(key, true)...)
	}
	for _, key := range []string{"skip_prk_steps", "predict_x0", "lower_order_final"} {
		v = append(v, one(key, false)...)
	}
	v = append(v, one("solver_order", 1, 2, 3, 4)...)
	v = append(v, one("solver_type", "heun", "bh1")...)
	v = append(v, one("eta", 0.0, 0.5, 1.0)...)
	v = append(v, one("order", 1, 6)...)
	v = append(v, one("beta_schedule", "linear", "squaredcos_cap_v2")...)
	return v
}

func withAll(c Config, options []option) (_ Config, err error) {
	for _, o := range options {
		if c, err = c.With(o.key, o.value); err != nil {
			return c, err
		}
	}
	return c, nil
}

// exempt are the runs of the reference that break the law, and so ours, because its
// numbers are kept.
func exempt(s *Sampler, st Steps) bool {
	uneven := s.schedule != nil && s.schedule.Len()%st.N != 0
	switch r := s.rule.(type) {
	case *lms: // begun late, the weights of slopes that are missing fall
		return st.Strength != 0
	case *ddim: // steps of T/n rounded down, from timesteps that are spaced otherwise
		return uneven && r.Spacing == trailing
	case *pndm: // the same; and begun late, the doubled step is another; and velocities of different steps are averaged
		return uneven && r.Spacing != leading || r.Spacing == even || st.Strength != 0 || r.Prediction == VPrediction
	}
	return false
}

func predictionOf(change []option) Prediction {
	for _, o := range change {
		if p, ok := o.value.(Prediction); ok {
			return p
		}
	}
	return Epsilon
}

func leadBack(t *testing.T, s *Sampler, p *Plan, trained Prediction) {
	if p.Err() != nil {
		return // divergence is told; see TestGoldenRuns
	}
	picture := []float64{0.7, -0.2, 0.99, -0.5}
	x := make([]float64, len(picture))
	AddNoise(x, picture, []float64{-1.3, 0.4, 2.2, 0.1}, p.Level(0))
	fresh := noises(1)
	run := Start[float64](p, 2)
	for i := range p.Len() {
		if err := run.Step(x, knowing(guessOf(s, p, i, trained), x, picture), fresh); err != nil {
			t.Fatal(err)
		}
	}
	// What is left is the noise of the level where the class ends, times a few.
	left := 4 * ending(s, p)
	for i := range x {
		if d := math.Abs(x[i] - picture[i]); !(d <= left+1e-6) {
			t.Fatalf("ends at %v, want the picture %v within %.3g", x, picture, left+1e-6)
		}
	}
}

// knowing is the network: the answer that means picture for the sample x.
func knowing(g mix, x, picture []float64) []float64 {
	out := make([]float64, len(x))
	for k := range x {
		out[k] = (picture[k] - g.x*x[k]) / g.y
	}
	return out
}

// guessOf is what the answer means at call i, from what the plan tells everyone: a
// scaled view of the sample, or its level.
func guessOf(s *Sampler, p *Plan, i int, trained Prediction) mix {
	switch r := s.rule.(type) {
	case *edmEuler:
		return r.guess(trained, p.Level(i).Noise)
	case *edmMultistep:
		return r.guess(trained, p.Level(i).Noise)
	}
	if v := p.InputScale(i); v != 1 {
		return trained.pictureAt(math.Sqrt(1/(v*v) - 1))
	}
	return trained.picture(p.Level(i))
}

// ending is the noise that a class leaves in the picture.
func ending(s *Sampler, p *Plan) float64 {
	switch s.rule.(type) {
	case *tcd: // ends at training step 0
		return s.schedule.sigmas[0]
	case *lcm: // keeps a trace of the sample at its last step
		return p.calls[p.Len()-1].keep.x * p.Level(p.Len()-1).Noise
	}
	if n := len(p.sigmas); n > 0 {
		return p.sigmas[n-1]
	}
	return 0
}

// noises is a source of standard normal numbers, good enough for tests.
func noises(seed uint64) func([]float64) {
	next := func() float64 {
		seed = seed*6364136223846793005 + 1442695040888963407
		return (float64(seed>>11) + 0.5) / (1 << 53)
	}
	return func(dst []float64) {
		for i := range dst {
			dst[i] = math.Sqrt(-2*math.Log(next())) * math.Cos(2*math.Pi*next())
		}
	}
}
