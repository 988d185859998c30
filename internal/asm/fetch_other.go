//go:build !amd64 || purego

package asm

import "unsafe"

func fetchToRead(p unsafe.Pointer, ld, rows, n int)  {}
func fetchToWrite(p unsafe.Pointer, ld, rows, n int) {}
