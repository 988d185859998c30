package asm

import "unsafe"

// The transforms of Winograd's convolution F(4×4, 3×3) with the points 0, ±1, ±2
// (Lavin and Gray, Fast Algorithms for Convolutional Neural Networks, 2016). A tile
// of 4×4 results comes from 6×6 pixels by 36 products instead of 144:
//
//	Y = Aᵀ·[(G·g·Gᵀ) ⊙ (Bᵀ·d·B)]·A
//
// All three work on many channels at a time. Plane q = 6i+j of a transformed tile is
// its element (i, j).

// winogradScratch is the bytes that a transform needs for what is half done.
const winogradScratch = 36 * 64

// Scratch is memory for a transform's intermediate values.
type Scratch [winogradScratch]byte

// VectorChannels is what the channels of WinogradInput and WinogradOutput must be a
// multiple of, on any level.
const VectorChannels = 16

// WinogradInput writes Bᵀ·d·B of n channels to 36 planes. Address i of pixel (y, x) is
// at pixels[6y+x][0].
func WinogradInput(pixels unsafe.Pointer, dst unsafe.Pointer, plane int, scratch *Scratch, n int) {
	switch {
	case level >= AVX512:
		winogradInput512(pixels, dst, plane, unsafe.Pointer(scratch), n/16)
	case level == AVX2:
		winogradInput256(pixels, dst, plane, unsafe.Pointer(scratch), n/8)
	default:
		winogradInputGo(pixels, dst, plane, n)
	}
}

// WinogradOutput writes Aᵀ·m·A + add of n channels to 16 pixels that lie ld bytes
// apart.
func WinogradOutput(src unsafe.Pointer, plane int, dst unsafe.Pointer, ld int, add unsafe.Pointer, scratch *Scratch, n int) {
	switch {
	case level >= AVX512:
		winogradOutput512(src, plane, dst, ld, add, unsafe.Pointer(scratch), n/16)
	case level == AVX2:
		winogradOutput256(src, plane, dst, ld, add, unsafe.Pointer(scratch), n/8)
	default:
		winogradOutputGo(src, plane, dst, ld, add, n)
	}
}

// WinogradWeights writes G·g·Gᵀ for n input channels to 36 panels, plane bytes apart.
// The vector of Columns output channels that belongs to a tap of a channel lies tap
// bytes after that of the tap before, step bytes after that of the channel before.
func WinogradWeights(src unsafe.Pointer, tap, step int, dst unsafe.Pointer, plane int, scratch *Scratch, n int) {
	switch {
	case level >= AVX512:
		winogradWeights512(src, tap, step, dst, plane, unsafe.Pointer(scratch), n)
	case level == AVX2:
		winogradWeights256(src, tap, step, dst, plane, unsafe.Pointer(scratch), n)
	default:
		winogradWeightsGo(src, tap, step, dst, plane, n)
	}
}

// winogradB, winogradA and winogradG are Bᵀ, Aᵀ and G.
var (
	winogradB = [6][6]float32{{4, 0, -5, 0, 1, 0}, {0, -4, -4, 1, 1, 0}, {0, 4, -4, -1, 1, 0}, {0, -2, -1, 2, 1, 0}, {0, 2, -1, -2, 1, 0}, {0, 4, 0, -5, 0, 1}}
	winogradA = [4][6]float32{{1, 1, 1, 1, 1, 0}, {0, 1, -1, 2, -2, 0}, {0, 1, 1, 4, 4, 0}, {0, 1, -1, 8, -8, 1}}
	winogradG = [6][3]float32{{1. / 4, 0, 0}, {-1. / 6, -1. / 6, -1. / 6}, {-1. / 6, 1. / 6, -1. / 6}, {1. / 24, 1. / 12, 1. / 6}, {1. / 24, -1. / 12, 1. / 6}, {0, 0, 1}}
)

// winogradInputGo is the definition of WinogradInput.
func winogradInputGo(pixels, dst unsafe.Pointer, plane, n int) {
	table := (*[36][MaxRows]unsafe.Pointer)(pixels)
	for c := range n {
		var d, v [6][6]float32
		for i := range 36 {
			d[i/6][i%6] = *(*float32)(unsafe.Add(table[i][0], 4*c))
		}
		for i, row := range winogradB {
			for j := range 6 {
				for k, b := range row {
					v[i][j] += b * d[k][j]
				}
			}
		}
		for q := range 36 {
			var sum float32
			for k, b := range winogradB[q%6] {
				sum += v[q/6][k] * b
			}
			*(*float32)(unsafe.Add(dst, q*plane+4*c)) = sum
		}
	}
}

// winogradOutputGo is the definition of WinogradOutput.
func winogradOutputGo(src unsafe.Pointer, plane int, dst unsafe.Pointer, ld int, add unsafe.Pointer, n int) {
	for c := range n {
		var y [4][6]float32
		for i, row := range winogradA {
			for j := range 6 {
				for k, a := range row {
					y[i][j] += a * *(*float32)(unsafe.Add(src, (6*k+j)*plane+4*c))
				}
			}
		}
		for p := range 16 {
			var sum float32
			for k, a := range winogradA[p%4] {
				sum += y[p/4][k] * a
			}
			*(*float32)(unsafe.Add(dst, p*ld+4*c)) = sum + *(*float32)(unsafe.Add(add, 4*c))
		}
	}
}

// winogradWeightsGo is the definition of WinogradWeights.
func winogradWeightsGo(src unsafe.Pointer, tap, step int, dst unsafe.Pointer, plane, n int) {
	for i := range n * columnsGo {
		c, o := i/columnsGo, 4*(i%columnsGo)
		var t [6][3]float32
		for x := range 3 {
			for k, row := range winogradG {
				for y, g := range row {
					t[k][x] += g * *(*float32)(unsafe.Add(src, c*step+o+(3*y+x)*tap))
				}
			}
		}
		for q := range 36 {
			var sum float32
			for x, g := range winogradG[q%6] {
				sum += t[q/6][x] * g
			}
			*(*float32)(unsafe.Add(dst, q*plane+4*columnsGo*c+o)) = sum
		}
	}
}
