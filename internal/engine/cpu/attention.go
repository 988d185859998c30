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
// A worker takes a whole head, or where heads are few a part of one, and brings its keys
// and values together before; while it computes a group of tiles it asks for the next
// group's queries and for the lines its results go to. Package cpu's comment has what it
// reaches. What is missing is, in equal parts, the exponentials (6 cycles for 16), the
// beginning and end of products as short as a head, and waiting for memory.
type attention struct {
	longPieces
	engine.Attention
	wide, narrow int // lanes of a head's first tiles and of its last ones
	split        int // the first tile that is narrow
	count        int // tiles of a head
	tiles        int // tiles of a group, which share a block of keys while it is near
	parts        int // pieces of a head
	threads      int
}

// keyBlock is how many keys are taken at a time: as many as leave the scores in the
// first cache beside a tile's queries.
const keyBlock = 96

// groupTiles is how many tiles share a block of keys: more would push the keys of a head
// out of the second cache.
const groupTiles = 4

func newAttention(e *Engine, op engine.Attention) (engine.Kernel, error) {
	k := &attention{Attention: op, threads: e.threads}
	k.cut()
	k.tiles = min(k.count, groupTiles)
	k.parts = min(pieces(4*e.threads, op.Batch*op.Heads), pieces(k.count, k.tiles))
	return k, nil
}

// cut chooses tiles: wide ones keep the arithmetic units busier, up to two narrow ones
// leave fewer lanes of the last one empty.
func (k *attention) cut() {
	if asm.Use() < asm.AVX512 {
		k.wide, k.narrow = 16, 16
		k.split = pieces(k.N, k.wide)
		k.count = k.split
		return
	}
	k.wide, k.narrow = 48, 32
	least := k.N + k.wide
	for n := range 3 {
		wide := pieces(max(k.N-n*k.narrow, 0), k.wide)
		if lanes := wide*k.wide + n*k.narrow; lanes < least {
			k.split, k.count, least = wide, wide+n, lanes
		}
	}
}

// queryTile is a tile: its first query, how many it has, and its scratch.
type queryTile struct {
	first, lanes         int
	q, o, top, sum, keep []float32
}

func (k *attention) tileLen() int { return (2*k.Dim + 3) * k.wide }

// gathered is how many numbers the keys and values of a head are that are brought
// together, 0 if they are read in place: if they are together, or too few queries would
// read them. Rows that lie a whole row of heads apart fall into few sets of the cache.
func (k *attention) gathered() int {
	if k.KVHeads == 1 || k.N <= 2*k.wide {
		return 0
	}
	return (2*k.M*k.Dim + 15) / 16 * 16
}

func (k *attention) workerLen() int {
	return k.tiles*k.tileLen() + keyBlock*k.wide + k.gathered()
}

// Scratch holds the tiles of a group, a block of scores, and a head's keys and values
// for each worker.
func (k *attention) Scratch() int64 { return int64(4 * k.threads * k.workerLen()) }

// tile returns tile i of a head, which is tile t of its group.
func (k *attention) tile(s []float32, t, i int) queryTile {
	s, first, l := s[t*k.tileLen():], i*k.wide, k.wide
	if i >= k.split {
		first, l = k.split*k.wide+(i-k.split)*k.narrow, k.narrow
	}
	n := k.Dim * l
	return queryTile{first, l, s[:n], s[n:][:n], s[2*n:][:l], s[2*n+l:][:l], s[2*n+2*l:][:l]}
}

func (k *attention) Launch(r engine.Run, a *engine.Args) error {
	return r.(*run).parallel(k, a, 0, k.Batch*k.Heads*k.parts)
}

func (k *attention) while(r *run, a *engine.Args, _, w, i int) {
	s := engine.Slice[float32](a.Scratch)[w*k.workerLen():][:k.workerLen()]
	head := k.head(a, i/k.parts/k.Heads, i/k.parts%k.Heads)
	if n := k.gathered(); n > 0 {
		k.gather(&head, s[len(s)-n:])
	}
	part := i % k.parts
	end := (part + 1) * k.count / k.parts
	for t := part * k.count / k.parts; t < end && !r.over(); t += k.tiles {
		k.group(r, head, s, t, min(t+k.tiles, end))
	}
}

// gather brings a head's keys and values together.
func (k *attention) gather(h *attentionHead, s []float32) {
	for i, from := range []*[]float32{&h.k, &h.v} {
		to := s[i*k.M*k.Dim:][:k.M*k.Dim]
		asm.CopyRows(ptr(to), 4*k.Dim, ptr(*from), 4*h.ldk, k.M, k.Dim, 1)
		*from = to
	}
	h.ldk = k.Dim
}

// group computes tiles from … to−1.
func (k *attention) group(r *run, h attentionHead, s []float32, from, to int) {
	for i := from; i < to; i++ {
		k.begin(h, k.tile(s, i-from, i))
	}
	scores := s[k.tiles*k.tileLen():]
	soon := k.ahead(h, k.tile(s, 0, from), k.tile(s, 0, to), (to-from)*pieces(k.M, keyBlock))
	for key := 0; key < k.M && !r.over(); key += keyBlock {
		for i := from; i < to; i++ {
			soon.fetch()
			k.block(h, k.tile(s, i-from, i), scores, key)
		}
	}
	for i := from; i < to; i++ {
		k.finish(h, k.tile(s, i-from, i))
	}
}

// ahead says what will be needed soon: the queries of the next group, and where the
// results of this one go. Rows of a head lie so far apart that nothing else brings
// them near in time.
type ahead struct {
	q, y        []float32
	rows, ld, n int // strides and lengths in bytes
	done, parts int
}

func (k *attention) ahead(h attentionHead, this, next queryTile, parts int) ahead {
	first, end := min(this.first, k.N), min(next.first, k.N)
	return ahead{h.q[min(end*h.ldq, len(h.q)):], h.y[first*h.ldq:], end - first, 4 * h.ldq, 4 * k.Dim, 0, parts}
}

// fetch asks for one part of it.
func (f *ahead) fetch() {
	lo := f.done * f.rows / f.parts
	f.done++
	rows := f.done*f.rows/f.parts - lo
	asm.Fetch(address(f.y)+uintptr(lo*f.ld), f.ld, rows, f.n, true)
	asm.Fetch(address(f.q)+uintptr(lo*f.ld), f.ld, rows, f.n, false)
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
func (k *attention) begin(h attentionHead, t queryTile) {
	n := min(t.lanes, k.N-t.first)
	if n < t.lanes {
		clear(t.q)
	}
	asm.Turn(ptr(t.q), 4*t.lanes, ptr(h.q[t.first*h.ldq:]), 4*h.ldq, n, k.Dim, float32(float64(k.Scale)*math.Log2E))
	clear(t.o)
	clear(t.sum)
	for j := range t.top {
		t.top[j] = float32(math.Inf(-1))
	}
}

// block lets a tile's queries see a block of keys.
func (k *attention) block(h attentionHead, t queryTile, scores []float32, key int) {
	n := min(keyBlock, k.M-key)
	if k.Causal {
		n = min(n, t.first+t.lanes+k.M-k.N-key)
	}
	if n <= 0 {
		return
	}
	scores = scores[:n*t.lanes]
	qk := asm.Product{A: ptr(h.k[key*h.ldk:]), LdA: h.ldk, B: ptr(t.q), LdB: t.lanes,
		C: ptr(scores), LdC: t.lanes, M: n, N: t.lanes, K: k.Dim}
	qk.Run()
	k.hide(h, t, scores, key)
	asm.ColumnSoftmax(scores, t.top, t.sum, t.keep)
	pv := asm.Product{A: ptr(h.v[key*h.ldk:]), LdA: h.ldk, Turned: true, B: ptr(scores), LdB: t.lanes,
		C: ptr(t.o), LdC: t.lanes, Keep: ptr(t.keep), M: k.Dim, N: t.lanes, K: n}
	pv.Run()
}

// hide adds key bias and mask to a block of scores and hides what Causal does.
func (k *attention) hide(h attentionHead, t queryTile, scores []float32, key int) {
	rows := len(scores) / t.lanes
	if h.bias != nil {
		for j := range rows {
			s := scores[j*t.lanes:][:t.lanes]
			asm.Shift(s, base2(h.bias[key+j]), s)
		}
	}
	if h.mask != nil {
		for q := range min(t.lanes, k.N-t.first) {
			for j, m := range h.mask[(t.first+q)*k.M+key:][:rows] {
				scores[j*t.lanes+q] += base2(m)
			}
		}
	}
	if !k.Causal {
		return
	}
	for j := range rows {
		for q := range min(max(key+j-(k.M-k.N)-t.first, 0), t.lanes) { // queries before the first that sees the key
			scores[j*t.lanes+q] = float32(math.Inf(-1))
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
func (k *attention) finish(h attentionHead, t queryTile) {
	n := min(t.lanes, k.N-t.first)
	for j, s := range t.sum {
		t.keep[j] = 0
		if s != 0 {
			t.keep[j] = 1 / s
		}
		if h.lse != nil && j < n {
			h.lse[t.first+j] = float32((float64(t.top[j]) + math.Log2(float64(s))) * math.Ln2)
		}
	}
	asm.TurnScaled(ptr(h.y[t.first*h.ldq:]), 4*h.ldq, ptr(t.o), 4*t.lanes, k.Dim, n, t.keep)
}

func ptr(s []float32) unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(s)) }

// address is where s lies, for [asm.Fetch].
func address(s []float32) uintptr { return uintptr(ptr(s)) }
