//go:build amd64 && !purego

package asm

import "unsafe"

//go:noescape
func rows512x48(p *panelArgs)

//go:noescape
func rows512x32(p *panelArgs)

//go:noescape
func rows512x16(p *panelArgs)

//go:noescape
func rows256x16(p *panelArgs)

//go:noescape
func columns512x48(p *panelArgs)

//go:noescape
func columns512x32(p *panelArgs)

//go:noescape
func columns512x16(p *panelArgs)

//go:noescape
func columns256x16(p *panelArgs)

//go:noescape
func softmax512x48(a *columnArgs)

//go:noescape
func softmax512x32(a *columnArgs)

//go:noescape
func softmax256x16(a *columnArgs)

//go:noescape
func turn512(dst unsafe.Pointer, ldDst int, src unsafe.Pointer, ldSrc, rows, cols int, f unsafe.Pointer, step int)

//go:noescape
func turn256(dst unsafe.Pointer, ldDst int, src unsafe.Pointer, ldSrc int, f unsafe.Pointer, step int)

//go:noescape
func copyRows512(dst unsafe.Pointer, ldDst int, src unsafe.Pointer, ldSrc, rows, n int, f float32)

//go:noescape
func copyRows256(dst unsafe.Pointer, ldDst int, src unsafe.Pointer, ldSrc, rows, n int, f float32)

//go:noescape
func rowDots512(dst, a, b unsafe.Pointer, ld, rows, n int)

//go:noescape
func rowDots256(dst, a, b unsafe.Pointer, ld, rows, n int)

//go:noescape
func softmaxGrad512(s, ds unsafe.Pointer, ld, rows, n int, lse, mean unsafe.Pointer)

//go:noescape
func softmaxGrad256(s, ds unsafe.Pointer, ld, rows, n int, lse, mean unsafe.Pointer)
