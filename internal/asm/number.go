package asm

import (
	"math"
	"unsafe"
)

// Kind is how numbers are stored.
type Kind uint8

// The kinds: float32, IEEE binary16 and bfloat16.
const (
	F32 Kind = iota
	F16
	BF16
)

// Size returns the bytes of a number.
func (k Kind) Size() int {
	if k == F32 {
		return 4
	}
	return 2
}

// load returns number i at p.
func (k Kind) load(p unsafe.Pointer, i int) float32 {
	switch k {
	case F16:
		return Float16(*(*uint16)(unsafe.Add(p, 2*i)))
	case BF16:
		return math.Float32frombits(uint32(*(*uint16)(unsafe.Add(p, 2*i))) << 16)
	}
	return *(*float32)(unsafe.Add(p, 4*i))
}

// Float16 returns the value of a binary16, subnormals, infinities and NaN included.
func Float16(h uint16) float32 {
	sign, exp, frac := uint32(h&0x8000)<<16, uint32(h>>10&31), uint32(h&0x3ff)
	switch exp {
	case 0:
		v := float32(frac) * 0x1p-24
		return math.Float32frombits(math.Float32bits(v) | sign)
	case 31:
		if frac != 0 {
			frac |= 0x200 // quiet, as hardware makes it
		}
		return math.Float32frombits(sign | 0x7f800000 | frac<<13)
	}
	return math.Float32frombits(sign | (exp+112)<<23 | frac<<13)
}

// RoundBF16 returns the bfloat16 nearest to v, ties to even.
func RoundBF16(v float32) uint16 {
	b := math.Float32bits(v)
	if v != v {
		return uint16(b>>16) | 0x40
	}
	return uint16((b + 0x7fff + b>>16&1) >> 16)
}
