package sampler

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/easel-go/easel/internal/fault"
)

func TestNames(t *testing.T) {
	for _, c := range []struct{ name, class, options string }{
		{"DDIMScheduler", "DDIMScheduler", ""},
		{"ddim", "DDIMScheduler", ""},
		{"PLMS", "PNDMScheduler", "skip_prk_steps=true"},
		{"Euler a", "EulerAncestralDiscreteScheduler", ""},
		{"euler_ancestral", "EulerAncestralDiscreteScheduler", ""},
		{"DPM++ 2M", "DPMSolverMultistepScheduler", ""},
		{"dpm++2m", "DPMSolverMultistepScheduler", ""},
		{"DPM++ 2M Karras", "DPMSolverMultistepScheduler", "use_karras_sigmas=true"},
		{"dpmpp_2m_sde_karras", "DPMSolverMultistepScheduler", `algorithm_type="sde-dpmsolver++" use_karras_sigmas=true`},
		{"DPM++ 3M SDE Exponential", "DPMSolverMultistepScheduler", `algorithm_type="sde-dpmsolver++" solver_order=3 use_exponential_sigmas=true`},
		{"DPM++ SDE", "DPMSolverSDEScheduler", ""},
		{"DPM2 a Karras", "KDPM2AncestralDiscreteScheduler", "use_karras_sigmas=true"},
		{"LMS Karras", "LMSDiscreteScheduler", "use_karras_sigmas=true"},
		{"Heun beta", "HeunDiscreteScheduler", "use_beta_sigmas=true"},
		{"uni_pc", "UniPCMultistepScheduler", ""},
		{"EnhancedDDIMScheduler", "EnhancedDDIMScheduler", ""},
	} {
		config, err := Config{}.As(c.name)
		if err != nil {
			t.Error(err)
			continue
		}
		var options []string
		for _, k := range config.sortedKeys() {
			options = append(options, fmt.Sprintf("%s=%s", k, config.values[k]))
		}
		if have := strings.Join(options, " "); config.Class() != c.class || have != c.options {
			t.Errorf("%s: %s %s, want %s %s", c.name, config.Class(), have, c.class, c.options)
		}
	}
	for _, name := range []string{"", "karras", "DDIM Karras", "DPM++ 9M", "Euler a Beta"} {
		if config, err := (Config{}).As(name); fault.KindOf(err) != fault.Unsupported {
			t.Errorf("%q: %v, error %v, want kind %q", name, config, err, fault.Unsupported)
		}
	}
}

// Names are told apart, and all can be planned with.
func TestTable(t *testing.T) {
	var seen []string
	for _, name := range slices.Concat(Names(), Classes()) {
		if plain := plainName(name); slices.Contains(seen, plain) {
			t.Errorf("%s is twice in the table", name)
		} else {
			seen = append(seen, plain)
		}
		if _, err := newSampler(t, name).Plan(Steps{N: 5}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Another sampler on a model's schedule takes from the model's file what it knows.
func TestAsKeepsWhatTheFileSays(t *testing.T) {
	config, err := ParseConfig([]byte(kolorsConfig))
	if err != nil {
		t.Fatal(err)
	}
	euler, err := config.As("Euler Karras")
	if err != nil {
		t.Fatal(err)
	}
	changed, err := euler.As("DDIM") // knows no use_karras_sigmas
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(changed)
	if err != nil {
		t.Fatal(err)
	}
	if s.Class() != "DDIMScheduler" || s.Schedule().Len() != 1100 || s.rule.(*ddim).Offset != 1 {
		t.Errorf("%s with %d steps", s.Class(), s.Schedule().Len())
	}
	if _, err := config.With("eta", 1); fault.KindOf(err) != fault.Missing {
		t.Errorf("an option of no sampler: %v", err)
	}
	if _, err := changed.With("s_churn", 1); fault.KindOf(err) != fault.Unsupported {
		t.Errorf("an option of another sampler: %v", err)
	}
	if _, err := changed.With("eta", "much"); fault.KindOf(err) != fault.Invalid {
		t.Errorf("a word for a number: %v", err)
	}
	if _, err := euler.With("s_tmax", math.Inf(1)); err != nil {
		t.Error(err)
	}
	if len(config.values) != 6 {
		t.Errorf("the model's config has changed: %v", config.values)
	}
}

// What Python's json writes, and JSON does not know, is read; text in strings is left.
func TestPythonNumbers(t *testing.T) {
	text := `{"_class_name": "DPMSolverMultistepScheduler", "lambda_min_clipped": -Infinity, "x": "-Infinity \" NaN", "y": [NaN, Infinity]}`
	config, err := ParseConfig([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if have := string(config.values["x"]); have != `"-Infinity \" NaN"` {
		t.Errorf("a string became %s", have)
	}
	s, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	if x := s.rule.(*dpmMultistep).LambdaMin; !math.IsInf(float64(x), -1) {
		t.Errorf("lambda_min_clipped %v", x)
	}
}
