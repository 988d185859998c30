package cpu

import (
	"unsafe"

	"github.com/easel-go/easel/internal/asm"
	"github.com/easel-go/easel/internal/engine"
)

// layer is what a product multiplies: rows that lie somewhere, and a weight that
// panels are made of.
type layer interface {
	// rows returns where group g of rows of x lies: for each segment the addresses of
	// its rows in table, or of more than asm.MaxRows rows that of the first.
	rows(a *engine.Args, x unsafe.Pointer, g int, table []rowTable) group

	// panel makes the panel of weight columns col … col+n−1 from the numbers
	// k0 ≤ k < k1 of every segment.
	panel(a *engine.Args, dst unsafe.Pointer, col, n, k0, k1 int)
}

// rowTable holds the addresses of a tile's rows in one segment.
type rowTable = [asm.MaxRows]unsafe.Pointer

// group is a few rows of a result that are computed together.
type group struct {
	row, n int // the first, and how many
	item   int // picture they belong to

	first unsafe.Pointer // row of more than asm.MaxRows,
	ld    int            // and how many bytes apart they are

	next asm.Area // what the next group reads that this one does not, if it is known
}

// product is the kernel of linear layers and convolutions:
//
//	y = f(A·B + bias + item) + residual
//
// A's rows are cut into groups, B's columns into blocks of panels, and k into
// ranges whose panels fit the second-level cache. A piece of work is a chunk of
// groups times a block of columns. Ranges are summed in order, so the bits of a sum
// depend on the lengths of k and of a segment alone.
type product struct {
	layer    layer
	threads  int
	groups   int // of rows
	tall     int // rows of a group
	segments int // of a row
	k        int // numbers of a segment
	cols     int // of the result
	act      engine.Func
	glu      engine.GLU
	bias     int // index in Args.In, or none
	item     int
	residual int

	base   int64 // bytes of scratch before the workers' own
	inside bool  // whether the result stays in scratch,
	result int64 // there

	factors rounding // what happens to A and B before they are multiplied
	numbers int      // of A, if it is rounded into scratch before
	stride  int      // bytes between rows of A, if they are equally spaced

	kStep    int // numbers of a segment in one range
	block    int // columns of a block
	chunk    int // groups of a piece
	pieces   int // pieces of a column block
	perSpace workspace
}

// none is the index of an input that an op does not ask for.
const none = -1

// cacheFloats is how many float32 of panels a worker keeps at a time: 640 KiB, a
// part of the second-level cache.
const cacheFloats = 160 << 10

// rangeK is how many numbers a range has at most. Those of a segmented row are read
// more than once, by groups that lie beside each other: a range of all segments may be
// longer.
const (
	rangeK     = 2048
	rangeTapsK = 3072
)

// pieceFlops bounds a piece of work to about a millisecond.
const pieceFlops = 1 << 28

// fewRows is for how many rows work is handed out a few columns at a time.
const fewRows = 512

// rounding is the arithmetic of a product.
type rounding uint8

const (
	exact   rounding = iota // float32
	rounded                 // float32 of factors rounded to bfloat16
	paired                  // bfloat16, two numbers in the place of one: k counts pairs
	tiled                   // the same by AMX tiles
)

// round makes p a product of bfloat16 factors: of pairs where the processor multiplies
// them and k, the numbers of a segment, fits. It returns what k and the numbers between
// rows of A shrink by.
func (p *product) round(numbers int) (shrink int) {
	p.factors, p.numbers, shrink = rounded, numbers, 1
	switch {
	case asm.HasAMX() && p.k%(2*asm.AMXPairs) == 0 && p.stride == 0: // rounded as they are gathered
		p.factors, p.numbers = tiled, 0
		p.k /= 2
		return 1
	case asm.HasAMX() && p.k%(2*asm.AMXPairs) == 0:
		p.factors, shrink = tiled, 2
	case asm.HasBF16() && p.k%2 == 0:
		p.factors, shrink = paired, 2
	}
	p.k /= shrink
	p.stride /= shrink
	p.base = int64(roundUp(4/shrink*numbers, 64))
	return shrink
}

// cut divides rows that are ld bytes apart into groups, and returns how many rows a
// group has.
func (p *product) cut(rows, ld int) int {
	tall := asm.SpacedRows()
	if ld%4096 == 0 || p.pairs() { // such rows share a set of the first-level cache
		tall = asm.TileRows()
	}
	p.groups = ceilDiv(rows, tall)
	p.tall = tall
	if !p.pairs() {
		p.tall = ceilDiv(rows, p.groups)
	}
	return p.tall
}

// plan chooses blocks and fixes the workers' memory.
func (p *product) plan() {
	w, m := asm.Columns(), p.tall
	most := rangeK
	if p.segments > 1 {
		most = rangeTapsK
	}
	ranges := ceilDiv(p.segments*p.k, most)
	p.kStep = min(p.k, roundUp(ceilDiv(p.k, ranges), 16))
	halves := 1
	if p.glu != engine.NoGLU {
		halves = 2
	}
	panels := max(1, min(16, cacheFloats/(p.segments*p.kStep*w*halves)))
	all := ceilDiv(p.cols, w)
	if p.threads > 1 && p.groups*m <= fewRows { // cutting the rows would make panels twice
		panels = min(panels, max(1, all/(4*p.threads)))
	}
	p.block = w * ceilDiv(all, ceilDiv(all, panels))
	perGroup := 2 * m * p.segments * p.k * p.block * halves
	if p.factors == tiled {
		perGroup /= 8
	}
	p.chunk = max(1, min(p.groups, pieceFlops/max(perGroup, 1)))
	least := 64 / m
	if p.kStep < p.k { // every piece makes all its panels
		p.chunk, least = max(p.chunk, min(p.groups, 1024/m)), 256/m
	}
	blocks := ceilDiv(p.cols, p.block)
	for blocks*ceilDiv(p.groups, p.chunk) < 3*p.threads && p.chunk > least {
		p.chunk = max(least, p.chunk*3/4)
	}
	p.pieces = ceilDiv(p.groups, p.chunk)
	p.chunk = ceilDiv(p.groups, p.pieces)
	if p.factors == tiled {
		p.chunk = roundUp(p.chunk, tiledGroups)
	}
	p.pieces = ceilDiv(p.groups, p.chunk)
	p.perSpace = p.layout(halves * p.block)
}

// workspace is how the scratch memory of a worker is divided: byte offsets.
type workspace struct {
	table, panels, stage, partial int64
	tiled                         tiledSpace
	size                          int64
}

func (p *product) layout(width int) (s workspace) {
	take := func(bytes int) int64 {
		at := s.size
		s.size += int64(roundUp(bytes, 64))
		return at
	}
	m := p.tall
	take(64) // the number of the block whose panels are there
	s.table = take(p.segments * int(unsafe.Sizeof(rowTable{})))
	s.panels = take(4 * p.segments * p.kStep * width)
	if p.pairs() {
		take(4 * p.segments * p.kStep * asm.Columns()) // a panel is made of float32
	}
	if p.factors == tiled {
		m = asm.AMXRows
		s.tiled.ld = 4*p.segments*p.kStep + 64
		s.tiled.rows = take(m * s.tiled.ld)
		s.tiled.where = take(m * int(unsafe.Sizeof(tiledRow{})))
	}
	if p.staged() || p.factors == tiled {
		s.stage = take(4 * m * width)
	}
	if p.kStep < p.k {
		s.partial = take(4 * p.tall * p.chunk * width)
	}
	return s
}

// pairs reports whether two numbers stand in the place of one.
func (p *product) pairs() bool { return p.factors == paired || p.factors == tiled }

// staged reports whether sums pass through scratch before they are results.
func (p *product) staged() bool { return p.act != engine.Identity || p.glu != engine.NoGLU }

// Scratch returns the bytes all workers need.
func (p *product) Scratch() int64 { return p.base + int64(p.threads)*p.perSpace.size }

// Launch computes all pieces.
func (p *product) Launch(r engine.Run, a *engine.Args) error {
	for w := range p.threads {
		*p.held(a, w) = none
	}
	if p.numbers > 0 {
		if err := r.(*run).parallel(p, a, roundA, ceilDiv(p.numbers, grain)); err != nil {
			return err
		}
	}
	return r.(*run).parallel(p, a, multiplyAB, p.pieces*ceilDiv(p.cols, p.block))
}

// The phases of a product.
const (
	multiplyAB = iota
	roundA
)

// space returns worker w's memory from an offset on.
func (p *product) space(a *engine.Args, w int, off int64) unsafe.Pointer {
	return unsafe.Add(a.Scratch.Host, p.base+int64(w)*p.perSpace.size+off)
}

// out returns where the result lies.
func (p *product) out(a *engine.Args) unsafe.Pointer {
	if p.inside {
		return unsafe.Add(a.Scratch.Host, p.result)
	}
	return a.Out[0].Host
}

// held is the number of the column block whose panels worker w has made.
func (p *product) held(a *engine.Args, w int) *int { return (*int)(p.space(a, w, 0)) }

// do computes a piece: neighbours share a column block.
func (p *product) do(a *engine.Args, phase, w, i int) {
	if phase == roundA {
		p.roundPiece(a, i)
		return
	}
	block, from := i/p.pieces, i%p.pieces*p.chunk
	to := min(from+p.chunk, p.groups)
	held := p.held(a, w)
	for k := 0; k < p.k; k += p.kStep {
		if p.kStep < p.k || *held != block {
			p.makePanels(a, w, block, k)
		}
		if p.factors == tiled {
			for g := from; g < to; g += tiledGroups {
				p.multiplyTiled(a, w, block, k, g, min(g+tiledGroups, to), g-from)
			}
			continue
		}
		for g := from; g < to; g++ {
			p.multiply(a, w, block, k, g, g-from)
		}
	}
	*held = block
}

// roundPiece rounds grain numbers of A into scratch.
func (p *product) roundPiece(a *engine.Args, i int) {
	lo, hi := span(i, grain, p.numbers)
	x := unsafe.Add(a.In[0].Host, 4*lo)
	if p.pairs() {
		asm.PairRow(unsafe.Add(a.Scratch.Host, 2*lo), x, hi-lo)
	} else {
		asm.RoundRow(unsafe.Add(a.Scratch.Host, 4*lo), x, hi-lo)
	}
}

// source returns A as it is multiplied.
func (p *product) source(a *engine.Args) unsafe.Pointer {
	if p.numbers == 0 {
		return a.In[0].Host
	}
	return a.Scratch.Host
}

// makePanels packs the panels of a block for one range of k: those of the first
// half of the weight's columns, then, with a GLU, those of the second.
func (p *product) makePanels(a *engine.Args, w, block, k0 int) {
	k1 := min(k0+p.kStep, p.k)
	dst := p.space(a, w, p.perSpace.panels)
	for j := 0; j < p.width(block); j += asm.Columns() {
		col, n := p.column(block, j)
		switch rows := p.segments * (k1 - k0); p.factors {
		case exact:
			p.layer.panel(a, dst, col, n, k0, k1)
		case rounded:
			p.layer.panel(a, dst, col, n, k0, k1)
			asm.RoundRow(dst, dst, rows*asm.Columns())
		case paired, tiled:
			p.layer.panel(a, dst, col, n, 2*k0, 2*k1)
			asm.PairPanel(dst, rows)
		}
		dst = unsafe.Add(dst, 4*p.segments*(k1-k0)*asm.Columns())
	}
}

// width returns the columns of sums in a block, padding included.
func (p *product) width(block int) int {
	n := roundUp(min(p.block, p.cols-block*p.block), asm.Columns())
	if p.glu != engine.NoGLU {
		n *= 2
	}
	return n
}

// column returns the weight column that column j of a block's sums starts with, and
// how many follow it in its panel.
func (p *product) column(block, j int) (col, n int) {
	half := 0
	if width := p.width(block); p.glu != engine.NoGLU && j >= width/2 {
		j, half = j-width/2, p.cols
	}
	col = block*p.block + j
	return half + col, min(asm.Columns(), p.cols-col)
}

// multiply adds range k of a group of rows to its sums, and finishes them after the
// last.
func (p *product) multiply(a *engine.Args, w, block, k, g, local int) {
	table := unsafe.Slice((*rowTable)(p.space(a, w, p.perSpace.table)), p.segments)
	at := p.layer.rows(a, p.source(a), g, table)
	t := asm.Tile{
		Rows: unsafe.Pointer(unsafe.SliceData(table)), Segs: p.segments,
		K: min(p.kStep, p.k-k), Off: 4 * k, M: at.n,
	}
	if at.n > asm.MaxRows {
		t.Rows, t.LdA = at.first, at.ld
	}
	t.Next = at.next
	if p.segments == 1 { // the area has the rows' numbers
		t.Next.At += uintptr(t.Off)
		t.Next.Bytes = 4 * t.K
	}
	halves := 1
	if p.glu != engine.NoGLU {
		halves = 2
	}
	for h := range halves {
		p.place(a, w, &t, at, block, k, local, h)
		if p.factors == paired {
			t.RunBF16()
		} else {
			t.Run()
		}
	}
	if k+p.kStep >= p.k && p.staged() {
		p.finish(a, w, at, block)
	}
}

// place sets what tile t multiplies in half h of a block's columns, where its sums go
// and what is added to them.
func (p *product) place(a *engine.Args, w int, t *asm.Tile, at group, block, k, local, h int) {
	width := p.width(block)
	col := block * p.block
	t.N = min(p.block, p.cols-col)
	j := 0
	if h > 0 {
		j, col = width/2, p.cols+col
	}
	t.B = unsafe.Add(p.space(a, w, p.perSpace.panels), 4*t.Segs*t.K*j)
	ld := 4 * width
	partial := unsafe.Add(p.space(a, w, p.perSpace.partial), local*p.tall*ld+4*j)
	if k > 0 {
		t.Add, t.LdAdd = partial, ld
	}
	if k+p.kStep < p.k {
		t.C, t.LdC = partial, ld
		return
	}
	if p.bias != none {
		t.Bias = unsafe.Add(a.In[p.bias].Host, 4*col)
	}
	if p.item != none {
		t.Item = unsafe.Add(a.In[p.item].Host, 4*(at.item*p.cols+col))
	}
	if p.staged() {
		t.C, t.LdC = unsafe.Add(p.space(a, w, p.perSpace.stage), 4*j), ld
		return
	}
	off := 4 * (at.row*p.cols + col)
	t.C, t.LdC = unsafe.Add(p.out(a), off), 4*p.cols
	if p.residual != none {
		t.Res, t.LdRes = unsafe.Add(a.In[p.residual].Host, off), 4*p.cols
	}
}

// finish takes a group's sums from the stage to the result.
func (p *product) finish(a *engine.Args, w int, at group, block int) {
	width, col := p.width(block), block*p.block
	n := min(p.block, p.cols-col)
	stage := unsafe.Slice((*float32)(p.space(a, w, p.perSpace.stage)), at.n*width)
	for i := range at.n {
		sums := stage[i*width:][:width]
		off := 4 * ((at.row+i)*p.cols + col)
		y := unsafe.Slice((*float32)(unsafe.Add(p.out(a), off)), n)
		first, second := sums[:n], sums[width/2:]
		if p.glu != engine.NoGLU {
			second = second[:n]
		}
		if p.residual == none {
			activate(p.act, p.glu, y, first, second)
			continue
		}
		activate(p.act, p.glu, first, first, second)
		asm.Add(y, first, unsafe.Slice((*float32)(unsafe.Add(a.In[p.residual].Host, off)), n))
	}
}

// activate applies fn to a row of sums, or joins it with the row of a GLU's second
// half; y may be first.
func activate(fn engine.Func, glu engine.GLU, y, first, second []float32) {
	switch glu {
	case engine.NoGLU:
		asm.Apply(asm.Func(fn), y, first)
	case engine.GEGLU:
		asm.ApplyMul(asm.GELU, y, first, second)
	case engine.SwiGLU:
		asm.ApplyMul(asm.SiLU, y, second, first)
	}
}

func ceilDiv(a, b int) int { return (a + b - 1) / b }

func roundUp(a, b int) int { return ceilDiv(a, b) * b }
