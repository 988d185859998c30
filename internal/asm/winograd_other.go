//go:build !amd64 || purego

package asm

import "unsafe"

func winogradInput512(pixels, dst unsafe.Pointer, plane int, _ unsafe.Pointer, n int) {}

func winogradOutput512(src unsafe.Pointer, plane int, dst unsafe.Pointer, ld int, add, _ unsafe.Pointer, n int) {
}

func winogradWeights512(src unsafe.Pointer, tap, step int, dst unsafe.Pointer, plane int, _ unsafe.Pointer, n int) {
}
