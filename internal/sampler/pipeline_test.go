package sampler

import (
	"encoding/json"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"testing"

	"github.com/easel-go/easel/internal/golden"
)

// pipelineCase is what a whole run of the reference says of its sampler. The rest of a
// case is for the tests of whole runs.
type pipelineCase struct {
	Name, Model, Kind, Dtype string
	Pipeline                 string            // the reference's class
	Scheduler                []json.RawMessage // class and changed options
	Timesteps                []float64
	Args                     struct {
		Steps     int     `json:"num_inference_steps"`
		Strength  float64 `json:"strength"`
		End       float64 `json:"denoising_end"`
		CFG       float64 `json:"cfg_scale"`          // DiffSynth's guidance
		Denoising float64 `json:"denoising_strength"` // and strength
	}
}

func pipelineCases(t *testing.T, path string) []pipelineCase {
	var file struct{ Cases []pipelineCase }
	if err := json.Unmarshal(golden.Bytes(t, path), &file); err != nil {
		t.Fatal(err)
	}
	return file.Cases
}

// Timesteps of whole runs: the model's config, another sampler on it, image-to-image.
func TestGoldenPipelineTimesteps(t *testing.T) {
	for _, c := range pipelineCases(t, golden.Part(t, "pipeline/cases.json")) {
		models := golden.Part(t, "model")
		config, err := ParseConfig(golden.Bytes(t, filepath.Join(models, c.Model, "scheduler", "scheduler_config.json")))
		if err != nil {
			t.Fatal(err)
		}
		c.checkTimesteps(t, c.change(t, config))
	}
}

// change makes the case's sampler of the model's.
func (c *pipelineCase) change(t *testing.T, config Config) Config {
	var err error
	if c.Scheduler != nil {
		class := golden.Decode[string](t, c.Name, c.Scheduler[0])
		if config, err = config.As(class); err != nil {
			t.Fatal(err)
		}
		for key, value := range golden.Decode[map[string]json.RawMessage](t, c.Name, c.Scheduler[1]) {
			if config, err = config.With(key, value); err != nil {
				t.Fatal(err)
			}
		}
	}
	return config
}

func (c *pipelineCase) checkTimesteps(t *testing.T, config Config) {
	s, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	p, err := s.Plan(Steps{N: c.Args.Steps, Strength: c.strength()})
	if err != nil {
		t.Fatal(err)
	}
	if c.Args.End != 0 { // the run breaks off
		share := float64(s.Schedule().Len()) * (1 - c.Args.End)
		if i := slices.IndexFunc(p.calls, func(c call) bool { return c.timestep < math.RoundToEven(share) }); i >= 0 {
			p.calls = p.calls[:i]
		}
	}
	want := goldenCase{Timesteps: c.Timesteps}
	t.Run(c.Name, func(t *testing.T) { want.checkTimesteps(t, s, p) })
}

// strength is the case's, or what its pipeline takes where none is given.
func (c *pipelineCase) strength() float64 {
	switch {
	case c.Args.Strength != 0:
		return c.Args.Strength
	case c.Kind == "img2img" && c.Pipeline == "StableDiffusionImg2ImgPipeline":
		return 0.8
	case c.Kind == "img2img":
		return 0.3
	case c.Pipeline == "StableDiffusionXLInpaintPipeline":
		return 0.9999
	}
	return 0 // all of the schedule
}

// DiffSynth's runs: the timesteps, and the first step with the answers it got.
func TestGoldenDiffSynthRuns(t *testing.T) {
	table := golden.Part(t, "pipeline/diffsynth/cases.json")
	config, err := ParseConfig([]byte(`{"_class_name": "EnhancedDDIMScheduler", "num_train_timesteps": 1100, "beta_end": 0.014}`))
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range pipelineCases(t, table) {
		p, err := s.Plan(Steps{N: c.Args.Steps, Strength: c.Args.Denoising})
		if err != nil {
			t.Fatal(err)
		}
		golden.Equal(t, c.Name+": timesteps", p.Timesteps(), c.Timesteps)
		path := filepath.Join(filepath.Dir(table), c.Name+".safetensors")
		if c.Dtype == "" {
			c.checkFirstStep(t, p, golden.Tensors(t, path))
		}
	}
}

func (c *pipelineCase) checkFirstStep(t *testing.T, p *Plan, f *golden.File) {
	x := f.Get(t, "latents_init").Float32s()
	answer := f.Get(t, "unet_posi/0").Float32s()
	if f.Has("unet_nega/0") {
		scale := c.Args.CFG
		if scale == 0 {
			scale = 7.5
		}
		for i, n := range f.Get(t, "unet_nega/0").Float32s() {
			answer[i] = n + float32(scale)*(answer[i]-n)
		}
	}
	if err := Start[float32](p, 1).Step(x, answer, nil); err != nil {
		t.Fatal(err)
	}
	golden.Close(t, fmt.Sprintf("%s: first step", c.Name), x, f.Get(t, "latents/0").Float32s(),
		golden.Tol{Abs: 1e-5, Rel: 1e-6, From: "float32 guidance and sums"})
}
