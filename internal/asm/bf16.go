package asm

import (
	"math"
	"unsafe"
)

// HasBF16 reports whether RunBF16 is the way to multiply bfloat16. It is not where
// there is AMX: VDPBF16PS has a quarter of the rate of a float32 multiply-add there, so
// half its work (Sapphire Rapids: 1.75 against 7.0 thousand million instructions a
// second), and products of rounded float32 are faster.
func HasBF16() bool { return level == AVX512BF16 }

// PairRow writes n numbers rounded to bfloat16, nearest even, one after the other: rows
// for RunBF16. Subnormals become 0.
func PairRow(dst, src unsafe.Pointer, n int) {
	done := 0
	if level >= AVX512BF16 && n >= 32 {
		done = n &^ 31
		narrow512(dst, src, done/32)
	}
	to := unsafe.Slice((*uint16)(dst), n)
	for i, v := range unsafe.Slice((*float32)(src), n)[done:] {
		to[done+i] = RoundBF16(flush(v))
	}
}

// PairPanel rounds a panel of 32 columns to bfloat16 and joins every two rows of it to
// one of pairs, in place: a panel for RunBF16. Subnormals become 0.
func PairPanel(panel unsafe.Pointer, pairs int) {
	if level >= AVX512BF16 {
		pair512(panel, panel, pairs)
		return
	}
	to := unsafe.Slice((*[dotColumns][2]uint16)(panel), pairs)
	for k, rows := range unsafe.Slice((*[2][dotColumns]float32)(panel), pairs) {
		for j := range dotColumns {
			to[k][j] = [2]uint16{RoundBF16(flush(rows[0][j])), RoundBF16(flush(rows[1][j]))}
		}
	}
}

// RoundRow writes n numbers rounded to bfloat16 as float32; dst may be src.
func RoundRow(dst, src unsafe.Pointer, n int) {
	to := unsafe.Slice((*float32)(dst), n)
	for i, v := range unsafe.Slice((*float32)(src), n) {
		to[i] = math.Float32frombits(uint32(RoundBF16(v)) << 16)
	}
}
