package op

import (
	"math"

	"github.com/easel-go/easel/internal/engine"
	"github.com/easel-go/easel/internal/graph"
)

// Attn says how queries attend to keys.
type Attn struct {
	Heads   int
	KVHeads int         // heads of keys and values, each shared by Heads/KVHeads queries' heads; 0 means Heads
	Scale   float32     // factor on the scores; 0 means 1/√D
	Causal  bool        // hides key j from query i where j > i + M − N
	KeyBias *graph.Node // [B, M], added to the scores of each key; −Inf hides it
	Mask    *graph.Node // [B, N, M], added to the scores
}

// Attention is softmax(Scale·q·kᵀ + bias)·v per head (Vaswani and others 2017), without
// the matrix of scores. KeyBias and Mask are taken as given: gradients flow to q, k
// and v alone.
//
//	q [B, N, Heads·D], k [B, M, KVHeads·D], v [B, M, KVHeads·D] → [B, N, Heads·D]
func Attention(b *graph.Builder, q, k, v *graph.Node, a Attn) *graph.Node {
	o := attention{
		heads: a.Heads, kvHeads: a.KVHeads, scale: a.Scale,
		causal: a.Causal, keyBias: a.KeyBias != nil, mask: a.Mask != nil,
	}
	if o.kvHeads == 0 {
		o.kvHeads = o.heads
	}
	return b.Part(b.Apply(o, with([]*graph.Node{q, k, v}, a.KeyBias, a.Mask)...), 0)
}

// attention has two results: y and, for the gradient, the logarithm of the sum of
// each row's exponentials.
type attention struct {
	heads, kvHeads        int
	scale                 float32
	causal, keyBias, mask bool
}

func (o attention) Name() string { return "attention" }

func (o attention) Infer(in []graph.Desc) (graph.Desc, error) {
	if float32s(in...) != nil || len(in[0].Shape) != 3 || len(in[1].Shape) != 3 {
		return want("float32 q [B, N, heads·dim], k and v [B, M, heads·dim]")
	}
	if o.heads < 1 || o.kvHeads < 1 || o.heads%o.kvHeads != 0 || last(in[0])%o.heads != 0 {
		return want("a width that %d heads divide, and %d heads of keys a divisor of them", o.heads, o.kvHeads)
	}
	batch, n, m, dim := in[0].Shape[0], in[0].Shape[1], in[1].Shape[1], last(in[0])/o.heads
	if !is(in[1], batch, m, o.kvHeads*dim) || !is(in[2], batch, m, o.kvHeads*dim) {
		return want("k and v [%d, M, %d]", batch, o.kvHeads*dim)
	}
	rest := in[3:]
	if o.keyBias {
		if !is(rest[0], batch, m) {
			return want("key bias [%d %d]", batch, m)
		}
		rest = rest[1:]
	}
	if o.mask && !is(rest[0], batch, n, m) {
		return want("mask [%d %d %d]", batch, n, m)
	}
	return of(graph.PackedShape(o.Parts(in))...)
}

func (o attention) Parts(in []graph.Desc) []graph.Desc {
	lse, _ := of(in[0].Shape[0], o.heads, in[0].Shape[1])
	return []graph.Desc{in[0], lse}
}

func (o attention) Written(used []bool) []int {
	if used[1] {
		return []int{0, 1}
	}
	return []int{0}
}

func (o attention) kernel(in []graph.Desc) engine.Attention {
	dim := last(in[0]) / o.heads
	scale := o.scale
	if scale == 0 {
		scale = float32(1 / math.Sqrt(float64(dim)))
	}
	return engine.Attention{
		Batch: in[0].Shape[0], N: in[0].Shape[1], M: in[1].Shape[1],
		Heads: o.heads, KVHeads: o.kvHeads, Dim: dim, Scale: scale,
		Causal: o.causal, KeyBias: o.keyBias, Mask: o.mask,
	}
}

func (o attention) Kernel(in []graph.Desc, used []bool) engine.Op {
	k := o.kernel(in)
	k.LSE = used[1]
	return k
}

func (o attention) Grad(d *graph.Diff) []*graph.Node {
	if len(d.Need) > 3 && (d.Need[3] || d.Need[len(d.Need)-1]) {
		graph.Fail("attention: no gradient flows to a key bias or mask")
	}
	b := d.B
	in := append(append([]*graph.Node{}, d.In...), b.Part(d.Out, 0), b.Part(d.Out, 1), d.Grad[0])
	return parts(d, b.Apply(attentionGrad{o}, in...), 0, 1, 2)
}

// attentionGrad takes q, k, v, the biases there are, y, lse and dy; its results are
// dq, dk and dv.
type attentionGrad struct{ attention }

func (o attentionGrad) Name() string { return "attention gradient" }

func (o attentionGrad) Parts(in []graph.Desc) []graph.Desc { return in[:3] }

func (o attentionGrad) Infer(in []graph.Desc) (graph.Desc, error) {
	return of(graph.PackedShape(o.Parts(in))...)
}

func (o attentionGrad) Written([]bool) []int { return []int{0, 1, 2} }

func (o attentionGrad) Kernel(in []graph.Desc, _ []bool) engine.Op {
	k := o.kernel(in)
	k.LSE = true
	return engine.AttentionGrad{Attention: k}
}

func (o attentionGrad) Grad(*graph.Diff) []*graph.Node { return noSecond(o) }
