//go:build !amd64 || purego

package asm

func map512(mapOp, *mapArgs) { panic("asm: no such loop on this processor") }
