//go:build amd64 && !purego

package asm

import "unsafe"

//go:noescape
func amxTile(t *amx)

//go:noescape
func peakAMX(config unsafe.Pointer, n int)
