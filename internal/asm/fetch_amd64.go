//go:build amd64 && !purego

package asm

//go:noescape
func fetchToRead(p uintptr, ld, rows, n int)

//go:noescape
func fetchToWrite(p uintptr, ld, rows, n int)
