package nn

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"gorgonia.org/tensor"

	"github.com/easel-go/easel/internal/fault"
	"github.com/easel-go/easel/internal/graph"
	"github.com/easel-go/easel/internal/graph/graphtest"
	"github.com/easel-go/easel/internal/graph/op"
)

var seed uint64

// bound returns a parameter with random values.
func bound(name string, shape ...int) *Param {
	seed++
	return &Param{Shape: shape, Name: name, Value: graphtest.Random(seed, 1, shape...)}
}

func (p *Param) at(i ...int) float64 {
	k := 0
	for d, x := range i {
		k = k*p.Shape[d] + x
	}
	return float64(p.Value.Data().([]float32)[k])
}

// weights is an [out, in, k, k] filter in float64.
type weights struct {
	out, in, k int
	v          []float64
}

func newWeights(out, in, k int) *weights {
	return &weights{out, in, k, make([]float64, out*in*k*k)}
}

func (w *weights) fill(f func(o, i, y, x int) float64) *weights {
	for n := range w.v {
		x, y := n%w.k, n/w.k%w.k
		w.v[n] = f(n/w.k/w.k/w.in, n/w.k/w.k%w.in, y, x)
	}
	return w
}

func (w *weights) at(o, i, y, x int) float64 { return w.v[((o*w.in+i)*w.k+y)*w.k+x] }

// deltaCases say what each form of delta makes of a weight: the merged weight, given
// the scale.
type deltaCase struct {
	delta *Delta
	merge func(w *weights, s float64) *weights // W' of a layer [6, 4, k, k]
}

func plus(w *weights, s float64, dw func(o, i, y, x int) float64) *weights {
	return newWeights(w.out, w.in, w.k).fill(func(o, i, y, x int) float64 { return w.at(o, i, y, x) + s*dw(o, i, y, x) })
}

func lowRank(k int) (*LowRank, func(o, i, y, x int) float64) {
	l := &LowRank{Down: bound("down", 3, 4, k, k), Up: bound("up", 6, 3, 1, 1)}
	return l, func(o, i, y, x int) (sum float64) {
		for r := range 3 {
			sum += l.Up.at(o, r, 0, 0) * l.Down.at(r, i, y, x)
		}
		return sum
	}
}

func cases(k int) map[string]deltaCase {
	low, lowAt := lowRank(k)
	tucker := &LowRank{Down: bound("td", 3, 4, 1, 1), Mid: bound("tm", 2, 3, k, k), Up: bound("tu", 6, 2, 1, 1)}
	tuckerAt := func(o, i, y, x int) (sum float64) {
		for a := range 2 {
			for b := range 3 {
				sum += tucker.Up.at(o, a, 0, 0) * tucker.Mid.at(a, b, y, x) * tucker.Down.at(b, i, 0, 0)
			}
		}
		return sum
	}
	full := &Full{bound("full", 6, 4, k, k)}
	w1 := bound("w1", 2, 2)
	w2 := &LowRank{Down: bound("w2d", 1, 2, k, k), Up: bound("w2u", 3, 1, 1, 1)}
	kron := &Kronecker{W1: &Full{w1}, W2: w2}
	kronAt := func(o, i, y, x int) float64 {
		return w1.at(o/3, i/2) * w2.Up.at(o%3, 0, 0, 0) * w2.Down.at(0, i%2, y, x)
	}
	rows, cols := bound("rows", 6), bound("cols", 4)
	return map[string]deltaCase{
		"low rank":  {&Delta{Change: low, Scale: "s", Factor: 0.5}, func(w *weights, s float64) *weights { return plus(w, 0.5*s, lowAt) }},
		"tucker":    {&Delta{Change: tucker, Scale: "s"}, func(w *weights, s float64) *weights { return plus(w, s, tuckerAt) }},
		"full":      {&Delta{Change: full, Scale: "s"}, func(w *weights, s float64) *weights { return plus(w, s, full.Weight.at4) }},
		"kronecker": {&Delta{Change: kron, Scale: "s"}, func(w *weights, s float64) *weights { return plus(w, s, kronAt) }},
		"fixed":     {&Delta{Change: low}, func(w *weights, s float64) *weights { return plus(w, 1, lowAt) }},
		"rows": {&Delta{Change: low, Scale: "s", RowScale: rows}, func(w *weights, s float64) *weights {
			m := plus(w, s, lowAt)
			return newWeights(w.out, w.in, w.k).fill(func(o, i, y, x int) float64 { return rows.at(o) * m.at(o, i, y, x) })
		}},
		"columns": {&Delta{Change: low, Scale: "s", ColScale: cols}, func(w *weights, s float64) *weights {
			m := plus(w, s, lowAt)
			return newWeights(w.out, w.in, w.k).fill(func(o, i, y, x int) float64 { return cols.at(i) * m.at(o, i, y, x) })
		}},
	}
}

func (p *Param) at4(o, i, y, x int) float64 { return p.at(o, i, y, x) }

// TestDeltasOfLinear holds a layer with a delta against the weight it stands for.
func TestDeltasOfLinear(t *testing.T) {
	for name, c := range cases(1) {
		t.Run(name, func(t *testing.T) {
			l := &Linear{Weight: bound("w", 6, 4), Bias: bound("b", 6), Deltas: []*Delta{c.delta}}
			w := newWeights(6, 4, 1).fill(func(o, i, _, _ int) float64 { return l.Weight.at(o, i) })
			b := graph.New()
			checkMerged(t, b, l.Bias, c, w, op.Conv{}, []int{2, 3, 4}, l.Forward)
		})
	}
}

func TestDeltasOfConv2D(t *testing.T) {
	for k := 1; k <= 3; k += 2 {
		for name, c := range cases(k) {
			t.Run(fmt.Sprintf("%s %d×%d", name, k, k), func(t *testing.T) {
				l := NewConv2D(4, 6, k, 2, k/2)
				l.Weight, l.Bias, l.Deltas = bound("w", 6, 4, k, k), bound("b", 6), []*Delta{c.delta}
				w := newWeights(6, 4, k).fill(l.Weight.at4)
				checkMerged(t, graph.New(), l.Bias, c, w, l.Conv, []int{2, 5, 4, 4}, l.Forward)
			})
		}
	}
}

// checkMerged compares forward with a convolution by the merged weight.
func checkMerged(t *testing.T, b *graph.Builder, bias *Param, c deltaCase, w *weights, conv op.Conv, shape []int, forward func(*graph.Builder, *graph.Node) *graph.Node) {
	const s = 0.7
	x := b.Input("x", tensor.Float32, shape...)
	y := forward(b, x)
	values := graphtest.Values{x: random(b.Desc(x).Size()), b.Input("s", tensor.Float32, 1): []float64{s}}
	have := graphtest.Eval(b, values, y)[0]

	merged := b.Input("merged", tensor.Float32, w.out, w.in, w.k, w.k)
	values[merged] = c.merge(w, s).v
	picture := shape
	if len(shape) == 3 {
		picture = []int{shape[0], 1, shape[1], shape[2]}
	}
	want := graphtest.Eval(b, values, op.Conv2D(b, op.Reshape(b, x, picture...), merged, bias.Node(b), conv))[0]
	same(t, have, want)
}

func same(t *testing.T, have, want []float64) {
	t.Helper()
	if len(have) != len(want) {
		t.Fatalf("%d numbers, want %d", len(have), len(want))
	}
	for i := range want {
		if math.Abs(have[i]-want[i]) > 1e-6*(1+math.Abs(want[i])) { // factors are float32
			t.Fatalf("[%d]: have %v, want %v", i, have[i], want[i])
		}
	}
}

func random(n int) []float64 {
	seed++
	v := make([]float64, n)
	for i, x := range graphtest.Random(seed, 1, n).Data().([]float32) {
		v[i] = float64(x)
	}
	return v
}

// TestSeveralDeltas adds what each changes by itself.
func TestSeveralDeltas(t *testing.T) {
	low1, _ := lowRank(1)
	low2 := &LowRank{Down: bound("down 2", 2, 4), Up: bound("up 2", 6, 2)}
	rows1, rows2 := bound("rows 1", 6), bound("rows 2", 6)
	diff := bound("diff", 6)
	all := []*Delta{
		{Change: low1, Scale: "s1", Bias: diff},
		{Change: low2, Scale: "s2", RowScale: rows1},
		{Change: low1, Scale: "s3", RowScale: rows2},
	}
	l := &Linear{Weight: bound("w", 6, 4), Bias: bound("b", 6)}
	b := graph.New()
	x := b.Input("x", tensor.Float32, 2, 3, 4)
	values := graphtest.Values{x: random(24)}
	for i, s := range []float64{0.5, -1, 2} {
		values[b.Input(fmt.Sprintf("s%d", i+1), tensor.Float32, 1)] = []float64{s}
	}
	eval := func(ds ...*Delta) []float64 {
		l.Deltas = ds
		return graphtest.Eval(b, values, l.Forward(b, x))[0]
	}
	base := eval()
	want := slices.Clone(base)
	for _, d := range all {
		for i, y := range eval(d) {
			want[i] += y - base[i]
		}
	}
	same(t, eval(all...), want)
}

// TestTrainableDelta differentiates by the matrices of every form.
func TestTrainableDelta(t *testing.T) {
	for name, c := range cases(3) {
		t.Run(name, func(t *testing.T) {
			d := *c.delta
			d.Trainable = true
			l := NewConv2D(4, 6, 3, 1, 1)
			l.Weight, l.Bias, l.Deltas = bound("w", 6, 4, 3, 3), bound("b", 6), []*Delta{&d}
			b := graph.New()
			x, target := b.Input("x", tensor.Float32, 1, 2, 3, 4), b.Input("target", tensor.Float32, 1, 2, 3, 6)
			values := graphtest.Values{x: random(24), target: random(36), b.Input("s", tensor.Float32, 1): []float64{0.7}}
			loss := op.MSE(b, l.Forward(b, x), target, nil)
			var wrt []*graph.Node
			for _, n := range b.Nodes() {
				if leaf := b.Leaf(n); leaf != nil && leaf.Kind == graph.Variable && leaf.Name != "rows" && leaf.Name != "cols" {
					wrt = append(wrt, n)
				}
			}
			if len(wrt) == 0 {
				t.Fatal("nothing to train")
			}
			graphtest.CheckGradient(t, b, values, loss, wrt...)
		})
	}
}

func TestUnboundIsAnError(t *testing.T) {
	err := func() (err error) {
		defer Catch(&err)
		b := graph.New()
		NewLinear(4, 6).Forward(b, b.Input("x", tensor.Float32, 1, 4))
		return nil
	}()
	if fault.KindOf(err) != fault.Missing {
		t.Errorf("have %v", err)
	}
}

func TestLayersName(t *testing.T) {
	net := struct {
		Proj  *Linear    `weight:"proj"`
		Conv  *Conv2D    `weight:"conv"`
		Norm  *GroupNorm `weight:"norm"`
		Layer *LayerNorm `weight:"layer"`
		RMS   *RMSNorm   `weight:"rms"`
		Table *Embedding `weight:"table"`
	}{NewProjection(2, 3), NewConv2D(2, 4, 3, 1, 1), NewGroupNorm(2, 4, 1e-5), NewLayerNorm(3, 1e-5), NewRMSNorm(3, 1e-5), NewEmbedding(7, 2)}
	var have []string
	for name, p := range Walk[*Param](&net) {
		have = append(have, fmt.Sprint(name, []int(p.Shape)))
	}
	want := []string{
		"proj.weight[3 2]", "conv.weight[4 2 3 3]", "conv.bias[4]", "norm.weight[4]", "norm.bias[4]",
		"layer.weight[3]", "layer.bias[3]", "rms.weight[3]", "table.weight[7 2]",
	}
	if !slices.Equal(have, want) {
		t.Errorf("have %q", have)
	}
}

// TestLayersForward builds every layer and looks at the shapes.
func TestLayersForward(t *testing.T) {
	b := graph.New()
	x := b.Input("x", tensor.Float32, 2, 4, 6, 8)
	conv := &Conv2D{Weight: bound("c", 5, 8, 3, 3), Bias: bound("cb", 5), Conv: op.Conv{Pad: [4]int{1, 1, 1, 1}}}
	for name, c := range map[string]struct {
		y    *graph.Node
		want tensor.Shape
	}{
		"linear":    {(&Linear{Weight: bound("w", 3, 8)}).Forward(b, x), tensor.Shape{2, 4, 6, 3}},
		"conv":      {conv.Forward(b, x), tensor.Shape{2, 4, 6, 5}},
		"conv up":   {conv.ForwardUp(b, x, 8, 12), tensor.Shape{2, 8, 12, 5}},
		"groupnorm": {(&GroupNorm{bound("g", 8), bound("gb", 8), 4, 1e-5}).Forward(b, x), tensor.Shape{2, 4, 6, 8}},
		"layernorm": {(&LayerNorm{bound("l", 8), nil, 1e-5}).Forward(b, x), tensor.Shape{2, 4, 6, 8}},
		"rmsnorm":   {(&RMSNorm{bound("r", 8), 1e-5}).Forward(b, x), tensor.Shape{2, 4, 6, 8}},
		"embedding": {(&Embedding{bound("e", 9, 4)}).Forward(b, b.Input("ids", tensor.Int32, 2, 5)), tensor.Shape{2, 5, 4}},
	} {
		if !c.y.Shape().Eq(c.want) {
			t.Errorf("%s: shape %v, want %v", name, c.y.Shape(), c.want)
		}
	}
}
