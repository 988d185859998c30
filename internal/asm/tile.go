package asm

import "unsafe"

// Tile is one block of a matrix product, at most MaxRows × Columns sums kept in
// registers:
//
//	C[i][j] = Σₛ Σₖ rowₛᵢ[k]·B[s][k][j] + Add[i][j] + Bias[j] + Item[j] + Res[i][j]
//
// The sum over k runs in order, segment after segment, the same for every row and
// column whatever their number; Add, Bias, Item and Res are added after it, in
// that order. Pointers that are nil add nothing.
type Tile struct {
	Rows  unsafe.Pointer // [Segs][8] addresses of rows; those from M on are not read
	Segs  int
	K     int            // numbers in a segment of a row
	Off   int            // bytes from a row's address to its first number
	B     unsafe.Pointer // panel [Segs][K][Columns]
	C     unsafe.Pointer
	LdC   int // bytes from row to row
	Add   unsafe.Pointer
	LdAdd int
	Res   unsafe.Pointer
	LdRes int
	Bias  unsafe.Pointer
	Item  unsafe.Pointer
	M, N  int // rows, 1 … MaxRows, and columns, 1 … Columns

	mask  uint32
	maskY unsafe.Pointer
}

// MaxRows is the largest number of rows a Tile may have on any level.
const MaxRows = 8

// TileRows and Columns are the size of a Tile that the level in use does best.
// Panels are Columns wide.
func TileRows() int {
	if level == AVX2 {
		return 6
	}
	return 8
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
// in the place of each float32, and K counts pairs. Only level AVX512BF16 has it.
func (t *Tile) RunBF16() { tileBF16(t) }

// columnsGo is Columns of level PureGo.
const columnsGo = 16

// tileGo is the definition of Run.
func tileGo(t *Tile) {
	table := unsafe.Slice((*[MaxRows]unsafe.Pointer)(t.Rows), t.Segs)
	panel := unsafe.Slice((*[columnsGo]float32)(t.B), t.Segs*t.K)
	for i := range t.M {
		var sum [columnsGo]float32
		for s := range table {
			row := unsafe.Slice((*float32)(unsafe.Add(table[s][i], t.Off)), t.K)
			for k, b := range panel[s*t.K:][:t.K] {
				a := row[k]
				for j := range sum {
					sum[j] += a * b[j]
				}
			}
		}
		t.finish(i, sum[:t.N])
	}
}

// finish adds what follows the sums of row i and stores them.
func (t *Tile) finish(i int, sum []float32) {
	addTo(sum, t.Add, i*t.LdAdd)
	addTo(sum, t.Bias, 0)
	addTo(sum, t.Item, 0)
	addTo(sum, t.Res, i*t.LdRes)
	copy(unsafe.Slice((*float32)(unsafe.Add(t.C, i*t.LdC)), len(sum)), sum)
}

func addTo(sum []float32, p unsafe.Pointer, off int) {
	if p == nil {
		return
	}
	for j, v := range unsafe.Slice((*float32)(unsafe.Add(p, off)), len(sum)) {
		sum[j] += v
	}
}
