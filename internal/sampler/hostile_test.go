package sampler

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/easel-go/easel/internal/fault"
)

func TestConfigErrors(t *testing.T) {
	for _, c := range []struct {
		text string
		kind fault.Kind
		says string
	}{
		{``, fault.Invalid, "config"},
		{`[]`, fault.Invalid, "config"},
		{`{"_class_name": 3}`, fault.Invalid, "_class_name"},
		{`{}`, fault.Missing, "_class_name"},
		{`{"_class_name": "FlowMatchEulerDiscreteScheduler"}`, fault.Unsupported, "FlowMatch"},
		{`{"_class_name": "DDIMScheduler", "beta_start": "x"}`, fault.Invalid, "beta_start"},
		{`{"_class_name": "DDIMScheduler", "beta_start": -1}`, fault.Invalid, "beta 0"},
		{`{"_class_name": "DDIMScheduler", "beta_end": 7}`, fault.Invalid, "beta"},
		{`{"_class_name": "DDIMScheduler", "beta_end": NaN}`, fault.Invalid, "beta_end"},
		{`{"_class_name": "DDIMScheduler", "beta_schedule": "cubic"}`, fault.Unsupported, "cubic"},
		{`{"_class_name": "DDIMScheduler", "num_train_timesteps": 1e12}`, fault.Invalid, "num_train_timesteps"},
		{`{"_class_name": "DDIMScheduler", "num_train_timesteps": 1000000000}`, fault.Invalid, "num_train_timesteps"},
		{`{"_class_name": "DDIMScheduler", "num_train_timesteps": 0}`, fault.Invalid, "num_train_timesteps"},
		{`{"_class_name": "DDIMScheduler", "trained_betas": [0.1, 0.2]}`, fault.Shape, "trained_betas"},
		{`{"_class_name": "DDIMScheduler", "prediction_type": "flow_prediction"}`, fault.Unsupported, "flow_prediction"},
		{`{"_class_name": "DDIMScheduler", "timestep_spacing": "random"}`, fault.Unsupported, "random"},
		{`{"_class_name": "DDIMScheduler", "thresholding": true, "dynamic_thresholding_ratio": 2}`, fault.Invalid, "dynamic_thresholding_ratio"},
		{`{"_class_name": "DDPMScheduler", "variance_type": "learned_range"}`, fault.Unsupported, "variance_type"},
		{`{"_class_name": "EulerDiscreteScheduler", "use_karras_sigmas": true, "use_beta_sigmas": true}`, fault.Invalid, "several"},
		{`{"_class_name": "EulerDiscreteScheduler", "use_karras_sigmas": true, "sigma_min": -1}`, fault.Invalid, "sigma_min"},
		{`{"_class_name": "DPMSolverMultistepScheduler", "algorithm_type": "dpmsolver"}`, fault.Unsupported, "final_sigmas_type"},
		{`{"_class_name": "DPMSolverMultistepScheduler", "use_flow_sigmas": true}`, fault.Unsupported, "use_flow_sigmas"},
		{`{"_class_name": "DPMSolverMultistepScheduler", "solver_order": 9}`, fault.Invalid, "solver_order"},
		{`{"_class_name": "UniPCMultistepScheduler", "solver_p": {"a": 1}}`, fault.Unsupported, "solver_p"},
		{`{"_class_name": "LCMScheduler", "original_inference_steps": 0}`, fault.Invalid, "original_inference_steps"},
		{`{"_class_name": "EDMEulerScheduler", "sigma_min": 0}`, fault.Invalid, "sigma_min"},
	} {
		config, err := ParseConfig([]byte(c.text))
		if err == nil {
			_, err = New(config)
		}
		if e, ok := errors.AsType[*fault.Error](err); !ok || e.Kind != c.kind || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want kind %q about %q", c.text, err, c.kind, c.says)
		}
	}
}

func TestStepsErrors(t *testing.T) {
	for _, c := range []struct {
		class string
		steps Steps
		kind  fault.Kind
	}{
		{"DDIMScheduler", Steps{}, fault.Invalid},
		{"DDIMScheduler", Steps{N: -3}, fault.Invalid},
		{"DDIMScheduler", Steps{N: 1001}, fault.Invalid},
		{"EulerDiscreteScheduler", Steps{N: math.MaxInt}, fault.Invalid},
		{"DDIMScheduler", Steps{N: 10, Timesteps: []float64{1}}, fault.Invalid},
		{"DDIMScheduler", Steps{Timesteps: []float64{1}}, fault.Unsupported},
		{"DDPMScheduler", Steps{Timesteps: []float64{1, 2}}, fault.Invalid},
		{"DDPMScheduler", Steps{Timesteps: []float64{1.5}}, fault.Invalid},
		{"DDPMScheduler", Steps{Timesteps: []float64{1000}}, fault.Invalid},
		{"DDPMScheduler", Steps{Timesteps: []float64{math.NaN()}}, fault.Invalid},
		{"DDPMScheduler", Steps{Timesteps: []float64{}}, fault.Invalid},
		{"EulerDiscreteScheduler", Steps{Sigmas: []float64{0}}, fault.Invalid},
		{"EulerDiscreteScheduler", Steps{Sigmas: []float64{}}, fault.Invalid},
		{"HeunDiscreteScheduler", Steps{Sigmas: []float64{3, 0}}, fault.Unsupported},
		{"DDIMScheduler", Steps{N: 4, Strength: 0.1}, fault.Invalid},
		{"DDIMScheduler", Steps{N: 4, Strength: 1.1}, fault.Invalid},
		{"DDIMScheduler", Steps{N: 4, Strength: math.NaN()}, fault.Invalid},
		{"DDIMScheduler", Steps{N: 4, Begin: 4}, fault.Invalid},
		{"DDIMScheduler", Steps{N: 4, Begin: 1, Strength: 0.5}, fault.Invalid},
		{"DDIMScheduler", Steps{N: 4, Reach: 0.5}, fault.Unsupported},
		{"LCMScheduler", Steps{N: 4, Reach: 0.01}, fault.Invalid},
		{"LCMScheduler", Steps{N: 51}, fault.Invalid},
		{"LCMScheduler", Steps{N: 4, OriginalSteps: 2000}, fault.Invalid},
		{"PNDMScheduler", Steps{N: 3}, fault.Invalid},
	} {
		p, err := newSampler(t, c.class).Plan(c.steps)
		if e, ok := errors.AsType[*fault.Error](err); !ok || e.Kind != c.kind {
			t.Errorf("%s %+v: %v, error %v, want kind %q", c.class, c.steps, p, err, c.kind)
		}
	}
}

func newSampler(t testing.TB, name string) *Sampler {
	t.Helper()
	config, err := Config{}.As(name)
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestStepErrors(t *testing.T) {
	p, err := newSampler(t, "Euler a").Plan(Steps{N: 1})
	if err != nil {
		t.Fatal(err)
	}
	ok := func(dst []float32) { clear(dst) }
	x := make([]float32, 8)
	for _, c := range []struct {
		pictures int
		x, out   []float32
		noise    func([]float32)
		kind     fault.Kind
	}{
		{2, x, x[:4], ok, fault.Shape},
		{2, nil, nil, ok, fault.Shape},
		{3, x, x, ok, fault.Shape},
		{0, x, x, ok, fault.Shape},
		{-1, x, x, ok, fault.Shape},
		{2, x, x, nil, fault.Missing},
	} {
		if err := Start[float32](p, c.pictures).Step(c.x, c.out, c.noise); fault.KindOf(err) != c.kind {
			t.Errorf("%d pictures: %v, want kind %q", c.pictures, err, c.kind)
		}
	}
	run := Start[float32](p, 1)
	if err := run.Step(x, make([]float32, 8), ok); err != nil {
		t.Fatal(err)
	}
	if err := run.Step(x, make([]float32, 8), ok); fault.KindOf(err) != fault.Invalid {
		t.Errorf("a step past the end: %v", err)
	}
}

// The largest schedule with the most steps is planned, in far less than a second.
func TestLargestPlans(t *testing.T) {
	for _, class := range Classes() {
		for _, spread := range []string{"", "use_beta_sigmas"} {
			config, err := Config{}.As(class)
			if err != nil {
				t.Fatal(err)
			}
			options := []option{{"num_train_timesteps", maxTrainSteps}, {"beta_start", 1e-6}, {"beta_end", 2e-4}}
			if spread != "" {
				options = append(options, option{spread, true})
			}
			for _, o := range options {
				if changed, err := config.With(o.key, o.value); err == nil {
					config = changed
				}
			}
			s, err := New(config)
			if err != nil {
				t.Fatal(err)
			}
			if p, err := s.Plan(Steps{N: maxSteps}); err == nil && p.Len() < maxSteps {
				t.Errorf("%s %s: %d calls", class, spread, p.Len())
			}
		}
	}
}

// FuzzConfig: no config and no way to ask for steps may panic, and what is planned must
// run or say why not.
func FuzzConfig(f *testing.F) {
	for i, class := range Classes() {
		f.Add([]byte(`{"_class_name": "`+class+`", "timestep_spacing": "leading", "steps_offset": 1, "lambda_min_clipped": -Infinity}`), 4+i, 0.0, 0, 0.0)
		f.Add([]byte(`{"_class_name": "`+class+`", "beta_schedule": "squaredcos_cap_v2", "use_karras_sigmas": true, "solver_order": 3}`), 2, 0.6, 0, 0.0)
		f.Add([]byte(`{"_class_name": "`+class+`", "num_train_timesteps": 7, "rescale_betas_zero_snr": true, "prediction_type": "v_prediction"}`), 3, 0.0, 1, 500.0)
		f.Add([]byte(`{"_class_name": "`+class+`", "num_train_timesteps": 1, "use_beta_sigmas": true, "trained_betas": [0.5]}`), 0, 0.0, 0, 0.0)
	}
	f.Fuzz(func(t *testing.T, text []byte, n int, strength float64, begin int, step float64) {
		config, err := ParseConfig(text)
		if err != nil {
			return
		}
		s, err := New(config)
		if err != nil {
			return
		}
		st := Steps{N: n % 300, Strength: strength, Begin: begin}
		if step != 0 {
			st = Steps{Timesteps: []float64{step, step / 2}, Strength: strength, Begin: begin}
			if begin < 0 {
				st = Steps{Sigmas: []float64{step, step / 2, 0}}
			}
		}
		p, err := s.Plan(st)
		if err != nil {
			return
		}
		follow(t, p)
	})
}

func follow(t *testing.T, p *Plan) {
	x := []float64{0.1, -0.2, 0.3, 0.4}
	run := Start[float64](p, 2)
	for i := range p.Len() {
		_, _, _ = p.Timestep(i), p.InputScale(i), p.Level(i)
		if err := run.Step(x, []float64{1, 0.5, -1, 0}, noises(1)); err != nil {
			if p.Err() == nil {
				t.Fatalf("Step: %v, of which Err says nothing", err)
			}
			return
		}
	}
	if p.Err() != nil {
		t.Fatalf("Err: %v, of which Step says nothing", p.Err())
	}
}
