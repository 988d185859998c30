//go:build amd64 && !purego

package asm

import "unsafe"

//go:noescape
func narrow512(dst, src unsafe.Pointer, blocks int)

//go:noescape
func pair512(dst, src unsafe.Pointer, pairs int)

//go:noescape
func peakBF16(n int)
