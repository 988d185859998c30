//go:build !amd64 || purego

package asm

import "unsafe"

func widenF16512(dst, src unsafe.Pointer, n int)   { panic(absent) }
func widenBF16512(dst, src unsafe.Pointer, n int)  { panic(absent) }
func narrowF16512(dst, src unsafe.Pointer, n int)  { panic(absent) }
func narrowBF16512(dst, src unsafe.Pointer, n int) { panic(absent) }
