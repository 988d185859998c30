package train

import (
	"math"
	"slices"
	"testing"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/easel-go/easel/internal/graph"
	"github.com/easel-go/easel/internal/graph/graphtest"
)

// exact is a run in float64.
type exact struct {
	losses, norms []float64
	first         []float64   // prediction of the first step
	grads         [][]float64 // of the last step, in the order of Adapter.Params, before clipping
	ends          []float64   // lengths of the parameters after it
}

// exactRun takes the steps of a run in float64 throughout, by the definitions of the
// ops: it tells the reference's own rounding from a mistake. AdamW enlarges rounding: a
// gradient that is all but zero has a sign by chance, and the step has the learning
// rate's size.
func exactRun(t *testing.T, x recipe, data batches, steps int) (e exact) {
	tr, a := x.trainer(t)
	s := kolors(t)
	o := &AdamW{LearningRate: x.lr, WeightDecay: x.wd}
	var params []*tensor.Dense
	for _, p := range a.Params() {
		params = append(params, double(data32s(p.Value)))
	}
	for step := range steps {
		loss := 0.
		e.grads = nil
		for m := range x.accumulate {
			vals := tr.exactMicro(t, data.at(t, s, step*x.accumulate+m, x.batch), params)
			loss += vals[0][0] / float64(x.accumulate)
			if e.first == nil {
				e.first = vals[1]
			}
			e.grads = addTo(e.grads, vals[2:], 1/float64(x.accumulate))
		}
		norm := 0.
		for _, g := range e.grads {
			for _, v := range g {
				norm += v * v
			}
		}
		norm = math.Sqrt(norm)
		e.losses, e.norms = append(e.losses, loss), append(e.norms, norm)
		var model []gorgonia.ValueGrad
		for i, p := range params {
			g := x.clipped(e.grads[i], norm)
			model = append(model, valueGrad{p, tensor.New(tensor.WithShape(len(g)), tensor.WithBacking(g))})
		}
		o.LearningRate = x.schedule.Rate(x.lr, step)
		if err := o.Step(model); err != nil {
			t.Fatal(err)
		}
	}
	for _, p := range params {
		var sum float64
		for _, v := range p.Data().([]float64) {
			sum += v * v
		}
		e.ends = append(e.ends, math.Sqrt(sum))
	}
	return e
}

// exactMicro returns loss, prediction and gradients of a batch.
func (t *Trainer) exactMicro(test *testing.T, b Batch, params []*tensor.Dense) [][]float64 {
	g := graph.New()
	outs, err := t.build(g, t.shape(b))
	if err != nil {
		test.Fatal(err)
	}
	return graphtest.Eval(g, t.leaves(test, g, b, params), outs...)
}

func addTo(sums, more [][]float64, factor float64) [][]float64 {
	for i, g := range more {
		if len(sums) == i {
			sums = append(sums, make([]float64, len(g)))
		}
		for j, v := range g {
			sums[i][j] += factor * v
		}
	}
	return sums
}

func (x recipe) clipped(g []float64, norm float64) []float64 {
	c := slices.Clone(g)
	for i := range c {
		if x.clip > 0 {
			c[i] *= min(1, x.clip/(norm+1e-6))
		}
		if x.clipValue > 0 {
			c[i] = min(max(c[i], -x.clipValue), x.clipValue)
		}
	}
	return c
}

func data32s(v *tensor.Dense) []float32 { return v.Data().([]float32) }

func double(v []float32) *tensor.Dense {
	return tensor.New(tensor.WithShape(len(v)), tensor.WithBacking(wide(v)))
}

func wide[T float32 | int32](v []T) []float64 {
	w := make([]float64, len(v))
	for i, x := range v {
		w[i] = float64(x)
	}
	return w
}

// leaves gives a step's graph its inputs and parameters.
func (t *Trainer) leaves(test *testing.T, g *graph.Builder, b Batch, params []*tensor.Dense) graphtest.Values {
	byName := map[string][]float64{"weight": wide(onesLike(b.Times))}
	ins, err := t.inputs(b)
	if err != nil {
		test.Fatal(err)
	}
	for _, in := range ins {
		switch v := in.Values.(type) {
		case []float32:
			byName[in.Name] = wide(v)
		case []int32:
			byName[in.Name] = wide(v)
		}
	}
	for i, p := range t.adapter.Params() {
		byName[p.Name] = params[i].Data().([]float64)
	}
	v := graphtest.Values{}
	for _, n := range g.Nodes() {
		if l := g.Leaf(n); l != nil && byName[l.Name] != nil && l.Kind != graph.Constant {
			v[n] = byName[l.Name]
		}
	}
	return v
}

func onesLike(v []float64) []float32 {
	w := make([]float32, len(v))
	for i := range w {
		w[i] = 1
	}
	return w
}
