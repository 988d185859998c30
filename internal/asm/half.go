package asm

import "math"

// WidenF16 is y = x.
func WidenF16[H ~uint16](y []float32, x []H) {
	for i, h := range x[:len(y)] {
		y[i] = Float16(uint16(h))
	}
}

// WidenBF16 is y = x.
func WidenBF16[H ~uint16](y []float32, x []H) {
	for i, h := range x[:len(y)] {
		y[i] = math.Float32frombits(uint32(h) << 16)
	}
}

// NarrowF16 is y = x, rounded to nearest even.
func NarrowF16[H ~uint16](y []H, x []float32) {
	for i, v := range x[:len(y)] {
		y[i] = H(RoundF16(v))
	}
}

// NarrowBF16 is y = x, rounded to nearest even.
func NarrowBF16[H ~uint16](y []H, x []float32) {
	for i, v := range x[:len(y)] {
		y[i] = H(RoundBF16(v))
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
