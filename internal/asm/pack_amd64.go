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

// widen512 copies rows of 16 numbers.
func widen512(dst unsafe.Pointer, step int, kind Kind, src unsafe.Pointer, ld, rows int) {
	switch kind {
	case F32:
		widen512F32(dst, step, src, ld, rows)
	case F16:
		widen512F16(dst, step, src, ld, rows)
	case BF16:
		widen512BF16(dst, step, src, ld, rows)
	}
}

//go:noescape
func pack512F32(dst unsafe.Pointer, step int, at, src unsafe.Pointer, ld, K int)

//go:noescape
func pack512F16(dst unsafe.Pointer, step int, at, src unsafe.Pointer, ld, K int)

//go:noescape
func pack512BF16(dst unsafe.Pointer, step int, at, src unsafe.Pointer, ld, K int)

//go:noescape
func widen512F32(dst unsafe.Pointer, step int, src unsafe.Pointer, ld, rows int)

//go:noescape
func widen512F16(dst unsafe.Pointer, step int, src unsafe.Pointer, ld, rows int)

//go:noescape
func widen512BF16(dst unsafe.Pointer, step int, src unsafe.Pointer, ld, rows int)
