package train

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/easel-go/easel/internal/golden"
)

// adamRun is a run of adamw.json.
type adamRun struct {
	Options struct {
		LR      float64
		Decay   *float64 `json:"weight_decay"`
		Eps     float64
		Betas   []float64
		AMSGrad bool
	}
	Grads, Params [][]float64
	M             []float64 `json:"exp_avg"`
	V             []float64 `json:"exp_avg_sq"`
}

func TestGoldenAdamW(t *testing.T) {
	file := golden.JSON[struct {
		Note string
		Runs map[string]adamRun
	}](t, golden.Part(t, "train/adamw.json"))
	for name, r := range file.Runs {
		t.Run(name, func(t *testing.T) {
			switch {
			case strings.HasSuffix(name, ".float32"):
				adamCase[float32](t, r, golden.Tol{Abs: 1e-7, Rel: 1e-7, From: "issue: AdamW 1e-7"})
			case strings.HasSuffix(name, ".float64"):
				adamCase[float64](t, r, golden.Tol{Rel: 1e-12, Abs: 1e-14, From: "float64"})
			default:
				t.Fatal("of no known type")
			}
		})
	}
}

func adamCase[T float32 | float64](t *testing.T, r adamRun, tol golden.Tol) {
	o := &AdamW{LearningRate: r.Options.LR, Eps: r.Options.Eps, WeightDecay: 0.01, AMSGrad: r.Options.AMSGrad}
	if r.Options.Decay != nil {
		o.WeightDecay = *r.Options.Decay
	}
	if b := r.Options.Betas; b != nil {
		o.Beta1, o.Beta2 = b[0], b[1]
	}
	of := func(v []float64) *tensor.Dense {
		w := make([]T, len(v))
		for i := range v {
			w[i] = T(v[i])
		}
		return tensor.New(tensor.WithShape(len(w)), tensor.WithBacking(w))
	}
	p := of(r.Params[0])
	for i, g := range r.Grads {
		if err := o.Step([]gorgonia.ValueGrad{valueGrad{p, of(g)}}); err != nil {
			t.Fatal(err)
		}
		golden.Close(t, fmt.Sprintf("params[%d]", i+1), p.Data().([]T), r.Params[i+1], tol)
	}
	moments := golden.Tol{Rel: 10 * max(tol.Rel, 1e-15), Abs: tol.Abs, From: "sums of 20 terms"}
	golden.Close(t, "exp_avg", o.M[0].([]T), r.M, moments)
	golden.Close(t, "exp_avg_sq", o.V[0].([]T), r.V, moments)
}

// TestGoldenGradScaler trains three numbers through overflows.
func TestGoldenGradScaler(t *testing.T) {
	file := golden.JSON[struct {
		Note     string
		Defaults map[string]float64
		Trace    []struct {
			Step          int
			ScaleBefore   float64  `json:"scale_before"`
			ScaledGrad    []string `json:"scaled_grad"`
			UnscaledGrad  []string `json:"unscaled_grad"`
			Skipped       bool
			Param         []float64
			ScaleAfter    float64 `json:"scale_after"`
			GrowthTracker int     `json:"growth_tracker"`
			AdamStep      int     `json:"adam_step"`
		}
	}](t, golden.Part(t, "train/gradscaler.json"))
	s := NewLossScaler()
	if s.Scale != file.Defaults["init_scale"] || float64(s.Interval) != file.Defaults["growth_interval"] {
		t.Errorf("defaults %+v, want %v", s, file.Defaults)
	}
	s.Interval = 3
	o := &AdamW{LearningRate: 0.1, WeightDecay: 0.01}
	p := tensor.New(tensor.WithShape(3), tensor.WithBacking([]float32{1, 1, 1}))
	for _, row := range file.Trace {
		if s.Scale != row.ScaleBefore {
			t.Fatalf("step %d: scale %v, want %v", row.Step, s.Scale, row.ScaleBefore)
		}
		g := make([]float32, 3)
		finite := true
		for i, text := range row.ScaledGrad {
			x, err := strconv.ParseFloat(text, 64)
			if err != nil {
				t.Fatal(err)
			}
			g[i] = float32(x / s.Scale)
			finite = finite && !math.IsNaN(x) && !math.IsInf(x, 0)
		}
		if finite == row.Skipped {
			t.Fatalf("step %d: skipped %v", row.Step, row.Skipped)
		}
		s.Update(finite)
		if finite {
			if err := o.Step([]gorgonia.ValueGrad{valueGrad{p, tensor.New(tensor.WithShape(3), tensor.WithBacking(g))}}); err != nil {
				t.Fatal(err)
			}
		}
		golden.Close(t, fmt.Sprintf("param after step %d", row.Step), p.Data().([]float32), row.Param, golden.Tol{Abs: 1e-6, From: "issue: AdamW 1e-7 of values of size 1, a few steps on"})
		if s.Scale != row.ScaleAfter || s.Good != row.GrowthTracker || o.Steps != row.AdamStep {
			t.Fatalf("step %d: scale %v, tracker %d, steps %d, want %v, %d, %d", row.Step, s.Scale, s.Good, o.Steps, row.ScaleAfter, row.GrowthTracker, row.AdamStep)
		}
	}
}

func TestGoldenSchedules(t *testing.T) {
	for name, r := range golden.JSON[map[string]struct {
		Options json.RawMessage
		Base    float64   `json:"base_lr"`
		Rates   []float64 `json:"lr_used_in_step"`
	}](t, golden.Part(t, "train/schedules.json")) {
		s := scheduleWith(t, name, r.Options)
		if err := s.Check(); err != nil {
			t.Fatal(err)
		}
		var rates []float64
		for i := range r.Rates {
			rates = append(rates, s.Rate(r.Base, i))
		}
		golden.Close(t, name, rates, r.Rates, golden.Tol{Rel: 1e-12, Abs: 1e-20, From: "float64"})
	}
}
