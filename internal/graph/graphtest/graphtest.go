// Package graphtest says what a graph means: it computes nodes one by one in float64
// by the definitions of package enginetest, without a planner. Tests hold gradients
// and programs against it.
package graphtest

import (
	"math"
	"math/rand/v2"
	"testing"

	"gorgonia.org/tensor"

	"github.com/easel-go/easel/internal/engine/enginetest"
	"github.com/easel-go/easel/internal/graph"
)

// Values holds what leaves are, in float64: inputs by their nodes, and constants and
// variables that are to differ from their tensors.
type Values map[*graph.Node][]float64

// Eval computes outs in float64.
func Eval(b *graph.Builder, leaves Values, outs ...*graph.Node) [][]float64 {
	e := eval{b, leaves, map[*graph.Node][][]float64{}}
	r := make([][]float64, len(outs))
	for i, n := range outs {
		r[i] = e.node(n)[0]
	}
	return r
}

type eval struct {
	b      *graph.Builder
	leaves Values
	done   map[*graph.Node][][]float64 // the parts of each node
}

func (e eval) node(n *graph.Node) [][]float64 {
	v, ok := e.done[n]
	if !ok {
		v = e.compute(n)
		e.done[n] = v
	}
	return v
}

func (e eval) compute(n *graph.Node) [][]float64 {
	if v, ok := e.leaves[n]; ok {
		return [][]float64{v}
	}
	c := graph.CallOf(n)
	if c == nil {
		return [][]float64{float64s(e.b.Leaf(n).Value)}
	}
	if of, i, ok := graph.PartOf(n); ok {
		return e.node(of)[i : i+1]
	}
	in := make([][]float64, len(c.In))
	for i, x := range c.In {
		in[i] = e.node(x)[0]
	}
	if v, ok := c.Op.(graph.Viewer); ok {
		if from, ok := v.View(c.Descs()); ok {
			return [][]float64{in[0][from : from+c.Out.Size()]}
		}
	}
	var used []bool
	if p, ok := c.Op.(graph.Packed); ok {
		used = make([]bool, len(p.Parts(c.Descs())))
		for i := range used {
			used[i] = true
		}
	}
	return enginetest.Define(c.Op.Kernel(c.Descs(), used), in)
}

// float64s widens a tensor.
func float64s(v *tensor.Dense) []float64 {
	switch s := graph.Widen(v).Data().(type) {
	case []float32:
		return widened(s)
	case []int32:
		return widened(s)
	}
	panic("graphtest: a leaf of another dtype than graphs have")
}

func widened[T float32 | int32](s []T) []float64 {
	w := make([]float64, len(s))
	for i, x := range s {
		w[i] = float64(x)
	}
	return w
}

// Random returns a float32 tensor of normal numbers times scale, the same for the same
// seed.
func Random(seed uint64, scale float64, shape ...int) *tensor.Dense {
	rng := rand.New(rand.NewPCG(seed, 1))
	v := tensor.New(tensor.Of(tensor.Float32), tensor.WithShape(shape...))
	s := v.Data().([]float32)
	for i := range s {
		s[i] = float32(scale * rng.NormFloat64())
	}
	return v
}

// CheckGradient holds the gradients that graph.Backprop builds for wrt against central
// differences of loss, number by number.
func CheckGradient(t testing.TB, b *graph.Builder, leaves Values, loss *graph.Node, wrt ...*graph.Node) {
	t.Helper()
	grads := Eval(b, leaves, graph.Backprop(b, loss, wrt...)...)
	all := Values{}
	for n, v := range leaves {
		all[n] = v
	}
	for i, w := range wrt {
		v, ok := all[w]
		if !ok {
			v = float64s(b.Leaf(w).Value)
		}
		all[w] = append([]float64(nil), v...)
		checkAgainstDifferences(t, b, all, loss, w, grads[i])
	}
}

func checkAgainstDifferences(t testing.TB, b *graph.Builder, leaves Values, loss, w *graph.Node, grad []float64) {
	t.Helper()
	const h = 1e-4
	x := leaves[w]
	if len(grad) != len(x) {
		t.Fatalf("gradient for %s has %d numbers, want %d", w.Name(), len(grad), len(x))
	}
	for i, keep := range x {
		at := func(v float64) float64 {
			x[i] = v
			defer func() { x[i] = keep }()
			return Eval(b, leaves, loss)[0][0]
		}
		// The difference of fourth order, so that its own error is far below the tolerance.
		want := (8*(at(keep+h)-at(keep-h)) - (at(keep+2*h) - at(keep-2*h))) / (12 * h)
		if math.Abs(grad[i]-want) > 1e-7*(1+math.Abs(want)) {
			t.Fatalf("gradient for %s[%d] is %v, want %v", w.Name(), i, grad[i], want)
		}
	}
}
