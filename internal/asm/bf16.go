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
// for RunBF16. Hardware takes subnormals for 0. It needs level AVX512BF16.
func PairRow(dst, src unsafe.Pointer, n int) {
	if n >= 32 {
		narrow512(dst, src, n/32)
	}
	for i := n &^ 31; i < n; i++ {
		*(*uint16)(unsafe.Add(dst, 2*i)) = RoundBF16(*(*float32)(unsafe.Add(src, 4*i)))
	}
}

// PairPanel rounds a panel to bfloat16 and joins every two rows of it to one of pairs,
// in place: a panel for RunBF16. It needs level AVX512BF16.
func PairPanel(panel unsafe.Pointer, pairs int) { pair512(panel, panel, pairs) }

// RoundRow writes n numbers rounded to bfloat16 as float32; dst may be src.
func RoundRow(dst, src unsafe.Pointer, n int) {
	to := unsafe.Slice((*float32)(dst), n)
	for i, v := range unsafe.Slice((*float32)(src), n) {
		to[i] = math.Float32frombits(uint32(RoundBF16(v)) << 16)
	}
}
