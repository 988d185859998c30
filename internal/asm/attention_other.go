//go:build !amd64 || purego

package asm

import "unsafe"

const absent = "asm: no such loop on this processor"

func rows512x48(*panelArgs)                                                           { panic(absent) }
func rows512x32(*panelArgs)                                                           { panic(absent) }
func rows512x16(*panelArgs)                                                           { panic(absent) }
func columns512x48(*panelArgs)                                                        { panic(absent) }
func columns512x32(*panelArgs)                                                        { panic(absent) }
func columns512x16(*panelArgs)                                                        { panic(absent) }
func softmax512x48(*columnArgs)                                                       { panic(absent) }
func softmax512x32(*columnArgs)                                                       { panic(absent) }
func turn512(unsafe.Pointer, int, unsafe.Pointer, int, int, int, unsafe.Pointer, int) { panic(absent) }
func copyRows512(dst unsafe.Pointer, ldDst int, src unsafe.Pointer, ldSrc, rows, n int, f float32) {
	panic(absent)
}
func rowDots512(dst, a, b unsafe.Pointer, ld, rows, n int)                           { panic(absent) }
func softmaxGrad512(s, ds unsafe.Pointer, ld, rows, n int, lse, mean unsafe.Pointer) { panic(absent) }
