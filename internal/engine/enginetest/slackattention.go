package enginetest

import (
	"math"

	"github.com/easel-go/easel/internal/engine"
)

// scoreErrors bounds the error of every score of a row: of the sum over Dim, of the
// factor and of what is added; 0 of a hidden key's.
func (t heads) scoreErrors(b, h, i int, s []float64) []float64 {
	e := make([]float64, t.M)
	q := abs(t.q[t.query(b, i, h):][:t.Dim])
	for j := range e {
		if math.IsInf(s[j], -1) {
			continue
		}
		e[j] = float64(t.Dim+4) * u * math.Abs(float64(t.Scale)) * dot(q, abs(t.k[t.key(b, j, h):][:t.Dim]))
		if t.bias != nil {
			e[j] += 3 * u * math.Abs(t.bias[b*t.M+j])
		}
		if t.mask != nil {
			e[j] += 3 * u * math.Abs(t.mask[(b*t.N+i)*t.M+j])
		}
		e[j] += 3 * u * math.Abs(s[j])
	}
	return e
}

// attentionSlack: a probability has the relative error of its score's error and of
// the sum's, and the exponential's own.
func attentionSlack(op engine.Attention, in, out [][]float64) [][]float64 {
	t := newHeads(op, &in)
	y, lse := make([]float64, len(t.q)), make([]float64, op.Batch*op.Heads*op.N)
	for bhi := range lse {
		b, h, i := bhi/op.N/op.Heads, bhi/op.N%op.Heads, bhi%op.N
		s := t.scores(b, h, i)
		e, whole := t.scoreErrors(b, h, i, s), logSumExp(s)
		mean := float64(op.M+16) * u
		for j := range s {
			if p := weight(s[j], whole); p > 0 {
				e[j] += 2 * u * math.Abs(s[j]-whole)
				mean += p * e[j]
			}
		}
		lse[bhi] = mean + 3*u*math.Abs(whole)
		for j := range s {
			axpy(weight(s[j], whole)*(e[j]+2*mean)+tiny, abs(t.v[t.key(b, j, h):][:op.Dim]), y[t.query(b, i, h):])
		}
	}
	if op.LSE {
		return [][]float64{y, lse}
	}
	return [][]float64{y}
}

func attentionGradSlack(op engine.AttentionGrad, in [][]float64) [][]float64 {
	t := newHeads(op.Attention, &in)
	y, lse, dy := in[0], in[1], in[2]
	dq, dk, dv := make([]float64, len(t.q)), make([]float64, len(t.k)), make([]float64, len(t.v))
	scale := math.Abs(float64(op.Scale))
	sums := float64(op.Dim+2) * u
	queries := float64(op.N*op.Heads/op.KVHeads + 6)
	for bhi := range lse {
		b, h, i := bhi/op.N/op.Heads, bhi/op.N%op.Heads, bhi%op.N
		at := t.query(b, i, h)
		q, g := t.q[at:][:op.Dim], dy[at:][:op.Dim]
		s := t.scores(b, h, i)
		e := t.scoreErrors(b, h, i, s)
		mean, meanSize := dot(g, y[at:][:op.Dim]), dot(abs(g), abs(y[at:][:op.Dim]))
		for j := range s {
			p, key := weight(s[j], lse[bhi]), t.key(b, j, h)
			if p == 0 {
				continue
			}
			k, v := t.k[key:][:op.Dim], t.v[key:][:op.Dim]
			rel := e[j] + 4*u*(math.Abs(lse[bhi])+math.Abs(s[j])) + 8*u
			diff := math.Abs(dot(g, v) - mean)
			ds := p * diff
			dds := p*(rel*diff+sums*(dot(abs(g), abs(v))+meanSize)+3*u*(diff+math.Abs(mean))) + tiny
			axpy(p*(rel+queries*u)+tiny, abs(g), dv[key:])
			axpy(scale*(dds+float64(op.M+6)*u*ds), abs(k), dq[at:])
			axpy(scale*(dds+queries*u*ds), abs(q), dk[key:])
		}
	}
	return [][]float64{dq, dk, dv}
}
