package train

import (
	"cmp"
	"errors"
	"math"
	"path/filepath"
	"slices"
	"testing"

	"gorgonia.org/tensor"

	"github.com/easel-go/easel/internal/engine"
	"github.com/easel-go/easel/internal/engine/cpu"
	"github.com/easel-go/easel/internal/fault"
	"github.com/easel-go/easel/internal/golden"
	"github.com/easel-go/easel/internal/graph"
	"github.com/easel-go/easel/internal/graph/graphtest"
	"github.com/easel-go/easel/internal/model"
	"github.com/easel-go/easel/internal/rng"
	"github.com/easel-go/easel/internal/weights"
)

var textTargets = []string{"q_proj", "k_proj", "v_proj", "out_proj"}

// pipelines opens every whole model of the golden tree.
func pipelines(t *testing.T) map[string]*model.Bundle {
	all := map[string]*model.Bundle{}
	for _, path := range golden.Glob(t, golden.Part(t, "model"), "*/model_index.json") {
		b, err := model.Open(filepath.Dir(path), model.Options{Engine: cpu.New(cpu.Options{})})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { b.Close() })
		all[filepath.Base(filepath.Dir(path))] = b
	}
	return all
}

// textTrainer trains UNet and text encoders; no matrix is zero.
func textTrainer(t *testing.T, b *model.Bundle, o Options) *Trainer {
	draw := rng.NewTorch(3)
	a, err := Attach(append(Match(b.UNet, targets), MatchTexts(b, textTargets)...), Init{Rank: 2, Alpha: 2, Draw: draw})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Detach)
	for _, p := range a.B {
		v := data(p)
		draw.Normal(v, rng.F32)
		for i := range v {
			v[i] *= 0.1
		}
	}
	o.Optimizer = &AdamW{LearningRate: 1e-3}
	tr, err := New(b, a, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tr.Close)
	return tr
}

// textBatch is two captions with noise of side×side latents.
func textBatch(b *model.Bundle, side int) Batch {
	u := b.UNet.Config()
	draw := func(n int) []float32 {
		v := make([]float32, n)
		rng.NewTorch(int64(n)).Normal(v, rng.F32)
		return v
	}
	x := Batch{H: side, W: side, Noisy: draw(2 * side * side * u.InChannels), Target: draw(2 * side * side * u.OutChannels), Times: []float64{100, 700}, Texts: []string{"a cat", "a photo of two dogs"}}
	for range x.Times {
		c := model.Cond{}
		if u.AddEmbeddingIn > 0 {
			c.TimeIDs = TimeIDs(8*side, 8*side)
		}
		x.Conds = append(x.Conds, c)
	}
	return x
}

// TestTextGradients holds the gradients of the text encoders' layers against the graph
// in float64, and that against differences of the loss; recomputation changes no bit.
// Kolors is refused.
func TestTextGradients(t *testing.T) {
	for name, b := range pipelines(t) {
		t.Run(name, func(t *testing.T) {
			if b.Family() == weights.Kolors {
				refuseText(t, b)
				return
			}
			x := textBatch(b, 8)
			tr := textTrainer(t, b, Options{})
			if _, err := tr.Micro(t.Context(), x); err != nil {
				t.Fatal(err)
			}
			have := tr.Gradients()
			checkDifferences(t, tr, x, have)
			again := textTrainer(t, b, Options{Checkpointing: true})
			tr.adapter.Detach()
			if _, err := again.Micro(t.Context(), x); err != nil {
				t.Fatal(err)
			}
			for i, p := range again.Params() {
				golden.Equal(t, "with recomputation: "+p.Name, again.Gradients()[i], have[i])
			}
			if again.Memory() >= tr.Memory() {
				t.Errorf("%d bytes of activations with recomputation, %d without", again.Memory(), tr.Memory())
			}
		})
	}
}

func refuseText(t *testing.T, b *model.Bundle) {
	g := graph.New()
	err := func() (err error) {
		defer graph.Catch(&err)
		b.Texts(g, 1)
		return nil
	}()
	if !errors.Is(err, fault.Unsupported) {
		t.Errorf("%v, want Unsupported", err)
	}
}

// checkDifferences compares a step's gradients. A number of each matrix of the text
// encoders is held against the difference that it makes.
func checkDifferences(t *testing.T, tr *Trainer, x Batch, have [][]float32) {
	g := graph.New()
	outs, err := tr.build(g, tr.shape(x))
	if err != nil {
		t.Fatal(err)
	}
	var params []*tensor.Dense
	for _, p := range tr.Params() {
		params = append(params, double(data(p)))
	}
	leaves := tr.leaves(t, g, x, params)
	exact := graphtest.Eval(g, leaves, outs...)[2:]
	var tops [2]float64 // of all A and of all B
	for i, v := range exact {
		for _, x := range v {
			tops[i%2] = max(tops[i%2], math.Abs(x))
		}
	}
	var own float64 // of the UNet's gradients
	for i, v := range exact {
		for j, x := range v {
			if tr.adapter.Layers[i/2].Part == "" {
				own = max(own, math.Abs(float64(have[i][j])-x)/tops[i%2])
			}
		}
	}
	tol := golden.Tol{Abs: max(1e-5, 2*own), From: "of the largest; issue: 1e-5, or twice the float32 error of the UNet's own gradients"}
	for i, p := range tr.Params() {
		if tr.adapter.Layers[i/2].Part == "" {
			continue
		}
		top := slices.MaxFunc(exact[i], func(a, b float64) int { return cmp.Compare(math.Abs(a), math.Abs(b)) })
		if unread := tr.solver[i].(valueGrad).grad == nil; unread != (top == 0) {
			t.Fatalf("%s: the largest gradient is %g; the optimiser passes it over: %v", p.Name, top, unread)
		}
		golden.Close(t, p.Name, have[i], exact[i], golden.Tol{Abs: tol.Abs * tops[i%2], From: tol.From})
		at := slices.Index(exact[i], top)
		if i%3 != 0 {
			continue // differences cost two evaluations
		}
		if d := difference(g, leaves, outs[0], params[i].Data().([]float64), at); math.Abs(d-top) > 1e-6*math.Abs(top)+1e-12 {
			t.Errorf("%s[%d]: gradient %v, a difference of the loss says %v", p.Name, at, top, d)
		}
	}
}

// difference is the slope of the loss by number i of v.
func difference(g *graph.Builder, leaves graphtest.Values, loss *graph.Node, v []float64, i int) float64 {
	const h = 1e-5
	keep := v[i]
	defer func() { v[i] = keep }()
	at := func(x float64) float64 {
		v[i] = x
		return graphtest.Eval(g, leaves, loss)[0][0]
	}
	return (at(keep+h) - at(keep-h)) / (2 * h)
}

// TestTextRate takes a step with another learning rate for the text encoders: AdamW's
// first has that size.
func TestTextRate(t *testing.T) {
	for name, b := range pipelines(t) {
		if b.Family() == weights.Kolors {
			continue
		}
		tr := textTrainer(t, b, Options{TextRate: 1e-5, Compute: engine.Bfloat16})
		if _, err := tr.Micro(t.Context(), textBatch(b, 8)); err != nil {
			t.Fatal(err)
		}
		var before [][]float32
		for _, p := range tr.Params() {
			before = append(before, slices.Clone(data(p)))
		}
		if _, err := tr.Update(); err != nil {
			t.Fatal(err)
		}
		for i, p := range tr.Params() {
			if tr.solver[i].(valueGrad).grad == nil || largest(tr.Gradients()[i]) < 1e-5 { // of AdamW's epsilon's size
				golden.Close(t, p.Name, data(p), before[i], golden.Tol{Abs: 1e-3, From: "the learning rate"})
				continue
			}
			most := 0.
			for j, v := range data(p) {
				most = max(most, math.Abs(float64(v-before[i][j])))
			}
			want := 1e-3
			if tr.adapter.Layers[i/2].Part != "" {
				want = 1e-5
			}
			if math.Abs(most/want-1) > 0.02 {
				t.Errorf("%s: %s moved by %g, want %g", name, p.Name, most, want)
			}
		}
	}
}
