//go:build amd64 && !purego

package asm

import "unsafe"

//go:noescape
func winogradInput512(pixels unsafe.Pointer, dst unsafe.Pointer, plane int, scratch unsafe.Pointer, n int)

//go:noescape
func winogradOutput512(src unsafe.Pointer, plane int, dst unsafe.Pointer, ld int, add, scratch unsafe.Pointer, n int)

//go:noescape
func winogradWeights512(src unsafe.Pointer, tap, step int, dst unsafe.Pointer, plane int, scratch unsafe.Pointer, n int)

//go:noescape
func winogradInput256(pixels unsafe.Pointer, dst unsafe.Pointer, plane int, scratch unsafe.Pointer, n int)

//go:noescape
func winogradOutput256(src unsafe.Pointer, plane int, dst unsafe.Pointer, ld int, add, scratch unsafe.Pointer, n int)

//go:noescape
func winogradWeights256(src unsafe.Pointer, tap, step int, dst unsafe.Pointer, plane int, scratch unsafe.Pointer, n int)
