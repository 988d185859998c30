//go:build !amd64 || purego

package asm

import "unsafe"

func narrow512(dst, src unsafe.Pointer, blocks int) {}
func pair512(dst, src unsafe.Pointer, pairs int)    {}
func peakBF16(n int)                                {}
