//go:build amd64 && !purego

package asm

import "unsafe"

//go:noescape
func product512x32(p *panelArgs)

//go:noescape
func product512x16(p *panelArgs)

//go:noescape
func product256x16(p *panelArgs)

//go:noescape
func columnSoftmax512(a *columnArgs)

//go:noescape
func columnSoftmax256(a *columnArgs)

//go:noescape
func turn512(dst unsafe.Pointer, ldDst int, src unsafe.Pointer, ldSrc, rows, cols int)

//go:noescape
func turn256(dst unsafe.Pointer, ldDst int, src unsafe.Pointer, ldSrc int)
