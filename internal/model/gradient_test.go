package model

import (
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gorgonia.org/tensor"

	"github.com/easel-go/easel/internal/golden"
	"github.com/easel-go/easel/internal/graph"
	"github.com/easel-go/easel/internal/graph/graphtest"
	"github.com/easel-go/easel/internal/graph/op"
)

// TestGoldenUNetGradients differentiates a loss on the whole network by its inputs and
// by weights inside. The graph evaluated in float64 tells rounding from a mistake: see
// checkGradients.
func TestGoldenUNetGradients(t *testing.T) {
	for _, dir := range kinds(t) {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			f := golden.Tensors(t, dir+".golden/unet_grad.safetensors")
			b := open(t, dir, Options{})
			g, in, vals := unetInputs(t, f, b.UNet.Config(), b.UNet, "")
			vals["target"] = values(f.Get(t, "target"))
			out := b.UNet.Forward(g, in)
			loss := op.MSE(g, out, g.Input("target", tensor.Float32, g.Desc(out).Shape...), nil)
			names, wrt := gradientsOf(t, f, g)
			outs := append([]*graph.Node{loss, out}, graph.Backprop(g, loss, wrt...)...)
			have := evaluate(t, b, g, vals, outs...)
			exact := graphtest.Eval(g, doubleInputs(g, vals), outs...)
			golden.Close(t, "loss", have[0], f.Get(t, "loss").Float32s(), golden.Tol{Rel: 1e-5, From: "decisions 16"})
			checkGradients(t, f, names, have[2:], exact[2:])
		})
	}
}

// gradientsOf returns the gradients that a file has, and the leaves they are for.
func gradientsOf(t *testing.T, f *golden.File, g *graph.Builder) (names []string, wrt []*graph.Node) {
	leaf := map[string]*graph.Node{}
	for _, n := range g.Nodes() {
		if l := g.Leaf(n); l != nil {
			leaf[l.Name] = n
		}
	}
	leaf["x"], leaf["ctx"] = leaf["sample"], leaf["context"]
	for _, name := range f.Names() {
		if of, ok := strings.CutPrefix(name, "grad/"); ok {
			if leaf[of] == nil {
				t.Fatalf("no leaf for %s", name)
			}
			names, wrt = append(names, name), append(wrt, leaf[of])
		}
	}
	return names, wrt
}

// doubleInputs widens the inputs of a graph.
func doubleInputs(g *graph.Builder, vals map[string]any) graphtest.Values {
	wide := graphtest.Values{}
	for _, n := range g.Nodes() {
		if l := g.Leaf(n); l != nil && l.Kind == graph.Input {
			for _, x := range vals[l.Name].([]float32) {
				wide[n] = append(wide[n], float64(x))
			}
		}
	}
	return wide
}

// checkGradients compares three runs: the reference's and the program's in float32
// and the graph's in float64, which is exact beside them. Neither of the first two may
// be more than 10 times as far from the third as the other is: a wrong graph puts the
// reference far away, a wrong kernel the program. (They are up to 3 times as far on
// seven networks.)
func checkGradients(t *testing.T, f *golden.File, names []string, have [][]float32, exact [][]float64) {
	var want [][]float32
	for _, name := range names {
		want = append(want, values(f.Get(t, name)))
	}
	reference, program := errorsOf(want, exact), errorsOf(have, exact)
	for i, name := range names {
		if reference[i] > 10*program[i] {
			t.Errorf("%s: the reference is up to %.2g from the graph in float64, which is %.2g from the program in float32", name, reference[i], program[i])
		}
		golden.Close(t, name, have[i], want[i], golden.Tol{Abs: 10 * reference[i], From: "10 × the reference's float32 error"})
	}
	t.Logf("%d gradients", len(names))
}

// errorsOf returns how far float32 gradients may be said to be from exact ones: each
// its own distance, but no less than the worst of those that are not small (at least a
// hundredth of the largest) has relative to its largest number, nor than 10⁻⁷ of the
// largest number of all. Without that, gradients that came out right by luck, and
// zeros, would ask for more than float32 has.
func errorsOf(have [][]float32, exact [][]float64) []float64 {
	scale, own := make([]float64, len(exact)), make([]float64, len(exact))
	for i, x := range exact {
		scale[i], own[i] = distance(x, make([]float64, len(x))), distance(have[i], x)
	}
	largest, relative := slices.Max(scale), 0.0
	for i := range own {
		if scale[i] > largest/100 {
			relative = max(relative, own[i]/scale[i])
		}
	}
	for i := range own {
		own[i] = max(own[i], relative*scale[i], 1e-7*largest)
	}
	return own
}

// distance returns the largest difference.
func distance[T float32 | float64](x []T, y []float64) float64 {
	var d float64
	for i := range x {
		d = max(d, math.Abs(float64(x[i])-y[i]))
	}
	return d
}
