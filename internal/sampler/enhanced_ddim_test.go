package sampler

import (
	"math"
	"slices"
	"testing"

	"github.com/easel-go/easel/internal/golden"
)

func planned(t *testing.T, config string, name string, st Steps) *Plan {
	t.Helper()
	c, err := ParseConfig([]byte(config))
	if err != nil {
		t.Fatal(err)
	}
	if c, err = c.As(name); err != nil {
		t.Fatal(err)
	}
	s, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	p, err := s.Plan(st)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// The model configs of the published runs below.
const (
	kolorsConfig = `{"num_train_timesteps": 1100, "beta_start": 0.00085, "beta_end": 0.014, "beta_schedule": "scaled_linear", "steps_offset": 1, "timestep_spacing": "leading"}`
	sdxlConfig   = `{"num_train_timesteps": 1000, "beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "steps_offset": 1, "timestep_spacing": "leading"}`
	sd1Config    = `{"num_train_timesteps": 1000, "beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "steps_offset": 1, "skip_prk_steps": true, "set_alpha_to_one": false, "clip_sample": false}`
)

func TestEnhancedDDIM(t *testing.T) {
	p := planned(t, kolorsConfig, "DiffSynth DDIM", Steps{N: 50})
	want := []float64{1099, 1077, 1054, 1032, 1009, 987, 964, 942, 920, 897, 875, 852, 830, 807, 785, 763, 740, 718, 695, 673, 650, 628, 606, 583, 561, 538, 516, 493,
		471, 449, 426, 404, 381, 359, 336, 314, 292, 269, 247, 224, 202, 179, 157, 135, 112, 90, 67, 45, 22, 0}
	golden.Equal(t, "timesteps", p.Timesteps(), want)
	// Weights of answer and sample, worked out from the exact schedule in float64.
	for i, w := range map[int][2]float64{0: {-0.1652646250, 1.1651507198}, 48: {-0.1156930456, 1.0100152903}, 49: {-0.0291671582, 1.0004252711}} {
		u := p.calls[i].next
		golden.Close(t, "weights", []float64{u.out, u.sample}, w[:], golden.Tol{Abs: 2e-6, From: "float32 tables of the reference"})
	}
	p = planned(t, kolorsConfig, "EnhancedDDIMScheduler", Steps{N: 20, Strength: 0.6})
	if ts := p.Timesteps(); !slices.Equal(ts[:3], []float64{659, 624, 590}) || !slices.Equal(ts[18:], []float64{35, 0}) {
		t.Errorf("image-to-image timesteps %v", ts)
	}
}

// The deterministic run that diffusers' own tests use: a sample that counts up, and a
// network that answers x·t/(t+1). The sums of |x| were worked out in float64 from the
// reference's formulas, for configs of real models.
func TestCountingSample(t *testing.T) {
	for _, c := range []struct {
		name, config, sampler string
		n                     int
		want                  float64
	}{
		{"PNDM SD", sd1Config, "PNDM", 50, 203.4992260900},
		{"PNDM SD", sd1Config, "PLMS", 10, 201.3864722990},
		{"DDIM SD", sd1Config, "DDIM", 50, 197.9789720},
		{"DDIM SD", sd1Config, "DDIM", 10, 183.2581958},
		{"Euler Kolors", kolorsConfig, "Euler", 50, 194.6363738},
		{"Euler Kolors", kolorsConfig, "Euler", 25, 190.2680812},
		{"Euler SDXL", sdxlConfig, "Euler", 50, 195.1595384},
		{"DPM++ 2M SD", sd1Config, "dpmpp_2m", 20, 190.4985322},
		{"DPM++ 2M Karras SD", sd1Config, "DPM++ 2M Karras", 20, 205.5887153},
		{"DPM++ 2M Karras Kolors", kolorsConfig, "DPM++ 2M Karras", 25, 205.2138479},
		{"UniPC SD", sd1Config, "UniPC", 20, 190.3588892},
		{"DiffSynth Kolors", kolorsConfig, "DiffSynth DDIM", 10, 177.0762841},
		{"DiffSynth Kolors", kolorsConfig, "DiffSynth DDIM", 20, 188.9495933},
		{"DiffSynth Kolors", kolorsConfig, "DiffSynth DDIM", 50, 196.2091639},
		{"DiffSynth SD", sd1Config, "DiffSynth DDIM", 20, 190.0260518},
	} {
		p := planned(t, c.config, c.sampler, Steps{N: c.n})
		golden.Close(t, c.name, []float64{sumOfRun(t, p)}, []float64{c.want}, golden.Tol{Rel: 1e-5, From: "float32 tables of the reference, none in the sums"})
	}
}

func sumOfRun(t *testing.T, p *Plan) float64 {
	x := make([]float64, 4*3*8*8)
	for i := range x { // picture, channel, row, column
		b, rest := i/192, i%192
		x[i] = float64(rest*4+b) / 768 * p.InitNoiseSigma()
	}
	run := Start[float64](p, 4)
	for i := range p.Len() {
		out := make([]float64, len(x))
		for k, v := range x {
			out[k] = v * p.InputScale(i) * p.Timestep(i) / (p.Timestep(i) + 1)
		}
		if err := run.Step(x, out, nil); err != nil {
			t.Fatal(err)
		}
	}
	sum := 0.0
	for _, v := range x {
		sum += math.Abs(v)
	}
	return sum
}
