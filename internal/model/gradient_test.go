package model

import (
	"math"
	"path/filepath"
	"strings"
	"testing"

	"gorgonia.org/tensor"

	"github.com/easel-go/easel/internal/golden"
	"github.com/easel-go/easel/internal/graph"
	"github.com/easel-go/easel/internal/graph/graphtest"
	"github.com/easel-go/easel/internal/graph/op"
)

// TestGoldenUNetGradients differentiates a loss on the whole network by its inputs and
// by weights inside. The graph evaluated in float64 tells the reference's own rounding
// from a mistake: the reference must lie within 2·10⁻⁴ of each gradient's largest
// number from it (it is up to 1.7·10⁻⁴ away, behind 30 norms in float32), and the
// program within 10 times the reference's distance from the reference.
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

func checkGradients(t *testing.T, f *golden.File, names []string, have [][]float32, exact [][]float64) {
	var most float64
	for _, x := range exact {
		most = max(most, distance(x, make([]float64, len(x))))
	}
	none := 1e-7 * most // a gradient that is zero but for rounding
	for i, name := range names {
		want := values(f.Get(t, name))
		scale := distance(exact[i], make([]float64, len(want)))
		own := distance(want, exact[i])
		if own > 2e-4*scale+none {
			t.Errorf("%s: the reference is %.2g from the graph in float64, its largest number %.2g", name, own, scale)
		}
		golden.Close(t, name, have[i], want, golden.Tol{Abs: 10*own + none, From: "10 × the reference's float32 error"})
	}
	t.Logf("%d gradients, the largest number %.3g", len(names), most)
}

// distance returns the largest difference.
func distance[T float32 | float64](x []T, y []float64) float64 {
	var d float64
	for i := range x {
		d = max(d, math.Abs(float64(x[i])-y[i]))
	}
	return d
}
