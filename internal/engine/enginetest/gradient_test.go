package enginetest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/easel-go/easel/internal/engine"
)

// gradients pairs Ops with the Op that differentiates them. from gives the gradient
// Op its inputs; wrt names the input of the Op that each of its outputs is for.
var gradients = []struct {
	op, grad engine.Op
	from     func(in, out [][]float64, d []float64) [][]float64
	wrt      []int
}{
	{conv, engine.Conv2DInputGrad{Conv2D: conv}, func(in, _ [][]float64, d []float64) [][]float64 { return [][]float64{d, in[1]} }, []int{0}},
	{conv, engine.Conv2DWeightGrad{Conv2D: conv}, func(in, _ [][]float64, d []float64) [][]float64 { return [][]float64{in[0], d} }, []int{1}},
	{attn, engine.AttentionGrad{Attention: attn}, afterAll, []int{0, 1, 2}},
	{causal, engine.AttentionGrad{Attention: causal}, afterAll, []int{0, 1, 2}},
	{group, engine.GroupNormGrad{GroupNorm: group, Params: true}, after, []int{0, 1, 2}},
	{layer, engine.LayerNormGrad{LayerNorm: layer, Params: true}, afterLayer, []int{0, 1, 2}},
	{rms, engine.LayerNormGrad{LayerNorm: rms, Params: true}, after, []int{0, 1}},
	{plain, engine.LayerNormGrad{LayerNorm: plain, Params: true}, after, []int{0}},
	{engine.Softmax{Rows: 3, C: 5}, engine.SoftmaxGrad{Rows: 3, C: 5}, func(_, out [][]float64, d []float64) [][]float64 { return [][]float64{out[0], d} }, []int{0}},
	{engine.Gate{GLU: engine.GEGLU, Rows: 3, C: 4}, engine.GateGrad{GLU: engine.GEGLU, Rows: 3, C: 4}, after, []int{0}},
	{engine.Gate{GLU: engine.SwiGLU, Rows: 3, C: 4}, engine.GateGrad{GLU: engine.SwiGLU, Rows: 3, C: 4}, after, []int{0}},
	{engine.Cut{Outer: 2, Size: 5, Inner: 3, From: 1, To: 3}, engine.CutGrad{Outer: 2, Size: 5, Inner: 3, From: 1, To: 3}, only, []int{0}},
	{engine.Upsample{Batch: 2, H: 2, W: 3, C: 2, OutH: 5, OutW: 6}, engine.UpsampleGrad{Batch: 2, H: 2, W: 3, C: 2, OutH: 5, OutW: 6}, only, []int{0}},
	{turn, back, func(in, _ [][]float64, d []float64) [][]float64 { return [][]float64{d, in[1]} }, []int{0}},
	{engine.MSE{Batch: 2, Len: 5}, engine.MSEGrad{MSE: engine.MSE{Batch: 2, Len: 5}}, after, []int{0}},
	{engine.MSE{Batch: 2, Len: 5, Weighted: true}, engine.MSEGrad{MSE: engine.MSE{Batch: 2, Len: 5, Weighted: true}}, after, []int{0}},
	{engine.Embed{Rows: 6, Vocab: 4, C: 3, Weight: engine.Float32}, engine.EmbedGrad{Rows: 6, Vocab: 4, C: 3}, func(in, _ [][]float64, d []float64) [][]float64 { return [][]float64{in[1], d} }, []int{0}},
	{engine.Binary{Fn: engine.Add, Outer: 2, Rows: 3, Inner: 4, B: engine.Inner}, engine.Sum{Outer: 2, Rows: 3, Inner: 4, To: engine.Inner}, only, []int{1}},
	{engine.Binary{Fn: engine.Add, Outer: 2, Rows: 3, Inner: 4, B: engine.PerRow}, engine.Sum{Outer: 2, Rows: 3, Inner: 4, To: engine.PerRow}, only, []int{1}},
	{engine.Binary{Fn: engine.Add, Outer: 2, Rows: 3, Inner: 4, B: engine.Item}, engine.Sum{Outer: 2, Rows: 3, Inner: 4, To: engine.Item}, only, []int{1}},
	{engine.Binary{Fn: engine.Add, Outer: 2, Rows: 3, Inner: 4, B: engine.Outer}, engine.Sum{Outer: 2, Rows: 3, Inner: 4, To: engine.Outer}, only, []int{1}},
	{engine.Binary{Fn: engine.Add, Outer: 2, Rows: 3, Inner: 4, B: engine.Scalar}, engine.Sum{Outer: 2, Rows: 3, Inner: 4, To: engine.Scalar}, only, []int{1}},
}

var (
	conv   = engine.Conv2D{Batch: 2, H: 5, W: 4, In: 3, Out: 2, KH: 3, KW: 2, Stride: 2, Pad: [4]int{1, 0, 1, 1}, Weight: engine.Float32, Compute: engine.Float32}
	attn   = engine.Attention{Batch: 2, N: 3, M: 4, Heads: 4, KVHeads: 2, Dim: 3, Scale: 0.7, KeyBias: true, Mask: true, LSE: true}
	causal = engine.Attention{Batch: 1, N: 4, M: 3, Heads: 2, KVHeads: 2, Dim: 2, Scale: 0.7, Causal: true, LSE: true}
	group  = engine.GroupNorm{Batch: 2, Pixels: 3, C: 6, Groups: 3, Eps: 1e-5, Act: engine.SiLU}
	layer  = engine.LayerNorm{Rows: 3, C: 5, Eps: 1e-5, Gamma: true, Beta: true}
	rms    = engine.LayerNorm{Rows: 3, C: 5, Eps: 1e-5, RMS: true, Gamma: true}
	plain  = engine.LayerNorm{Rows: 3, C: 5, Eps: 1e-5}
	turn   = engine.Rope{Batch: 2, N: 3, Heads: 2, Dim: 6, Rot: 4, PerItem: true}
	back   = engine.Rope{Batch: 2, N: 3, Heads: 2, Dim: 6, Rot: 4, PerItem: true, Inverse: true}
)

func only(_, _ [][]float64, d []float64) [][]float64   { return [][]float64{d} }
func after(in, _ [][]float64, d []float64) [][]float64 { return append(in[:len(in):len(in)], d) }
func afterAll(in, out [][]float64, d []float64) [][]float64 {
	return append(append(in[:len(in):len(in)], out...), d)
}
func afterLayer(in, _ [][]float64, d []float64) [][]float64 { return [][]float64{in[0], in[1], d} }

// TestGradientsAreDerivatives holds the definitions of gradients against central
// differences of what they differentiate.
func TestGradientsAreDerivatives(t *testing.T) {
	for _, g := range gradients {
		t.Run(fmt.Sprintf("%T", g.grad), func(t *testing.T) {
			in, d := randomInputs(g.op)
			got := Define(g.grad, g.from(in, Define(g.op, in), d))
			for o, w := range g.wrt {
				checkDerivative(t, g.op, in, d, w, got[o])
			}
		})
	}
}

func TestSlopesAreDerivatives(t *testing.T) {
	for fn := engine.Identity; fn <= engine.ReLU; fn++ {
		op := engine.Unary{Fn: fn, Len: 200}
		in, d := randomInputs(op)
		checkDerivative(t, op, in, d, 0, Define(engine.UnaryGrad{Fn: fn, Len: 200}, [][]float64{in[0], d})[0])
	}
}

func randomInputs(op engine.Op) (in [][]float64, d []float64) {
	rng := rand.New(rand.NewPCG(1, 2))
	ops, outs := Operands(op)
	for _, o := range ops {
		v := make([]float64, o.Len)
		for i := range v {
			v[i] = rng.NormFloat64()
			if o.Dtype == engine.Int32 {
				v[i] = float64(rng.IntN(4))
			}
		}
		in = append(in, v)
	}
	d = make([]float64, outs[0].Len)
	for i := range d {
		d[i] = rng.NormFloat64()
	}
	return in, d
}

// checkDerivative compares got with how Σ d·op(in) changes with input w.
func checkDerivative(t *testing.T, op engine.Op, in [][]float64, d []float64, w int, got []float64) {
	t.Helper()
	const h = 1e-5
	at := func(i int, x float64) float64 {
		keep := in[w][i]
		in[w][i] = x
		defer func() { in[w][i] = keep }()
		return dot(d, Define(op, in)[0])
	}
	for i, x := range in[w] {
		want := (at(i, x+h) - at(i, x-h)) / (2 * h)
		if math.Abs(got[i]-want) > 1e-8*(1+math.Abs(want)) {
			t.Fatalf("%T for input %d: derivative %d is %v, want %v", op, w, i, got[i], want)
		}
	}
}
