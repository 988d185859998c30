package enginetest

import (
	"math"

	"github.com/easel-go/easel/internal/engine"
)

// heads gives the definitions of attention their inputs by index.
type heads struct {
	engine.Attention
	q, k, v, bias, mask []float64
}

func newHeads(a engine.Attention, in *[][]float64) heads {
	return heads{a, operand(in, true), operand(in, true), operand(in, true), operand(in, a.KeyBias), operand(in, a.Mask)}
}

// query is where head h of row i begins in q, key where that of row j begins in k.
func (t heads) query(b, i, h int) int { return ((b*t.N+i)*t.Heads + h) * t.Dim }
func (t heads) key(b, j, h int) int   { return ((b*t.M+j)*t.KVHeads + h*t.KVHeads/t.Heads) * t.Dim }

// scores returns what row i of head h thinks of every key; −Inf of a hidden one.
func (t heads) scores(b, h, i int) []float64 {
	s := make([]float64, t.M)
	q := t.q[t.query(b, i, h):][:t.Dim]
	for j := range s {
		if t.Causal && j > i+t.M-t.N {
			s[j] = math.Inf(-1)
			continue
		}
		s[j] = float64(t.Scale) * dot(q, t.k[t.key(b, j, h):][:t.Dim])
		if t.bias != nil {
			s[j] += t.bias[b*t.M+j]
		}
		if t.mask != nil {
			s[j] += t.mask[(b*t.N+i)*t.M+j]
		}
	}
	return s
}

func dot(a, b []float64) float64 {
	s := 0.0
	for i := range a {
		s += a[i] * b[i]
	}
	return s
}

// axpy is y += a·x.
func axpy(a float64, x, y []float64) {
	for i := range x {
		y[i] += a * x[i]
	}
}

// logSumExp is log Σ exp(s), −Inf if every s is.
func logSumExp(s []float64) float64 {
	top := math.Inf(-1)
	for _, x := range s {
		top = math.Max(top, x)
	}
	if math.IsInf(top, -1) {
		return top
	}
	total := 0.0
	for _, x := range s {
		total += math.Exp(x - top)
	}
	return top + math.Log(total)
}

// weight is exp(s−lse), and 0 in a row that sees no key.
func weight(s, lse float64) float64 {
	if math.IsInf(lse, -1) {
		return 0
	}
	return math.Exp(s - lse)
}

func attention(op engine.Attention, in [][]float64) [][]float64 {
	t := newHeads(op, &in)
	y, lse := make([]float64, len(t.q)), make([]float64, op.Batch*op.Heads*op.N)
	for bhi := range lse {
		b, h, i := bhi/op.N/op.Heads, bhi/op.N%op.Heads, bhi%op.N
		s := t.scores(b, h, i)
		lse[bhi] = logSumExp(s)
		for j := range s {
			axpy(weight(s[j], lse[bhi]), t.v[t.key(b, j, h):][:op.Dim], y[t.query(b, i, h):])
		}
	}
	if op.LSE {
		return [][]float64{y, lse}
	}
	return [][]float64{y}
}

// attentionGrad follows from p = softmax(s), y = p·v:
// dv = pᵀ·dy, ds = p∘(dy·vᵀ − Σ dy∘y), dq = Scale·ds·k, dk = Scale·dsᵀ·q.
func attentionGrad(op engine.AttentionGrad, in [][]float64) [][]float64 {
	t := newHeads(op.Attention, &in)
	y, lse, dy := in[0], in[1], in[2]
	dq, dk, dv := make([]float64, len(t.q)), make([]float64, len(t.k)), make([]float64, len(t.v))
	scale := float64(op.Scale)
	for bhi := range lse {
		b, h, i := bhi/op.N/op.Heads, bhi/op.N%op.Heads, bhi%op.N
		at := t.query(b, i, h)
		g := dy[at:][:op.Dim]
		mean := dot(g, y[at:][:op.Dim])
		for j, s := range t.scores(b, h, i) {
			p, key := weight(s, lse[bhi]), t.key(b, j, h)
			ds := p * (dot(g, t.v[key:][:op.Dim]) - mean)
			axpy(p, g, dv[key:])
			axpy(scale*ds, t.k[key:][:op.Dim], dq[at:])
			axpy(scale*ds, t.q[at:][:op.Dim], dk[key:])
		}
	}
	return [][]float64{dq, dk, dv}
}
