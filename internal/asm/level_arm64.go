//go:build arm64 && !purego

package asm

// detect returns the highest level of this processor: every arm64 has NEON.
func detect() Level { return NEON }
