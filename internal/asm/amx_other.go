//go:build !amd64 || purego

package asm

import "unsafe"

func amxTile(*amx)                {}
func peakAMX(unsafe.Pointer, int) {}
