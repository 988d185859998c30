//go:build amd64 && !purego

package asm

import "golang.org/x/sys/cpu"

// detect returns the highest level of this processor.
func detect() Level {
	x := &cpu.X86
	switch {
	case !x.HasAVX2 || !x.HasFMA || !x.HasF16C:
		return PureGo
	case !x.HasAVX512F || !x.HasAVX512BW || !x.HasAVX512DQ || !x.HasAVX512VL:
		return AVX2
	case !x.HasAVX512BF16:
		return AVX512
	case !x.HasAMXTile || !x.HasAMXBF16:
		return AVX512BF16
	}
	return AMX
}
