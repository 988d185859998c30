//go:build amd64 && !purego

package asm

import "unsafe"

// pack512 is panelGo for 16 rows.
func pack512(dst unsafe.Pointer, step int, at []int32, kind Kind, src unsafe.Pointer, ld, K int) {
	table := unsafe.Pointer(unsafe.SliceData(at))
	switch kind {
	case F32:
		pack512F32(dst, step, table, src, ld, K)
	case F16:
		pack512F16(dst, step, table, src, ld, K)
	case BF16:
		pack512BF16(dst, step, table, src, ld, K)
	}
}

// pack256 is panelGo for 8 rows and K a multiple of 8.
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
	if level == AVX2 {
		widen256(dst, step, kind, src, ld, rows)
		widen256(unsafe.Add(dst, 32), step, kind, unsafe.Add(src, 8*kind.Size()), ld, rows)
		return
	}
	switch kind {
	case F32:
		widen512F32(dst, step, src, ld, rows)
	case F16:
		widen512F16(dst, step, src, ld, rows)
	case BF16:
		widen512BF16(dst, step, src, ld, rows)
	}
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

//go:noescape
func pack512F32(dst unsafe.Pointer, step int, at, src unsafe.Pointer, ld, K int)

//go:noescape
func widen512F32(dst unsafe.Pointer, step int, src unsafe.Pointer, ld, rows int)

//go:noescape
func pack512F16(dst unsafe.Pointer, step int, at, src unsafe.Pointer, ld, K int)

//go:noescape
func widen512F16(dst unsafe.Pointer, step int, src unsafe.Pointer, ld, rows int)

//go:noescape
func pack512BF16(dst unsafe.Pointer, step int, at, src unsafe.Pointer, ld, K int)

//go:noescape
func widen512BF16(dst unsafe.Pointer, step int, src unsafe.Pointer, ld, rows int)

//go:noescape
func pack256F32(dst unsafe.Pointer, step int, at, src unsafe.Pointer, ld, K int)

//go:noescape
func widen256F32(dst unsafe.Pointer, step int, src unsafe.Pointer, ld, rows int)

//go:noescape
func pack256F16(dst unsafe.Pointer, step int, at, src unsafe.Pointer, ld, K int)

//go:noescape
func widen256F16(dst unsafe.Pointer, step int, src unsafe.Pointer, ld, rows int)

//go:noescape
func pack256BF16(dst unsafe.Pointer, step int, at, src unsafe.Pointer, ld, K int)

//go:noescape
func widen256BF16(dst unsafe.Pointer, step int, src unsafe.Pointer, ld, rows int)
