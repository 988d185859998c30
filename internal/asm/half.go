package asm

import (
	"math"
	"unsafe"
)

// WidenF16 is y = x.
func WidenF16[H ~uint16](y []float32, x []H) {
	done := vectors(len(y))
	switch {
	case done == 0:
	case level >= AVX512:
		widenF16512(unsafe.Pointer(&y[0]), unsafe.Pointer(&x[:len(y)][0]), done/16)
	default:
		widenF16256(unsafe.Pointer(&y[0]), unsafe.Pointer(&x[:len(y)][0]), done/8)
	}
	for i, h := range x[done:len(y)] {
		y[done+i] = Float16(uint16(h))
	}
}

// vectors returns how many of n numbers fill whole vectors. What is left is done in
// Go, which gives the same bits.
func vectors(n int) int {
	switch {
	case level >= AVX512:
		return n &^ 15
	case level == AVX2:
		return n &^ 7
	}
	return 0
}

// WidenBF16 is y = x.
func WidenBF16[H ~uint16](y []float32, x []H) {
	done := vectors(len(y))
	switch {
	case done == 0:
	case level >= AVX512:
		widenBF16512(unsafe.Pointer(&y[0]), unsafe.Pointer(&x[:len(y)][0]), done/16)
	default:
		widenBF16256(unsafe.Pointer(&y[0]), unsafe.Pointer(&x[:len(y)][0]), done/8)
	}
	for i, h := range x[done:len(y)] {
		y[done+i] = math.Float32frombits(uint32(h) << 16)
	}
}

// NarrowF16 is y = x, rounded to nearest even.
func NarrowF16[H ~uint16](y []H, x []float32) {
	done := vectors(len(y))
	switch {
	case done == 0:
	case level >= AVX512:
		narrowF16512(unsafe.Pointer(&y[0]), unsafe.Pointer(&x[:len(y)][0]), done/16)
	default:
		narrowF16256(unsafe.Pointer(&y[0]), unsafe.Pointer(&x[:len(y)][0]), done/8)
	}
	for i, v := range x[done:len(y)] {
		y[done+i] = H(RoundF16(v))
	}
}

// NarrowBF16 is y = x, rounded to nearest even.
func NarrowBF16[H ~uint16](y []H, x []float32) {
	done := vectors(len(y))
	switch {
	case done == 0:
	case level >= AVX512:
		narrowBF16512(unsafe.Pointer(&y[0]), unsafe.Pointer(&x[:len(y)][0]), done/16)
	default:
		narrowBF16256(unsafe.Pointer(&y[0]), unsafe.Pointer(&x[:len(y)][0]), done/8)
	}
	for i, v := range x[done:len(y)] {
		y[done+i] = H(RoundBF16(v))
	}
}

// RoundF16 returns the binary16 nearest to v, ties to even.
func RoundF16(v float32) uint16 {
	b := math.Float32bits(v)
	sign, b := uint16(b>>16&0x8000), b&0x7fffffff
	switch {
	case b > 0x7f800000:
		return sign | 0x7e00 | uint16(b>>13&0x1ff) // quiet, as hardware makes it
	case b >= 0x477ff000: // from half way between the largest number and the next on
		return sign | 0x7c00
	case b < 0x38800000: // below the smallest normal one: a multiple of 2⁻²⁴
		return sign | uint16(math.Float32bits(math.Float32frombits(b)+0.5)-0x3f000000)
	}
	b -= 112 << 23
	return sign | uint16((b+0xfff+b>>13&1)>>13)
}
