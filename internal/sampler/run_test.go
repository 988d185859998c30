package sampler

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/easel-go/easel/internal/golden"
)

// Many runs may follow one plan at a time: each gives what one alone gives.
func TestRunsShareAPlan(t *testing.T) {
	for _, class := range Classes() {
		p, err := newSampler(t, class).Plan(Steps{N: 10})
		if err != nil {
			t.Fatal(err)
		}
		want := followed[float32](t, p)
		var group sync.WaitGroup
		for range 4 {
			group.Go(func() {
				if have := followed[float32](t, p); !slices.Equal(have, want) {
					t.Errorf("%s: %v, want %v", class, have, want)
				}
			})
		}
		group.Wait()
	}
}

func followed[T Float](t *testing.T, p *Plan) []T {
	x := []T{1, -2, 0.5, 0.25}
	draw, wide := noises(7), make([]float64, len(x))
	run := Start[T](p, 2)
	for i := range p.Len() {
		err := run.Step(x, answer(x, p.InputScale(i), p.Timestep(i)), func(dst []T) {
			draw(wide)
			copy(dst, convert[T](wide))
		})
		if err != nil {
			t.Error(err)
			return nil
		}
	}
	return x
}

// A run keeps vectors only as long as some later call needs them.
func TestRunForgets(t *testing.T) {
	for _, class := range Classes() {
		p, err := newSampler(t, class).Plan(Steps{N: 20})
		if err != nil {
			t.Fatal(err)
		}
		run := Start[float64](p, 1)
		x, most := []float64{1, 2}, 0
		for i := range p.Len() {
			if err := run.Step(x, answer(x, p.InputScale(i), p.Timestep(i)), noises(1)); err != nil {
				t.Fatal(err)
			}
			most = max(most, len(run.samples)+len(run.models))
		}
		if len(run.samples)+len(run.models) != 0 {
			t.Errorf("%s: %d samples and %d references after the last call", class, len(run.samples), len(run.models))
		}
		if most > 13 { // Runge–Kutta's answers of three steps
			t.Errorf("%s: %d vectors at a time", class, most)
		}
	}
}

func TestLevels(t *testing.T) {
	s := newSampler(t, "DDPM").Schedule()
	l, err := s.Level(500)
	if err != nil {
		t.Fatal(err)
	}
	tol := golden.Tol{Rel: 1e-12, From: "float64"}
	golden.Close(t, "SNR", []float64{l.SNR()}, []float64{s.AlphaBar(500) / (1 - s.AlphaBar(500))}, tol)
	picture, noise := []float64{0.5, -1}, []float64{2, 3}
	noised, v := make([]float64, 2), make([]float64, 2)
	AddNoise(noised, picture, noise, l)
	if err := Target(v, picture, noise, l, VPrediction); err != nil {
		t.Fatal(err)
	}
	g := VPrediction.picture(l)
	for i := range v {
		golden.Close(t, "picture of velocity", []float64{g.x*noised[i] + g.y*v[i]}, picture[i:i+1], tol)
	}
	for p, want := range map[Prediction]float64{Epsilon: 1, VPrediction: l.SNR() / (l.SNR() + 1), SamplePrediction: l.SNR()} {
		w, err := l.MinSNRWeight(5, p)
		if err != nil {
			t.Fatal(err)
		}
		golden.Close(t, "weight of "+string(p), []float64{w}, []float64{want}, tol)
	}
	if _, err := l.MinSNRWeight(5, "flow"); err == nil || Target(v, v, v, l, "flow") == nil {
		t.Error("no error for an unknown prediction")
	}
	for _, out := range []int{-1, s.Len()} {
		if _, err := s.Level(out); err == nil {
			t.Errorf("no error for timestep %d", out)
		}
	}
}

// An SDXL step's latents at 1024×1024, which the network takes seconds for.
func BenchmarkStep(b *testing.B) {
	for _, class := range []string{"DDIM", "Euler", "DPM++ 2M", "UniPC", "PNDM", "DPM++ 2M SDE"} {
		b.Run(class, func(b *testing.B) {
			config, err := base(b).As(class)
			if err != nil {
				b.Fatal(err)
			}
			s, err := New(config)
			if err != nil {
				b.Fatal(err)
			}
			p, err := s.Plan(Steps{N: 30})
			if err != nil {
				b.Fatal(err)
			}
			x, out := make([]float32, 4*128*128), make([]float32, 4*128*128)
			run := Start[float32](p, 1)
			for b.Loop() {
				if run.Call() == p.Len() {
					run = Start[float32](p, 1)
				}
				if err := run.Step(x, out, func(dst []float32) { clear(dst) }); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(len(x)*b.N)/b.Elapsed().Seconds()/1e6, "Mvalues/s")
		})
	}
}

func BenchmarkPlan(b *testing.B) {
	for _, name := range []string{"DDIM", "DPM++ 2M Karras", "DPM++ 2M Beta", "UniPC", "LMS"} {
		s := newSampler(b, name)
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := s.Plan(Steps{N: 30}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "plans/s")
		})
	}
}

func ExampleSampler_Plan() {
	config, _ := ParseConfig([]byte(`{"_class_name": "EulerDiscreteScheduler", "num_train_timesteps": 1100, "beta_start": 0.00085,
		"beta_end": 0.014, "beta_schedule": "scaled_linear", "timestep_spacing": "leading", "steps_offset": 1}`)) // Kolors
	config, _ = config.As("DPM++ 2M Karras")
	s, _ := New(config)
	plan, _ := s.Plan(Steps{N: 5})
	for i := range plan.Len() {
		fmt.Printf("%4.0f %7.3f\n", plan.Timestep(i), plan.Sigmas()[i])
	}
	// Output:
	// 1099  29.061
	//  906   8.810
	//  572   2.088
	//   98   0.340
	//    0   0.029
}
