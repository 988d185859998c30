package cpu

import (
	"unsafe"

	"github.com/easel-go/easel/internal/asm"
	"github.com/easel-go/easel/internal/engine"
)

// This file is how a product is computed by AMX tiles: 32 rows of A are gathered from
// several groups, since tiles take rows at equal distances, and all sums pass through
// scratch.

// tiledGroups is how many groups fill the 32 rows.
const tiledGroups = asm.AMXRows / asm.MaxRows

// tiledRow says where a gathered row goes.
type tiledRow struct{ row, item int }

// tiledSpace is a worker's scratch for gathered rows: byte offsets.
type tiledSpace struct {
	rows, where int64
	ld          int // bytes between gathered rows
}

// multiplyTiled adds range k of up to tiledGroups groups from g on to their sums, and
// finishes them after the last. local is the number of the first group in its piece.
func (p *product) multiplyTiled(a *engine.Args, w, block, k, g, to, local int) {
	n := min(p.kStep, p.k-k)
	rows := p.gather(a, w, k, n, g, to)
	from, ld := p.space(a, w, p.perSpace.tiled.rows), p.perSpace.tiled.ld
	if p.inPlace(g, to) {
		from, ld = unsafe.Add(p.source(a), g*asm.MaxRows*p.stride+4*k), p.stride
	}
	width := roundUp(p.width(block), asm.Columns())
	sums := p.space(a, w, p.perSpace.stage)
	if p.kStep < p.k {
		sums = unsafe.Add(p.space(a, w, p.perSpace.partial), 4*local*asm.MaxRows*width)
	}
	asm.AMXProduct(from, ld, p.space(a, w, p.perSpace.panels), sums,
		4*width, p.segments*n, width/asm.Columns(), k > 0)
	if k+n < p.k {
		return
	}
	where := p.where(a, w)
	for i := range rows {
		p.finishRow(a, unsafe.Slice((*float32)(unsafe.Add(sums, 4*i*width)), width), where[i], block)
	}
}

func (p *product) where(a *engine.Args, w int) *[asm.AMXRows]tiledRow {
	return (*[asm.AMXRows]tiledRow)(p.space(a, w, p.perSpace.tiled.where))
}

// gather copies numbers k … k+n−1 of every segment of groups g … to−1, if tiles cannot
// take them where they lie, and returns how many rows that are.
func (p *product) gather(a *engine.Args, w, k, n, g, to int) (rows int) {
	table := unsafe.Slice((*rowTable)(p.space(a, w, p.perSpace.table)), p.segments)
	where := p.where(a, w)
	copied := table
	if p.inPlace(g, to) {
		copied = nil
	}
	for ; g < to; g++ {
		at := p.layer.rows(a, p.source(a), g, table)
		for i := range at.n {
			dst := unsafe.Add(p.space(a, w, p.perSpace.tiled.rows), rows*p.perSpace.tiled.ld)
			for s := range copied {
				if p.numbers == 0 {
					asm.PairRow(dst, unsafe.Add(table[s][i], 8*k), 2*n)
				} else {
					copy(unsafe.Slice((*float32)(dst), n), unsafe.Slice((*float32)(unsafe.Add(table[s][i], 4*k)), n))
				}
				dst = unsafe.Add(dst, 4*n)
			}
			where[rows] = tiledRow{at.row + i, at.item}
			rows++
		}
	}
	return rows
}

// inPlace reports whether groups g … to−1 are full and their rows equally spaced.
func (p *product) inPlace(g, to int) bool {
	return p.stride > 0 && to-g == tiledGroups && to < p.groups
}

// finishRow takes a row of sums to the result.
func (p *product) finishRow(a *engine.Args, sums []float32, at tiledRow, block int) {
	col := block * p.block
	n := min(p.block, p.cols-col)
	first, second := sums[:n], sums[:0]
	if p.bias != none && p.item == none && p.residual == none && !p.staged() {
		y := unsafe.Slice((*float32)(unsafe.Add(p.out(a), 4*(at.row*p.cols+col))), n)
		asm.Add(y, first, in(a, p.bias)[col:][:n])
		return
	}
	p.addVectors(a, first, at.item, col)
	if p.glu != engine.NoGLU {
		second = sums[len(sums)/2:][:n]
		p.addVectors(a, second, at.item, p.cols+col)
	}
	off := at.row*p.cols + col
	y := unsafe.Slice((*float32)(unsafe.Add(p.out(a), 4*off)), n)
	if p.staged() {
		activate(p.act, p.glu, first, first, second)
	}
	if p.residual == none {
		copy(y, first)
	} else {
		asm.Add(y, first, in(a, p.residual)[off:][:n])
	}
}

// addVectors adds bias and item to sums of the weight's columns from col on.
func (p *product) addVectors(a *engine.Args, sums []float32, item, col int) {
	if p.bias != none {
		asm.Add(sums, sums, in(a, p.bias)[col:][:len(sums)])
	}
	if p.item != none {
		asm.Add(sums, sums, in(a, p.item)[item*p.cols+col:][:len(sums)])
	}
}
