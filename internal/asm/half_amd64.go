//go:build amd64 && !purego

package asm

import "unsafe"

//go:noescape
func widenF16512(dst, src unsafe.Pointer, n int)

//go:noescape
func widenF16256(dst, src unsafe.Pointer, n int)

//go:noescape
func widenBF16512(dst, src unsafe.Pointer, n int)

//go:noescape
func widenBF16256(dst, src unsafe.Pointer, n int)

//go:noescape
func narrowF16512(dst, src unsafe.Pointer, n int)

//go:noescape
func narrowF16256(dst, src unsafe.Pointer, n int)

//go:noescape
func narrowBF16512(dst, src unsafe.Pointer, n int)

//go:noescape
func narrowBF16256(dst, src unsafe.Pointer, n int)
