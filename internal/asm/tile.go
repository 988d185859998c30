package asm

import "unsafe"

// Tile is one block of a matrix product: a few rows, whose sums are kept in registers,
// times as many columns as there are panels for. A table says where at most MaxRows rows
// lie; more of them, on levels that have the registers, are equally spaced.
//
//	C[i][j] = Σₛ Σₖ rowₛᵢ[k]·B[s][k][j] + Add[i][j] + Bias[j] + Item[j] + Res[i][j]
//
// The sum over k runs in order, segment after segment, the same for every row and
// column whatever their number; Add, Bias, Item and Res are added after it, in
// that order. Pointers that are nil add nothing.
type Tile struct {
	Rows  unsafe.Pointer // [Segs][MaxRows] addresses of rows, those from M on not read; or the first of more rows
	Segs  int
	K     int            // numbers in a segment of a row
	Off   int            // bytes from a row's address to its first number
	B     unsafe.Pointer // panels, each [Segs][K][Columns], one after the other
	C     unsafe.Pointer
	LdC   int // bytes from row to row
	Add   unsafe.Pointer
	LdAdd int
	Res   unsafe.Pointer
	LdRes int
	Bias  unsafe.Pointer
	Item  unsafe.Pointer
	M, N  int // rows, 1 … TileRows or, equally spaced, SpacedRows; and columns

	mask  uint32
	maskY unsafe.Pointer
	_     [2]int // the loop's own

	Next Area // will be read soon: it is fetched towards the cache meanwhile

	nextEnd uintptr // of the row that is being fetched

	LdA int // bytes from row to row of more than MaxRows rows, which have one segment
}

// Area is a part of a matrix: rows of some bytes, Ld bytes apart. It may lie outside any
// memory.
type Area struct {
	At              uintptr
	Rows, Bytes, Ld int
}

// MaxRows is the largest number of rows a Tile with a table of addresses may have on any
// level.
const MaxRows = 8

// TileRows and Columns are the size of a Tile that the level in use does best.
// Panels are Columns wide.
func TileRows() int {
	if level == AVX2 {
		return 6
	}
	return 8
}

// SpacedRows is TileRows for rows of one segment that lie at equal distances. More of
// them read the panels less often.
func SpacedRows() int {
	if level >= AVX512 {
		return 12
	}
	return TileRows()
}

// Columns returns the width of a panel.
func Columns() int {
	if level >= AVX512 {
		return 32
	}
	return 16
}

// Run computes the tile.
func (t *Tile) Run() {
	t.startFetching()
	switch {
	case level >= AVX512:
		tile512(t)
	case level == AVX2:
		tile256(t)
	default:
		tileGo(t)
	}
}

// RunBF16 computes the tile from bfloat16 numbers: rows and B hold pairs of them
// in the place of each float32, and K counts pairs. Panels are 32 columns wide. It is
// fast on level AVX512BF16, see HasBF16.
func (t *Tile) RunBF16() {
	if level < AVX512BF16 {
		tileBF16Go(t)
		return
	}
	t.startFetching()
	tileBF16(t)
}

// startFetching stands before the first row.
func (t *Tile) startFetching() {
	t.nextEnd = t.Next.At + uintptr(t.Next.Bytes-t.Next.Ld)
}

// columnsGo is Columns of level PureGo.
const columnsGo = 16

// tileGo is the definition of Run.
func tileGo(t *Tile) {
	panel := t.Segs * t.K
	b := unsafe.Slice((*[columnsGo]float32)(t.B), panel*((t.N+columnsGo-1)/columnsGo))
	for j := 0; j < t.N; j += columnsGo {
		for i := range t.M {
			sum := t.sumGo(i, b[j/columnsGo*panel:])
			t.finish(i, j, sum[:min(columnsGo, t.N-j)])
		}
	}
}

func (t *Tile) sumGo(i int, panel [][columnsGo]float32) (sum [columnsGo]float32) {
	for s, rows := range unsafe.Slice((*[MaxRows]unsafe.Pointer)(t.Rows), t.Segs) {
		row := unsafe.Slice((*float32)(unsafe.Add(rows[i], t.Off)), t.K)
		for k, b := range panel[s*t.K:][:t.K] {
			a := row[k]
			for j := range sum {
				sum[j] += a * b[j]
			}
		}
	}
	return sum
}

// finish adds what follows the sums of row i from column j on and stores them.
func (t *Tile) finish(i, j int, sum []float32) {
	addTo(sum, t.Add, i*t.LdAdd+4*j)
	addTo(sum, t.Bias, 4*j)
	addTo(sum, t.Item, 4*j)
	addTo(sum, t.Res, i*t.LdRes+4*j)
	copy(unsafe.Slice((*float32)(unsafe.Add(t.C, i*t.LdC+4*j)), len(sum)), sum)
}

func addTo(sum []float32, p unsafe.Pointer, off int) {
	if p == nil {
		return
	}
	for j, v := range unsafe.Slice((*float32)(unsafe.Add(p, off)), len(sum)) {
		sum[j] += v
	}
}
