package sampler

import (
	"encoding/json"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/easel-go/easel/internal/golden"
)

// goldenFile is a file of the part "sampler": one class, its defaults, its runs.
type goldenFile struct {
	Meta        json.RawMessage            `json:"meta"`
	LatentShape [4]int                     `json:"latent_shape"`
	Raw         string                     `json:"raw"`
	Noise       [][]float64                `json:"noise"`
	Defaults    map[string]json.RawMessage `json:"class_defaults"`
	Cases       []goldenCase               `json:"cases"`
}

type goldenCase struct {
	Name    string                     `json:"name"`
	Config  map[string]json.RawMessage `json:"config"`
	Options struct {
		N         int                        `json:"n"`
		Timesteps []float64                  `json:"timesteps"`
		Sigmas    []float64                  `json:"sigmas"`
		Begin     int                        `json:"begin"`
		Tables    int                        `json:"tables"`
		Step      map[string]json.RawMessage `json:"step"`
		Set       struct {
			OriginalSteps int     `json:"original_inference_steps"`
			Strength      float64 `json:"strength"`
		} `json:"set"`
	} `json:"options"`
	ReferenceError string      `json:"reference_error"`
	Timesteps      []float64   `json:"timesteps"`
	Sigmas         []float64   `json:"sigmas"`
	InitNoiseSigma float64     `json:"init_noise_sigma"`
	Order          int         `json:"order"`
	Begin          int         `json:"begin"`
	BeginX         []float64   `json:"begin_x"`
	NoisesUsed     *int        `json:"noises_used"`
	InputScale     []float64   `json:"input_scale"`
	NonFiniteFrom  *int        `json:"nonfinite_from_step"`
	X64            [][]float64 `json:"x_float64"`
	X32            [][]float64 `json:"x_float32"`
	F32vsF64       float64     `json:"f32_vs_f64"`
	AddNoise       *struct {
		Timesteps []float64 `json:"timesteps"`
		X0        string    `json:"x0"`
		Noise     string    `json:"noise"`
		Result    []float64 `json:"result"`
	} `json:"add_noise"`
	Velocity []float64 `json:"get_velocity"`
}

// rawAnswer is the network of the cases.
const rawAnswer = "tanh(0.3*s) + 0.01*t/1000"

func answer[T Float](x []T, scale, t float64) []T {
	out := make([]T, len(x))
	for i, v := range x {
		out[i] = T(math.Tanh(0.3*scale*float64(v)) + 0.01*t/1000)
	}
	return out
}

// Tolerances of decision 13: tables 1e-6; trajectories 1e-6 of a value or ten times
// what the reference's own float32 run is off.
var (
	tableTol = golden.Tol{Abs: 1e-6, Rel: 1e-6, From: "float32 tables of the reference"}
)

func (c *goldenCase) tol() golden.Tol {
	return golden.Tol{Abs: max(1e-6, 10*c.F32vsF64), Rel: 1e-6, From: "1e-6, or 10 × the case's float32 error"}
}

func TestGoldenRuns(t *testing.T) {
	for _, path := range golden.Glob(t, golden.Part(t, "sampler"), "*Scheduler.json") {
		f := golden.JSON[goldenFile](t, path)
		class := filepath.Base(path[:len(path)-len(".json")])
		if f.Raw != rawAnswer {
			t.Errorf("%s: network %q, want %q", class, f.Raw, rawAnswer)
			continue
		}
		t.Run(class, func(t *testing.T) {
			for _, c := range f.Cases {
				t.Run(c.Name, func(t *testing.T) { c.check(t, class, &f) })
			}
		})
	}
}

func (c *goldenCase) check(t *testing.T, class string, f *goldenFile) {
	s, err := c.sampler(class)
	if c.ReferenceError != "" {
		if err == nil {
			_, err = s.Plan(c.steps())
		}
		// A crash of the reference, such as an IndexError, is no verdict.
		refused := strings.HasPrefix(c.ReferenceError, "ValueError") || strings.HasPrefix(c.ReferenceError, "NotImplementedError")
		if err == nil && refused {
			t.Errorf("accepted, want an error: the reference says %s", c.ReferenceError)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	c.checkTables(t, s, f)
	if c.Options.Tables == 0 {
		plan, err := s.Plan(c.steps())
		if err != nil {
			t.Fatal(err)
		}
		checkRun[float64](t, c, plan, f, c.X64)
		checkRun[float32](t, c, plan, f, c.X32)
	}
}

// sampler makes the case's sampler. What the reference passes to step() is options here.
func (c *goldenCase) sampler(class string) (*Sampler, error) {
	text, err := json.Marshal(c.Config)
	if err != nil {
		return nil, err
	}
	config, err := ParseConfig(text)
	if err != nil {
		return nil, err
	}
	if config, err = config.As(class); err != nil {
		return nil, err
	}
	for key, value := range c.Options.Step {
		if config, err = config.With(key, value); err != nil {
			return nil, err
		}
	}
	return New(config)
}

func (c *goldenCase) steps() Steps {
	o := &c.Options
	return Steps{N: o.N, Timesteps: o.Timesteps, Sigmas: o.Sigmas, Begin: o.Begin, OriginalSteps: o.Set.OriginalSteps, Reach: o.Set.Strength}
}

// checkTables compares the whole schedule, which a late beginning does not change.
func (c *goldenCase) checkTables(t *testing.T, s *Sampler, f *goldenFile) {
	st := c.steps()
	st.Begin = 0
	p, err := s.Plan(st)
	if err != nil {
		t.Fatal(err)
	}
	c.checkTimesteps(t, s, p)
	if c.Sigmas != nil {
		golden.Close(t, "sigmas", p.Sigmas(), c.Sigmas, tableTol)
	}
	golden.Close(t, "init noise sigma", []float64{p.InitNoiseSigma()}, []float64{c.InitNoiseSigma}, tableTol)
	golden.Equal(t, "order", []int{p.Order()}, []int{c.Order})
	c.checkAddNoise(t, s, f)
}

// checkTimesteps wants integer timesteps exactly and others within the tolerance of
// tables. Ancestral DPM2's are never integers by nature.
func (c *goldenCase) checkTimesteps(t *testing.T, s *Sampler, p *Plan) {
	have := p.Timesteps()
	r, _ := s.rule.(*kdpm2)
	halfway := r != nil && r.ancestral
	if !halfway && !slices.ContainsFunc(c.Timesteps, func(x float64) bool { return x != math.Trunc(x) }) {
		golden.Equal(t, "timesteps", have, c.Timesteps)
		return
	}
	golden.Equal(t, "number of timesteps", []int{len(have)}, []int{len(c.Timesteps)})
	for i := range min(len(have), len(c.Timesteps)) {
		tol := tableTol
		if halfway && i%2 == 1 {
			tol = cancellation(s.schedule, p, i)
		}
		golden.Close(t, fmt.Sprintf("timestep %d", i), have[i:i+1], c.Timesteps[i:i+1], tol)
	}
}

// cancellation is how far the reference's float32 may move the timestep of a halfway
// level of ancestral DPM2, with r = σ/σ_next. It takes down² as to² − up², where
// down² = to²/r²: four roundings of to² by 2⁻²⁴ are 4·2⁻²⁴·r² of down², and a fourth of
// that of the level, which has down under two square roots.
func cancellation(s *Schedule, p *Plan, i int) golden.Tol {
	r := p.sigmas[i-1] / p.sigmas[i]
	at := min(int(p.Timestep(i)), s.Len()-2)
	slope := s.logSigmas[at+1] - s.logSigmas[at]
	return golden.Tol{Abs: 1e-6 + 0x1p-24*r*r/slope, Rel: 1e-6, From: "float32 cancellation in the reference's σ_down"}
}

func checkRun[T Float](t *testing.T, c *goldenCase, plan *Plan, f *goldenFile, want [][]float64) {
	pictures := f.LatentShape[0]
	x := c.start(plan, f)
	run := Start[T](plan, pictures)
	y := convert[T](x)
	drawn := 0
	fresh := func(dst []T) {
		drawn++
		copy(dst, convert[T](f.Noise[drawn]))
	}
	for i := range want {
		golden.Close(t, fmt.Sprintf("input scale %d", i), []float64{plan.InputScale(i)}, []float64{c.InputScale[i]}, tableTol)
		if err := run.Step(y, answer(y, plan.InputScale(i), plan.Timestep(i)), fresh); err != nil {
			t.Fatal(err)
		}
		golden.Close(t, fmt.Sprintf("%T after call %d", y[0], i), y, want[i], c.tol())
	}
	if c.NonFiniteFrom != nil {
		// There the rule diverges, which is an error, or has a limit, which is taken.
		err := run.Step(y, answer(y, 1, 0), fresh)
		if ok := finite(convert[float64](y)...); !ok || (err == nil) != (plan.Err() == nil) {
			t.Errorf("call %d, where the reference is not finite: %v, error %v, error of the plan %v", *c.NonFiniteFrom, y, err, plan.Err())
		}
		return
	}
	golden.Equal(t, "calls, noises", []int{run.Call(), drawn, plan.Draws()}, []int{plan.Len(), *c.NoisesUsed, *c.NoisesUsed})
	if err := plan.Err(); err != nil {
		t.Error(err)
	}
}

// start is the first latents: noise, or a picture that is noised to where the run
// begins, half the noise with the two pictures swapped.
func (c *goldenCase) start(p *Plan, f *goldenFile) []float64 {
	noise := f.Noise[0]
	x := make([]float64, len(noise))
	if c.BeginX == nil {
		AddNoise(x, noise, noise, Level{Noise: p.InitNoiseSigma()})
		return x
	}
	half := len(noise) / 2
	picture := slices.Concat(noise[half:], noise[:half])
	for i := range picture {
		picture[i] *= 0.5
	}
	AddNoise(x, picture, noise, p.Level(0))
	return x
}

func TestGoldenBegin(t *testing.T) {
	for _, path := range golden.Glob(t, golden.Part(t, "sampler"), "*Scheduler.json") {
		f := golden.JSON[goldenFile](t, path)
		class := filepath.Base(path[:len(path)-len(".json")])
		for _, c := range f.Cases {
			if c.BeginX == nil {
				continue
			}
			s, err := c.sampler(class)
			if err != nil {
				t.Fatal(err)
			}
			p, err := s.Plan(c.steps())
			if err != nil {
				t.Fatal(err)
			}
			golden.Close(t, class+" "+c.Name, c.start(p, &f), c.BeginX, tableTol)
		}
	}
}

// checkAddNoise noises a picture for the first and the last timestep of the schedule,
// as image-to-image and training do. The case has one timestep for each of its pictures.
func (c *goldenCase) checkAddNoise(t *testing.T, s *Sampler, f *goldenFile) {
	if c.AddNoise == nil {
		return
	}
	p, err := s.Plan(Steps{N: c.Options.N})
	if err != nil {
		t.Fatal(err)
	}
	picture, noise := f.Noise[1], f.Noise[2]
	per := len(picture) / len(c.AddNoise.Timesteps)
	have, velocity := make([]float64, len(picture)), make([]float64, len(picture))
	for k, at := range c.AddNoise.Timesteps {
		i := callAt(p, at)
		a, b := k*per, (k+1)*per
		AddNoise(have[a:b], picture[a:b], noise[a:b], p.Level(i))
		trained := int(at)
		if p.Sigmas() != nil {
			trained = i // diffusers' Euler looks ᾱ up by the position in the run
		}
		l, err := s.Schedule().Level(trained)
		if err != nil {
			t.Fatal(err)
		}
		Velocity(velocity[a:b], picture[a:b], noise[a:b], l)
	}
	golden.Close(t, "add_noise", have, c.AddNoise.Result, tableTol)
	if c.Velocity != nil {
		golden.Close(t, "get_velocity", velocity, c.Velocity, tableTol)
	}
}

// callAt finds a timestep as the reference does: the second of equal ones.
func callAt(p *Plan, t float64) int {
	first := -1
	for i, u := range p.Timesteps() {
		if math.Abs(u-t) > 1e-6*max(1, t) {
			continue
		}
		if first >= 0 {
			return i
		}
		first = i
	}
	return first
}

func convert[T, F Float](x []F) []T {
	y := make([]T, len(x))
	for i, v := range x {
		y[i] = T(v)
	}
	return y
}

// TestGoldenDefaults compares what New assumes with the class's defaults: giving them
// outright changes nothing.
func TestGoldenDefaults(t *testing.T) {
	for _, path := range golden.Glob(t, golden.Part(t, "sampler"), "*Scheduler.json") {
		f := golden.JSON[goldenFile](t, path)
		class := filepath.Base(path[:len(path)-len(".json")])
		config, err := Config{}.As(class)
		if err != nil {
			t.Fatal(err)
		}
		row, _ := config.row()
		for key, value := range f.Defaults {
			given := row.rule()
			if !knows(row.rule(), key) {
				if !slices.Contains(ignored, key) {
					t.Errorf("%s: option %s is not known", class, key)
				}
				continue
			}
			if err := set(given, key, value); err != nil {
				t.Errorf("%s: %v", class, err)
				continue
			}
			have, _ := json.Marshal(fmt.Sprintf("%+v", row.rule()))
			want, _ := json.Marshal(fmt.Sprintf("%+v", given))
			if string(have) != string(want) && string(value) != "[]" {
				t.Errorf("%s: default of %s is not %s", class, key, value)
			}
		}
	}
}

// ignored are the options of classes that have no effect without flow matching, which
// is refused.
var ignored = []string{"flow_shift", "time_shift_type"}

// goldenTables is the file of the training schedules.
type goldenTables struct {
	Meta      json.RawMessage `json:"meta"`
	Schedules map[string]struct {
		Config     map[string]json.RawMessage `json:"config"`
		BetasFirst []float64                  `json:"betas_first"`
		BetasLast  []float64                  `json:"betas_last"`
		AlphaBarAt map[int]float64            `json:"alphas_cumprod_at"`
		Sum        float64                    `json:"alphas_cumprod_sum"`
	} `json:"schedules"`
}

// The tables hold the float32 values of the reference: equal but for zero-SNR, whose
// float32 square roots and products differ between the CPUs the reference runs on.
func TestGoldenSchedules(t *testing.T) {
	tol := golden.Tol{Rel: 1e-6, From: "float32 tables of the reference"}
	for name, want := range golden.JSON[goldenTables](t, golden.Part(t, "sampler/tables.json")).Schedules {
		c := goldenCase{Config: want.Config}
		s, err := c.sampler("DDPMScheduler")
		if err != nil {
			t.Fatal(err)
		}
		b := s.Schedule().betas
		golden.Close(t, name+": first β", b[:len(want.BetasFirst)], want.BetasFirst, tol)
		golden.Close(t, name+": last β", b[len(b)-len(want.BetasLast):], want.BetasLast, tol)
		for i, a := range want.AlphaBarAt {
			golden.Close(t, fmt.Sprintf("%s: ᾱ[%d]", name, i), []float64{s.Schedule().AlphaBar(i)}, []float64{a}, tol)
		}
		sum := 0.0
		for i := range s.Schedule().Len() {
			sum += s.Schedule().AlphaBar(i)
		}
		golden.Close(t, name+": Σᾱ", []float64{sum}, []float64{want.Sum}, tol)
	}
}
