package cpu

import (
	"fmt"
	"unsafe"

	"github.com/easel-go/easel/internal/asm"
	"github.com/easel-go/easel/internal/engine"
)

// winograd is a 3×3 convolution of stride 1 by F(4×4, 3×3): a quarter of the products
// of a direct one. Tiles are transformed a strip at a time (phase even); then pieces
// of a strip's tiles times a block of columns transform the block's weights, multiply
// in each of 36 planes, and transform the sums back (phase odd).
//
// Its error is larger than a direct convolution's: the transforms add numbers of
// unlike size. Over normal inputs the root mean square error is about 4 times that of a
// direct sum, 1.8·10⁻⁶ against 4.2·10⁻⁷ of the result's at 64 channels
// (TestWinogradError); for any input enginetest bounds it by the transforms' matrices. An
// infinity or NaN spoils the whole tile it falls into.
type winograd struct {
	weights layer // panel gives [9][16][Columns] of weights for 16 channels
	tiles   *taps // 6×6 pixels of each tile, as a kernel of that size with stride 4
	flip    bool  // whether taps are in reverse order
	eng     *Engine
	threads int

	batch, in, cols      int
	outH, outW           int
	pictureBytes         int
	act                  engine.Func
	bias, item, residual int

	perItem  int // tiles of a picture
	strip    int // groups of tiles of a strip
	strips   int
	planeV   int // bytes of a plane of transformed pixels
	block    int // columns of a block
	kStep    int // channels of a range
	chunk    int // tiles of a piece
	perSpace winogradSpace
	form     string // names the transformed weights: how they are laid out
}

// winogradSpace divides a worker's scratch: byte offsets.
type winogradSpace struct {
	table, half, taps, u, m, stage, add, rows int64
	planeU, planeM                            int
	size                                      int64
}

// Limits of scratch memory, in bytes.
const (
	stripBytes = 24 << 20 // transformed pixels, all workers together
	uBytes     = 6 << 20  // transformed weights of one worker
)

// suits reports whether a convolution may and should take Winograd's way. It looks at
// one picture alone.
func suits(c engine.Conv2D, in, out, outH, outW int) bool {
	return c.Compute != engine.Bfloat16 && c.KH == 3 && c.KW == 3 && c.Stride == 1 && in%asm.VectorChannels == 0 &&
		in >= 16 && outH >= 4 && outW >= 4
}

// newWinograd plans a convolution whose weights give panels of 9 segments.
func newWinograd(e *Engine, l layer, tiles *taps, batch, cols, outH, outW, pictureBytes int) *winograd {
	p := &winograd{
		weights: l, tiles: tiles, eng: e, threads: e.threads, batch: batch, in: tiles.channels, cols: cols,
		outH: outH, outW: outW, pictureBytes: pictureBytes, bias: none, item: none, residual: none,
	}
	m, w := asm.TileRows(), asm.Columns()
	p.perItem = tiles.outH * tiles.outW
	groups := tiles.groups(batch)
	p.strip = min(groups, max(8, stripBytes/(4*36*p.in*m)))
	p.strips = ceilDiv(groups, p.strip)
	p.strip = ceilDiv(groups, p.strips)
	p.planeV = 4*p.strip*m*p.in + planePad
	p.kStep, p.block = p.weightBlock()
	p.chunk = min(p.strip*m, 256/m*m)
	for ceilDiv(cols, p.block)*ceilDiv(p.strip*m, p.chunk) < 2*p.threads && p.chunk > 8*m {
		p.chunk = roundUp(p.chunk/2, m)
	}
	p.perSpace = p.layout(p.chunk, w)
	p.form = fmt.Sprintf("winograd %T %d×%d", l, p.kStep, p.block)
	return p
}

// weightBlock returns how many channels and columns of transformed weights a worker
// makes at a time. Where a picture has few tiles, they are used little and must stay
// in the second-level cache meanwhile; where it has many, a long sum counts more.
func (p *winograd) weightBlock() (channels, cols int) {
	w := asm.Columns()
	all := ceilDiv(p.cols, w)
	switch {
	case p.perItem <= 16:
		return min(p.in, 64), w * min(all, 64/w)
	case p.perItem <= 64:
		return min(p.in, 160), w * min(all, 64/w)
	}
	panels := max(1, uBytes/(4*36*p.in*w))
	return p.in, w * ceilDiv(all, ceilDiv(all, min(panels, 128/w)))
}

func (p *winograd) layout(tiles, w int) (s winogradSpace) {
	take := func(bytes int) int64 {
		at := s.size
		s.size += int64(roundUp(bytes, 64))
		return at
	}
	s.planeU, s.planeM = 4*p.kStep*p.block+planePad, 4*tiles*p.block+planePad
	take(64) // workerState
	s.table = take(36 * int(unsafe.Sizeof(rowTable{})))
	s.rows = take(int(unsafe.Sizeof(rowTable{})))
	s.half = take(int(unsafe.Sizeof(asm.Scratch{})))
	s.taps = take(4 * 9 * asm.VectorChannels * w)
	s.u = take(36 * s.planeU)
	s.m = take(36 * s.planeM)
	s.stage = take(4 * 16 * p.block)
	s.add = take(4 * p.block)
	return s
}

// Scratch returns the bytes for a strip and all workers.
func (p *winograd) Scratch() int64 {
	return p.baseV() + int64(p.threads)*p.perSpace.size
}

func (p *winograd) baseV() int64 { return int64(roundUp(36*p.planeV, 64)) }

func (p *winograd) space(a *engine.Args, w int, off int64) unsafe.Pointer {
	return unsafe.Add(a.Scratch.Host, p.baseV()+int64(w)*p.perSpace.size+off)
}

// workerState is what a worker remembers during a launch.
type workerState struct {
	block int            // the block of columns whose transformed weights it has
	kept  unsafe.Pointer // all transformed weights, if the engine keeps them
}

func (p *winograd) state(a *engine.Args, w int) *workerState {
	return (*workerState)(p.space(a, w, 0))
}

// Launch computes strip after strip.
func (p *winograd) Launch(r engine.Run, a *engine.Args) error {
	kept := unsafe.Pointer(unsafe.SliceData(p.kept(a)))
	for w := range p.threads {
		*p.state(a, w) = workerState{none, kept}
	}
	for s := range p.strips {
		groups := min(p.strip, p.tiles.groups(p.batch)-s*p.strip)
		if err := r.(*run).parallel(p, a, 2*s, groups); err != nil {
			return err
		}
		if err := r.(*run).parallel(p, a, 2*s+1, p.pieces(s)*ceilDiv(p.cols, p.block)); err != nil {
			return err
		}
	}
	return nil
}

// firstTile returns the number of the first tile of a strip; that of the strip after
// the last is the number of tiles.
func (p *winograd) firstTile(strip int) int {
	g, perItem := min(strip*p.strip, p.tiles.groups(p.batch)), p.tiles.groups(1)
	return g/perItem*p.perItem + g%perItem*asm.TileRows()
}

// pieces returns how many pieces the tiles of a strip make.
func (p *winograd) pieces(strip int) int {
	return ceilDiv(p.firstTile(strip+1)-p.firstTile(strip), p.chunk)
}

func (p *winograd) do(a *engine.Args, phase, w, i int) {
	strip := phase / 2
	if phase%2 == 0 {
		p.transform(a, w, strip, i)
		return
	}
	n := p.pieces(strip)
	first := p.firstTile(strip) + i%n*p.chunk
	p.multiply(a, w, i/n, first, min(first+p.chunk, p.firstTile(strip+1)), strip)
}

// transform writes the transformed tiles of group i of a strip.
func (p *winograd) transform(a *engine.Args, w, strip, i int) {
	table := unsafe.Slice((*rowTable)(p.space(a, w, p.perSpace.table)), 36)
	at := p.tiles.group(a.In[0].Host, p.pictureBytes, strip*p.strip+i, table)
	half := (*asm.Scratch)(p.space(a, w, p.perSpace.half))
	dst := unsafe.Add(a.Scratch.Host, 4*(at.row-p.firstTile(strip))*p.in)
	for t := range at.n {
		asm.WinogradInput(unsafe.Pointer(&table[0][t]), dst, p.planeV, half, p.in)
		dst = unsafe.Add(dst, 4*p.in)
	}
}

// multiply computes the results of tiles from … to−1 for one block of columns.
func (p *winograd) multiply(a *engine.Args, w, block, from, to, strip int) {
	s := p.state(a, w)
	v := unsafe.Add(a.Scratch.Host, 4*(from-p.firstTile(strip))*p.in)
	for k := 0; k < p.in; k += p.kStep {
		u := p.space(a, w, p.perSpace.u)
		switch {
		case s.kept != nil:
			u = unsafe.Add(s.kept, p.formAt(block, k))
		case p.kStep < p.in || s.block != block:
			p.makeWeights(a, u, w, block, k)
		}
		for q := range 36 {
			p.plane(a, w, block, k, unsafe.Add(u, q*p.perSpace.planeU), unsafe.Add(v, q*p.planeV), q, to-from)
		}
	}
	s.block = block
	p.finish(a, w, block, from, to)
}

// kept returns all transformed weights, if they are worth keeping and there is room.
func (p *winograd) kept(a *engine.Args) []float32 {
	if !a.In[1].Const || p.perItem <= keepTiles {
		return nil
	}
	return p.eng.derived.get(a.In[1].Host, p.form, p.formAt(ceilDiv(p.cols, p.block), 0)/4, p, a)
}

// keepTiles is for how many tiles of a picture, or fewer, transformed weights are never
// kept: reading them takes as long as making them.
const keepTiles = 32

// formAt returns where a block's transformed weights from channel k on lie among all, in
// bytes.
func (p *winograd) formAt(block, k int) int {
	return (block*ceilDiv(p.in, p.kStep) + k/p.kStep) * 36 * p.perSpace.planeU
}

func (p *winograd) makeForm(a *engine.Args, dst []float32) {
	for block := range ceilDiv(p.cols, p.block) {
		for k := 0; k < p.in; k += p.kStep {
			p.makeWeights(a, unsafe.Add(unsafe.Pointer(&dst[0]), p.formAt(block, k)), 0, block, k)
		}
	}
}

// makeWeights transforms the weights of a block for channels k … k+kStep−1 to u.
func (p *winograd) makeWeights(a *engine.Args, u unsafe.Pointer, w, block, k int) {
	const step = asm.VectorChannels
	width, n := asm.Columns(), min(p.kStep, p.in-k)
	tap := 4 * step * width
	taps := p.space(a, w, p.perSpace.taps)
	src := taps
	if p.flip {
		src, tap = unsafe.Add(taps, 8*tap), -tap
	}
	half := (*asm.Scratch)(p.space(a, w, p.perSpace.half))
	for j := 0; j < p.width(block); j += width {
		col := block*p.block + j
		for c := 0; c < n; c += step {
			p.weights.panel(a, taps, col, min(width, p.cols-col), k+c, k+c+step)
			dst := unsafe.Add(u, 4*(j*n+c*width))
			asm.WinogradWeights(src, tap, 4*width, dst, p.perSpace.planeU, half, step)
		}
	}
}

// width returns the columns of a block.
func (p *winograd) width(block int) int { return min(p.block, p.cols-block*p.block) }

// plane multiplies plane q of the transformed tiles and weights.
func (p *winograd) plane(a *engine.Args, w, block, k int, u, v unsafe.Pointer, q, tiles int) {
	rows := (*rowTable)(p.space(a, w, p.perSpace.rows))
	t := asm.Tile{
		Segs: 1, K: min(p.kStep, p.in-k), Off: 4 * k, N: p.width(block),
		B: u, C: unsafe.Add(p.space(a, w, p.perSpace.m), q*p.perSpace.planeM), LdC: 4 * p.block,
	}
	tall := ceilDiv(tiles, ceilDiv(tiles, asm.SpacedRows()))
	for i := 0; i < tiles; i += t.M {
		t.M = min(tall, tiles-i)
		first := unsafe.Add(v, 4*i*p.in)
		if t.M > asm.MaxRows {
			t.Rows, t.LdA = first, 4*p.in
		} else {
			t.Rows = unsafe.Pointer(rows)
			for j := range t.M {
				rows[j] = unsafe.Add(first, 4*j*p.in)
			}
		}
		t.Next = asm.Area{At: uintptr(first) + uintptr(4*t.M*p.in+t.Off), Rows: tall, Bytes: 4 * t.K, Ld: 4 * p.in}
		if k > 0 {
			t.Add, t.LdAdd = t.C, t.LdC
		}
		t.Run()
		t.C = unsafe.Add(t.C, t.M*t.LdC)
	}
}

// finish transforms the sums of tiles from … to−1 and writes their pixels.
func (p *winograd) finish(a *engine.Args, w, block, from, to int) {
	n := p.width(block)
	add := unsafe.Slice((*float32)(p.space(a, w, p.perSpace.add)), p.block)
	clear(add[:n])
	if p.bias != none {
		copy(add[:n], engine.Slice[float32](a.In[p.bias])[block*p.block:])
	}
	stage := unsafe.Slice((*float32)(p.space(a, w, p.perSpace.stage)), 16*p.block)
	sums := p.space(a, w, p.perSpace.m)
	for t := from; t < to; t++ {
		item := t / p.perItem
		asm.WinogradOutput(sums, p.perSpace.planeM, unsafe.Pointer(&stage[0]), 4*p.block, unsafe.Pointer(&add[0]),
			(*asm.Scratch)(p.space(a, w, p.perSpace.half)), roundUp(n, asm.VectorChannels))
		p.store(a, stage, item, t%p.perItem, block)
		sums = unsafe.Add(sums, 4*p.block)
	}
}

// store writes tile t of a picture from the stage to the result. What is added comes in
// the order in which it would as steps of its own: bias (in the stage), item, residual.
func (p *winograd) store(a *engine.Args, stage []float32, item, t, block int) {
	n, col := p.width(block), block*p.block
	y0, x0 := t/p.tiles.outW*4, t%p.tiles.outW*4
	for y := range min(4, p.outH-y0) {
		for x := range min(4, p.outW-x0) {
			sums := stage[(4*y+x)*p.block:][:n]
			at := ((item*p.outH+y0+y)*p.outW+x0+x)*p.cols + col
			out := engine.Slice[float32](a.Out[0])[at:][:n]
			if p.item != none {
				asm.Add(sums, sums, engine.Slice[float32](a.In[p.item])[item*p.cols+col:][:n])
			}
			if p.act != engine.Identity {
				asm.Apply(asm.Func(p.act), sums, sums)
			}
			if p.residual == none {
				copy(out, sums)
			} else {
				asm.Add(out, sums, engine.Slice[float32](a.In[p.residual])[at:][:n])
			}
		}
	}
}

// planePad keeps planes a few cache lines off multiples of 4 KiB, where the 36 places
// that a transform writes to would share one set of the cache.
const planePad = 5 * 64
