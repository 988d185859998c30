package train

import (
	"testing"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/easel-go/easel/internal/graph"
	"github.com/easel-go/easel/internal/graph/graphtest"
	"github.com/easel-go/easel/internal/model"
)

// exactRun takes the steps of a run in float64 throughout, by the definitions of the
// ops: it tells the reference's own rounding from a mistake. AdamW enlarges rounding: a
// gradient that is all but zero has a sign by chance, and the step has the learning
// rate's size. It returns each step's loss, and the gradients of the last one in the
// order of Adapter.Params. Only plain runs: no accumulation, no clipping, no schedule.
func exactRun(t *testing.T, x recipe, data batches, steps int) (losses []float64, grads [][]float64) {
	tr, a := x.trainer(t)
	s := kolors(t)
	o := &AdamW{LearningRate: x.lr, WeightDecay: x.wd}
	var params []*tensor.Dense
	for _, p := range a.Params() {
		params = append(params, double(data32s(p.Value)))
	}
	for step := range steps {
		b := data.at(t, s, step, x.batch)
		g := graph.New()
		outs, err := tr.build(g, shape{len(b.Times), b.H, b.W, b.Conds[0].Rows, false})
		if err != nil {
			t.Fatal(err)
		}
		vals := graphtest.Eval(g, tr.leaves(g, b, params), outs...)
		losses, grads = append(losses, vals[0][0]), vals[2:]
		var model []gorgonia.ValueGrad
		for i, p := range params {
			model = append(model, valueGrad{p, tensor.New(tensor.WithShape(len(grads[i])), tensor.WithBacking(grads[i]))})
		}
		if err := o.Step(model); err != nil {
			t.Fatal(err)
		}
	}
	return losses, grads
}

func data32s(v *tensor.Dense) []float32 { return v.Data().([]float32) }

func double(v []float32) *tensor.Dense {
	return tensor.New(tensor.WithShape(len(v)), tensor.WithBacking(wide(v)))
}

func wide(v []float32) []float64 {
	w := make([]float64, len(v))
	for i, x := range v {
		w[i] = float64(x)
	}
	return w
}

// leaves gives a step's graph its inputs and parameters.
func (t *Trainer) leaves(g *graph.Builder, b Batch, params []*tensor.Dense) graphtest.Values {
	u := t.bundle.UNet
	ins := append(model.CondInputs(u, b.Conds), model.Input{Name: "sample", Values: b.Noisy}, model.Input{Name: "target", Values: b.Target},
		model.Input{Name: "time", Values: u.TimeFeatures(b.Times)}, model.Input{Name: "weight", Values: onesLike(b.Times)})
	byName := map[string][]float64{}
	for _, in := range ins {
		byName[in.Name] = wide(in.Values.([]float32))
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
