//go:build amd64 && !purego

package asm

//go:noescape
func map512(op mapOp, a *mapArgs)

//go:noescape
func map256(op mapOp, a *mapArgs)
