//go:build amd64 && !purego

package asm

import "unsafe"

//go:noescape
func fetchToRead(p unsafe.Pointer, ld, rows, n int)

//go:noescape
func fetchToWrite(p unsafe.Pointer, ld, rows, n int)
