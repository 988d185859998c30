package cpu

import (
	"math"

	"github.com/easel-go/easel/internal/asm"
	"github.com/easel-go/easel/internal/engine"
)

// attentionGrad computes the gradients of all heads that share a key/value head in
// one piece, so that nothing is summed across pieces. Here keys are in the lanes. For
// a block of keys and a block of queries it computes
//
//	P [queries][keys] = 2^(Q·Kᵀ − lse)      G = P∘(dY·Vᵀ − Σ dY∘Y)
//	dVᵀ += dYᵀ·P     dKᵀ += Qᵀ·G     dQ += G·K
//
// (Dao and others 2022, algorithm 4): five products, two of which the forward pass
// also has. dQ is added up over the blocks of keys in scratch.
type attentionGrad struct {
	longPieces
	engine.AttentionGrad
	pad     int // Dim, rounded up to whole vectors
	threads int
}

// A block of scores is as large as the first cache bears beside what its products need:
// gradQueries × gradKeys, the latter two of the widest panels.
const (
	gradQueries = 48
	gradKeys    = 96
)

func newAttentionGrad(e *Engine, op engine.AttentionGrad) (engine.Kernel, error) {
	return &attentionGrad{longPieces{}, op, (op.Dim + 15) / 16 * 16, e.threads}, nil
}

// gradScratch is a worker's scratch.
type gradScratch struct {
	kT, vT, dkT, dvT []float32 // [Dim][gradKeys]
	k                []float32 // [gradKeys][pad]
	p, g             []float32 // [gradQueries][gradKeys]
	bias             []float32 // [gradKeys]
	lse, mean        []float32 // [N]: lse in base 2, Σ dy∘y
	q, dy            []float32 // [N][Dim]
	dq               []float32 // [N][pad]
}

func (k *attentionGrad) sizes() [13]int {
	t, s := k.Dim*gradKeys, gradQueries*gradKeys
	return [...]int{t, t, t, t, gradKeys * k.pad, s, s, gradKeys, k.N, k.N, k.N * k.Dim, k.N * k.Dim, k.N * k.pad}
}

func (k *attentionGrad) workerLen() int {
	total := 0
	for _, n := range k.sizes() {
		total += (n + 15) / 16 * 16
	}
	return total
}

// Scratch holds transposed blocks and dQ of a head for each worker.
func (k *attentionGrad) Scratch() int64 { return int64(4 * k.threads * k.workerLen()) }

func (k *attentionGrad) scratch(a *engine.Args, w int) (t gradScratch) {
	s := engine.Slice[float32](a.Scratch)[w*k.workerLen():]
	sizes := k.sizes()
	for i, p := range [...]*[]float32{&t.kT, &t.vT, &t.dkT, &t.dvT, &t.k, &t.p, &t.g, &t.bias, &t.lse, &t.mean, &t.q, &t.dy, &t.dq} {
		*p = s[:sizes[i]]
		s = s[(sizes[i]+15)/16*16:]
	}
	return t
}

func (k *attentionGrad) Launch(r engine.Run, a *engine.Args) error {
	return r.(*run).parallel(k, a, 0, k.Batch*k.KVHeads)
}

func (k *attentionGrad) while(r *run, a *engine.Args, _, w, i int) {
	t := k.scratch(a, w)
	b, kv := i/k.KVHeads, i%k.KVHeads
	first := true
	for h := range k.Heads {
		if h*k.KVHeads/k.Heads != kv {
			continue
		}
		head := k.head(a, b, h)
		k.rows(head, t)
		for key := 0; key < k.M && !r.over(); key += gradKeys {
			k.keys(r, head, t, key, first)
		}
		k.writeQ(head, t)
		first = false
	}
}

// gradHead is what the gradient of one head reads and writes.
type gradHead struct {
	attentionHead
	dy, dq, dk, dv []float32
}

func (k *attentionGrad) head(a *engine.Args, b, h int) gradHead {
	kv := h * k.KVHeads / k.Heads
	n := len(a.In)
	t := gradHead{attentionHead: attentionHead{ldq: k.Heads * k.Dim, ldk: k.KVHeads * k.Dim}}
	q, key := b*k.N*t.ldq+h*k.Dim, b*k.M*t.ldk+kv*k.Dim
	t.q, t.y, t.dy, t.dq = in(a, 0)[q:], in(a, n-3)[q:], in(a, n-1)[q:], out(a, 0)[q:]
	t.k, t.v, t.dk, t.dv = in(a, 1)[key:], in(a, 2)[key:], out(a, 1)[key:], out(a, 2)[key:]
	t.lse = in(a, n-2)[(b*k.Heads+h)*k.N:][:k.N]
	t.bias, t.mask = biases(k.Attention, a, b)
	return t
}

// rows fills in what every row of queries has to itself. A row that saw no key gets
// an lse that makes all its probabilities 0.
func (k *attentionGrad) rows(h gradHead, t gradScratch) {
	for i := range k.N {
		t.lse[i] = float32(float64(h.lse[i]) * math.Log2E)
		if math.IsInf(float64(h.lse[i]), -1) {
			t.lse[i] = float32(math.Inf(1))
		}
	}
	asm.RowDots(t.mean, ptr(h.dy), ptr(h.y), 4*h.ldq, k.Dim)
	asm.CopyRows(ptr(t.q), 4*k.Dim, ptr(h.q), 4*h.ldq, k.N, k.Dim, 1)
	asm.CopyRows(ptr(t.dy), 4*k.Dim, ptr(h.dy), 4*h.ldq, k.N, k.Dim, 1)
	clear(t.dq)
}

// keys computes the gradients of a block of keys and what it adds to dQ.
func (k *attentionGrad) keys(r *run, h gradHead, t gradScratch, key int, first bool) {
	n := min(gradKeys, k.M-key)
	k.turnKeys(h, t, key, n)
	clear(t.dkT)
	clear(t.dvT)
	from := 0
	if k.Causal {
		from = max(key-(k.M-k.N), 0) / gradQueries * gradQueries // the first queries that see the first key
	}
	for q := from; q < k.N && !r.over(); q += gradQueries {
		k.queries(h, t, q, key, n)
	}
	k.writeKeys(h, t, key, n, first)
}

// turnKeys transposes a block of keys and values. Columns from n on, in the last
// vector of the last block, are of no key: nothing reads what comes of them.
func (k *attentionGrad) turnKeys(h gradHead, t gradScratch, key, n int) {
	asm.Turn(ptr(t.kT), 4*gradKeys, ptr(h.k[key*h.ldk:]), 4*h.ldk, n, k.Dim, float32(float64(k.Scale)*math.Log2E))
	asm.Turn(ptr(t.vT), 4*gradKeys, ptr(h.v[key*h.ldk:]), 4*h.ldk, n, k.Dim, 1)
	if k.pad > k.Dim {
		clear(t.k)
	}
	asm.CopyRows(ptr(t.k), 4*k.pad, ptr(h.k[key*h.ldk:]), 4*h.ldk, n, k.Dim, 1)
	for j := range n {
		if h.bias != nil {
			t.bias[j] = base2(h.bias[key+j])
		}
	}
}

// queries computes what a block of queries and a block of keys give each other.
func (k *attentionGrad) queries(h gradHead, t gradScratch, q, key, keys int) {
	n, wide := min(gradQueries, k.N-q), (keys+15)/16*16
	p := asm.Product{A: ptr(t.q[q*k.Dim:]), LdA: k.Dim, B: ptr(t.kT), LdB: gradKeys,
		C: ptr(t.p), LdC: gradKeys, M: n, N: wide, K: k.Dim}
	p.Run()
	p.A, p.B, p.C = ptr(t.dy[q*k.Dim:]), ptr(t.vT), ptr(t.g)
	p.Run()
	if h.bias != nil || h.mask != nil || k.Causal {
		for i := range n {
			k.hide(h, t, t.p[i*gradKeys:][:wide], q+i, key, keys)
		}
	}
	asm.SoftmaxGrad(t.p, t.g, gradKeys, wide, t.lse[q:q+n], t.mean[q:q+n])
	p = asm.Product{A: ptr(t.dy[q*k.Dim:]), LdA: k.Dim, Turned: true, B: ptr(t.p), LdB: gradKeys,
		C: ptr(t.dvT), LdC: gradKeys, Add: true, M: k.Dim, N: wide, K: n}
	p.Run()
	p.A, p.B, p.C = ptr(t.q[q*k.Dim:]), ptr(t.g), ptr(t.dkT)
	p.Run()
	p = asm.Product{A: ptr(t.g), LdA: gradKeys, B: ptr(t.k), LdB: k.pad,
		C: ptr(t.dq[q*k.pad:]), LdC: k.pad, Add: true, M: n, N: k.pad, K: keys}
	p.Run()
}

// hide adds bias and mask to a row of scores and hides what Causal does.
func (k *attentionGrad) hide(h gradHead, t gradScratch, s []float32, row, key, keys int) {
	if h.bias != nil {
		asm.Add(s, s, t.bias[:len(s)])
	}
	if h.mask != nil {
		for j, m := range h.mask[row*k.M+key:][:keys] {
			s[j] += base2(m)
		}
	}
	if k.Causal {
		for j := max(row+k.M-k.N+1-key, 0); j < keys; j++ {
			s[j] = float32(math.Inf(-1))
		}
	}
}

// writeKeys turns the gradients of a block of keys and values back; those of further
// heads are added.
func (k *attentionGrad) writeKeys(h gradHead, t gradScratch, key, n int, first bool) {
	if first {
		asm.Turn(ptr(h.dk[key*h.ldk:]), 4*h.ldk, ptr(t.dkT), 4*gradKeys, k.Dim, n, k.Scale)
		asm.Turn(ptr(h.dv[key*h.ldk:]), 4*h.ldk, ptr(t.dvT), 4*gradKeys, k.Dim, n, 1)
		return
	}
	for j := range n {
		dk, dv := h.dk[(key+j)*h.ldk:][:k.Dim], h.dv[(key+j)*h.ldk:][:k.Dim]
		for d := range k.Dim {
			dk[d] += k.Scale * t.dkT[d*gradKeys+j]
			dv[d] += t.dvT[d*gradKeys+j]
		}
	}
}

func (k *attentionGrad) writeQ(h gradHead, t gradScratch) {
	asm.CopyRows(ptr(h.dq), 4*h.ldq, ptr(t.dq), 4*k.pad, k.N, k.Dim, k.Scale)
}
