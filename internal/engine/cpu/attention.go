package cpu

import (
	"math"
	"unsafe"

	"github.com/easel-go/easel/internal/asm"
	"github.com/easel-go/easel/internal/engine"
)

// attention keeps queries in the lanes of vectors. For a tile of queries, a column
// each, and a block of keys it computes
//
//	S [keys][queries] = K·Qᵀ       K read in place, a key's numbers broadcast
//	S = 2^(S − top)                top and sum of each column carried along
//	O [Dim][queries] = O·keep + Vᵀ·S    V read in place, likewise
//
// (Dao and others 2022, algorithm 1, transposed.) Nothing is padded but the last tile
// of queries, maxima and sums need no shuffles, and the scores stay in the first
// cache. Scores are in base 2: Qᵀ is multiplied by Scale·log₂e when it is turned.
//
// Measured with BenchmarkAttention on one thread of a busy two-core Xeon with AVX-512
// (November 2026): 66 to 72 % of the multiply-add peak at 4096×40, 65 to 77 % at
// 4096×64, 60 to 66 % at 1024×64, 45 to 55 % at 77 keys; of AVX2's peak 70 to 73 %.
// What is missing is, in equal parts, the exponentials (7 cycles for 16) and the
// beginning and end of products as short as a head. BenchmarkAttentionGrad: 2.4 to 2.9
// times as long.
type attention struct {
	engine.Attention
	lanes   int // queries of a tile
	tiles   int // tiles of a piece, which share a block of keys while it is near
	threads int
}

// tileLanes returns how many queries a tile has. Wider tiles keep the arithmetic units
// busier, but may leave more lanes of the last one empty.
func tileLanes(n int) int {
	if asm.Use() < asm.AVX512 {
		return 16
	}
	if 15*pieces(n, 48)*48 <= 16*pieces(n, 32)*32 {
		return 48
	}
	return 32
}

// keyBlock is how many keys are taken at a time: as many as leave the scores in the
// first cache beside a tile's queries.
const keyBlock = 96

func newAttention(e *Engine, op engine.Attention) (engine.Kernel, error) {
	lanes := tileLanes(op.N)
	return &attention{op, lanes, min(4, pieces(op.N, lanes)), e.threads}, nil
}

// tile is the scratch of a tile of queries.
type queryTile struct{ q, o, top, sum, keep []float32 }

func (k *attention) tileLen() int   { return (2*k.Dim + 3) * k.lanes }
func (k *attention) workerLen() int { return k.tiles*k.tileLen() + keyBlock*k.lanes }

// headLen is the length of a head's keys brought together, 0 if they are read in place:
// if they are together, or too few queries would read them.
func (k *attention) headLen() int {
	if k.KVHeads == 1 || k.N <= 2*k.lanes {
		return 0
	}
	return k.M * k.Dim
}

// Scratch holds the tiles of a piece and a block of scores for each worker, and keys and
// values with those of a head together.
func (k *attention) Scratch() int64 {
	return int64(4 * (k.threads*k.workerLen() + 2*k.Batch*k.KVHeads*k.headLen()))
}

func (k *attention) tile(s []float32, t int) queryTile {
	s = s[t*k.tileLen():]
	n, l := k.Dim*k.lanes, k.lanes
	return queryTile{s[:n], s[n:][:n], s[2*n:][:l], s[2*n+l:][:l], s[2*n+2*l:][:l]}
}

func (k *attention) perHead() int { return pieces(k.N, k.tiles*k.lanes) }

func (k *attention) Launch(r engine.Run, a *engine.Args) error {
	if k.headLen() > 0 {
		if err := r.(*run).parallel(k, a, 0, 2*k.Batch*k.KVHeads); err != nil {
			return err
		}
	}
	return r.(*run).parallel(k, a, 1, k.Batch*k.Heads*k.perHead())
}

func (k *attention) do(a *engine.Args, phase, w, i int) {
	if phase == 0 {
		k.gather(a, i)
		return
	}
	s := engine.Slice[float32](a.Scratch)[w*k.workerLen():][:k.workerLen()]
	head := k.head(a, i/k.perHead()/k.Heads, i/k.perHead()%k.Heads)
	first, end := span(i%k.perHead(), k.tiles*k.lanes, k.N)
	n := pieces(end-first, k.lanes)
	for t := range n {
		k.begin(head, k.tile(s, t), first+t*k.lanes)
	}
	scores := s[k.tiles*k.tileLen():]
	for key := 0; key < k.M; key += keyBlock {
		for t := range n {
			k.block(head, k.tile(s, t), scores, first+t*k.lanes, key)
		}
	}
	for t := range n {
		k.finish(head, k.tile(s, t), first+t*k.lanes)
	}
}

// gatherRows is how many rows gather copies at once, for other goroutines' sake.
const gatherRows = 512

// gather brings the keys of a head together, or its values, which come after all keys:
// rows that lie a whole row of heads apart fall into few sets of the cache.
func (k *attention) gather(a *engine.Args, i int) {
	from, head := in(a, 1), i
	if heads := k.Batch * k.KVHeads; i >= heads {
		from, head = in(a, 2), i-heads
	}
	b, h, ld := head/k.KVHeads, head%k.KVHeads, k.KVHeads*k.Dim
	to := k.together(a, i)
	for row := 0; row < k.M; row += gatherRows {
		x := from[(b*k.M+row)*ld+h*k.Dim:]
		asm.CopyRows(ptr(to[row*k.Dim:]), 4*k.Dim, ptr(x), 4*ld, min(gatherRows, k.M-row), k.Dim, 1)
	}
}

// together is where gather puts piece i.
func (k *attention) together(a *engine.Args, i int) []float32 {
	return engine.Slice[float32](a.Scratch)[k.threads*k.workerLen()+i*k.headLen():][:k.headLen()]
}

// attentionHead is what one head reads and writes.
type attentionHead struct {
	q, k, v, y []float32 // from the head's first number on
	lse        []float32 // [N], or nil
	bias       []float32 // [M], or nil
	mask       []float32 // [N, M], or nil
	ldq, ldk   int
}

func (k *attention) head(a *engine.Args, b, h int) attentionHead {
	kv := h * k.KVHeads / k.Heads
	t := attentionHead{ldq: k.Heads * k.Dim, ldk: k.KVHeads * k.Dim}
	t.q, t.y = in(a, 0)[b*k.N*t.ldq+h*k.Dim:], out(a, 0)[b*k.N*t.ldq+h*k.Dim:]
	t.k, t.v = in(a, 1)[b*k.M*t.ldk+kv*k.Dim:], in(a, 2)[b*k.M*t.ldk+kv*k.Dim:]
	t.bias, t.mask = biases(k.Attention, a, b)
	if k.headLen() > 0 {
		t.k, t.v, t.ldk = k.together(a, b*k.KVHeads+kv), k.together(a, (k.Batch+b)*k.KVHeads+kv), k.Dim
	}
	if k.LSE {
		t.lse = out(a, 1)[(b*k.Heads+h)*k.N:][:k.N]
	}
	return t
}

// biases returns the key bias and the mask of a picture, nil where there is none.
func biases(op engine.Attention, a *engine.Args, b int) (bias, mask []float32) {
	next := 3
	if op.KeyBias {
		bias = in(a, next)[b*op.M:][:op.M]
		next++
	}
	if op.Mask {
		mask = in(a, next)[b*op.N*op.M:][:op.N*op.M]
	}
	return bias, mask
}

// begin turns a tile's queries and sets its sums to nothing.
func (k *attention) begin(h attentionHead, t queryTile, first int) {
	n := min(k.lanes, k.N-first)
	if n < k.lanes {
		clear(t.q)
	}
	asm.Turn(ptr(t.q), 4*k.lanes, ptr(h.q[first*h.ldq:]), 4*h.ldq, n, k.Dim, float32(float64(k.Scale)*math.Log2E))
	clear(t.o)
	clear(t.sum)
	for j := range t.top {
		t.top[j] = float32(math.Inf(-1))
	}
}

// block lets a tile's queries see a block of keys.
func (k *attention) block(h attentionHead, t queryTile, scores []float32, first, key int) {
	n := min(keyBlock, k.M-key)
	if k.Causal {
		n = min(n, first+k.lanes+k.M-k.N-key)
	}
	if n <= 0 {
		return
	}
	scores = scores[:n*k.lanes]
	qk := asm.Product{A: ptr(h.k[key*h.ldk:]), LdA: h.ldk, B: ptr(t.q), LdB: k.lanes,
		C: ptr(scores), LdC: k.lanes, M: n, N: k.lanes, K: k.Dim}
	qk.Run()
	k.hide(h, scores, first, key)
	asm.ColumnSoftmax(scores, t.top, t.sum, t.keep)
	pv := asm.Product{A: ptr(h.v[key*h.ldk:]), LdA: h.ldk, Turned: true, B: ptr(scores), LdB: k.lanes,
		C: ptr(t.o), LdC: k.lanes, Keep: ptr(t.keep), M: k.Dim, N: k.lanes, K: n}
	pv.Run()
}

// hide adds key bias and mask to a block of scores and hides what Causal does.
func (k *attention) hide(h attentionHead, scores []float32, first, key int) {
	rows := len(scores) / k.lanes
	if h.bias != nil {
		for j := range rows {
			s := scores[j*k.lanes:][:k.lanes]
			asm.Shift(s, base2(h.bias[key+j]), s)
		}
	}
	if h.mask != nil {
		for q := range min(k.lanes, k.N-first) {
			for j, m := range h.mask[(first+q)*k.M+key:][:rows] {
				scores[j*k.lanes+q] += base2(m)
			}
		}
	}
	if !k.Causal {
		return
	}
	for j := range rows {
		for q := range min(max(key+j-(k.M-k.N)-first, 0), k.lanes) { // queries before the first that sees the key
			scores[j*k.lanes+q] = float32(math.Inf(-1))
		}
	}
}

// base2 returns a bias for scores in base 2. One that was finite stays so.
func base2(v float32) float32 {
	if math.IsInf(float64(v), -1) {
		return v
	}
	return max(v*math.Log2E, -math.MaxFloat32)
}

// finish divides by the sums and turns a tile's results back.
func (k *attention) finish(h attentionHead, t queryTile, first int) {
	n := min(k.lanes, k.N-first)
	for j, s := range t.sum {
		t.keep[j] = 0
		if s != 0 {
			t.keep[j] = 1 / s
		}
		if h.lse != nil && j < n {
			h.lse[first+j] = float32((float64(t.top[j]) + math.Log2(float64(s))) * math.Ln2)
		}
	}
	asm.TurnScaled(ptr(h.y[first*h.ldq:]), 4*h.ldq, ptr(t.o), 4*k.lanes, k.Dim, n, t.keep)
}

func ptr(s []float32) unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(s)) }
