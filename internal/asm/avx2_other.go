//go:build (!amd64 && !arm64) || purego

package asm

import "unsafe"

// The loops that level AVX2, on arm64 NEON, has and other processors lack.

func tile256(*Tile)                                                         { panic(absent) }
func pack256(unsafe.Pointer, int, []int32, Kind, unsafe.Pointer, int, int)  { panic(absent) }
func widen(unsafe.Pointer, int, Kind, unsafe.Pointer, int, int)             { panic(absent) }
func map256(mapOp, *mapArgs)                                                { panic(absent) }
func rows256x16(*panelArgs)                                                 { panic(absent) }
func columns256x16(*panelArgs)                                              { panic(absent) }
func softmax256x16(*columnArgs)                                             { panic(absent) }
func turn256(unsafe.Pointer, int, unsafe.Pointer, int, unsafe.Pointer, int) { panic(absent) }
func rowDots256(dst, a, b unsafe.Pointer, ld, rows, n int)                  { panic(absent) }
func widenF16256(dst, src unsafe.Pointer, n int)                            { panic(absent) }
func widenBF16256(dst, src unsafe.Pointer, n int)                           { panic(absent) }
func narrowF16256(dst, src unsafe.Pointer, n int)                           { panic(absent) }
func narrowBF16256(dst, src unsafe.Pointer, n int)                          { panic(absent) }

func copyRows256(dst unsafe.Pointer, ldDst int, src unsafe.Pointer, ldSrc, rows, n int, f float32) {
	panic(absent)
}

func softmaxGrad256(s, ds unsafe.Pointer, ld, rows, n int, lse, mean unsafe.Pointer) { panic(absent) }

func winogradInput256(pixels, dst unsafe.Pointer, plane int, scratch unsafe.Pointer, n int) {
	panic(absent)
}

func winogradOutput256(src unsafe.Pointer, plane int, dst unsafe.Pointer, ld int, add, scratch unsafe.Pointer, n int) {
	panic(absent)
}

func winogradWeights256(src unsafe.Pointer, tap, step int, dst unsafe.Pointer, plane int, scratch unsafe.Pointer, n int) {
	panic(absent)
}

func (d *dot) run(int, Kind) { panic(absent) }

func peak(n int) int { return peakGo(n) }
