package asm

import "unsafe"

// Peak multiplies and adds in registers for n rounds and returns how many
// floating-point operations that was: what the speed of a kernel is a share of.
func Peak(n int) int { return peak(n) }

// PeakBF16 is Peak for products of bfloat16, by whatever multiplies them: AMX tiles,
// VDPBF16PS, or, where there is neither, float32.
func PeakBF16(n int) int {
	switch {
	case HasAMX():
		peakAMX(unsafe.Pointer(&amxConfig), n)
		return n * 6 * 2 * 16 * 16 * 32
	case HasBF16():
		peakBF16(n)
		return n * 24 * 2 * 32
	}
	return Peak(n)
}

func peakGo(n int) int {
	var a, b, c, d float32
	for range n {
		a, b, c, d = a*0.5+1, b*0.5+1, c*0.5+1, d*0.5+1
	}
	if a+b+c+d < 0 { // never, which the compiler does not know
		return 0
	}
	return 8 * n
}
