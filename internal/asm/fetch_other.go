//go:build !amd64 || purego

package asm

func fetchToRead(p uintptr, ld, rows, n int)  {}
func fetchToWrite(p uintptr, ld, rows, n int) {}
