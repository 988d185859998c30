//go:build arm64 && !purego

package asm

import "unsafe"

// tile256 computes whole panels where C is, and what is left of the columns by way of
// a panel of sums.
func tile256(t *Tile) {
	whole := *t
	whole.N = t.N &^ 15
	if whole.N > 0 {
		tileRowsOf(&whole)
	}
	if whole.N == t.N {
		return
	}
	var sums [6][16]float32
	rest := Tile{Rows: t.Rows, Segs: t.Segs, K: t.K, Off: t.Off, M: t.M, N: 16}
	rest.B = unsafe.Add(t.B, 4*whole.N*t.Segs*t.K)
	rest.C, rest.LdC = unsafe.Pointer(&sums), 64
	tileRowsOf(&rest)
	for i := range t.M {
		t.finish(i, whole.N, sums[i][:t.N-whole.N])
	}
}

func tileRowsOf(t *Tile) {
	switch t.M {
	case 1:
		tile256x1(t)
	case 2:
		tile256x2(t)
	case 3:
		tile256x3(t)
	case 4:
		tile256x4(t)
	case 5:
		tile256x5(t)
	case 6:
		tile256x6(t)
	}
}

// pack256 is panelGo for 8 rows and K a multiple of 4.
func pack256(dst unsafe.Pointer, step int, at []int32, kind Kind, src unsafe.Pointer, ld, K int) {
	table := unsafe.Pointer(unsafe.SliceData(at))
	switch kind {
	case F32:
		pack256F32(dst, step, table, src, ld, K)
	case F16:
		pack256F16(dst, step, table, src, ld, K)
	case BF16:
		pack256BF16(dst, step, table, src, ld, K)
	}
}

// widen copies rows of 16 numbers.
func widen(dst unsafe.Pointer, step int, kind Kind, src unsafe.Pointer, ld, rows int) {
	widen256(dst, step, kind, src, ld, rows)
	widen256(unsafe.Add(dst, 32), step, kind, unsafe.Add(src, 8*kind.Size()), ld, rows)
}

func widen256(dst unsafe.Pointer, step int, kind Kind, src unsafe.Pointer, ld, rows int) {
	switch kind {
	case F32:
		widen256F32(dst, step, src, ld, rows)
	case F16:
		widen256F16(dst, step, src, ld, rows)
	case BF16:
		widen256BF16(dst, step, src, ld, rows)
	}
}

// run picks the loop for m rows.
func (d *dot) run(m int, kind Kind) {
	switch kind {
	case F32:
		d.runF32(m)
	case F16:
		d.runF16(m)
	case BF16:
		d.runBF16(m)
	}
}

func (d *dot) runF32(m int) {
	switch m {
	case 1:
		dot256F32x1(d)
	case 2:
		dot256F32x2(d)
	case 3:
		dot256F32x3(d)
	case 4:
		dot256F32x4(d)
	}
}

func (d *dot) runF16(m int) {
	switch m {
	case 1:
		dot256F16x1(d)
	case 2:
		dot256F16x2(d)
	case 3:
		dot256F16x3(d)
	case 4:
		dot256F16x4(d)
	}
}

func (d *dot) runBF16(m int) {
	switch m {
	case 1:
		dot256BF16x1(d)
	case 2:
		dot256BF16x2(d)
	case 3:
		dot256BF16x3(d)
	case 4:
		dot256BF16x4(d)
	}
}

func peak(n int) int {
	if level == PureGo {
		return peakGo(n)
	}
	peak256(n)
	return n * 24 * 4 * 2
}
