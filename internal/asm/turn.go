package asm

import "unsafe"

// Turn transposes: dst[j][i] = src[i][j]·f for i < rows, j < cols. Strides are bytes.
func Turn(dst unsafe.Pointer, ldDst int, src unsafe.Pointer, ldSrc, rows, cols int, f float32) {
	turn(dst, ldDst, src, ldSrc, rows, cols, unsafe.Pointer(&f), 0)
}

// TurnScaled is Turn with a factor for each row of the result: dst[j][i] = src[i][j]·f[j].
func TurnScaled(dst unsafe.Pointer, ldDst int, src unsafe.Pointer, ldSrc, rows, cols int, f []float32) {
	turn(dst, ldDst, src, ldSrc, rows, cols, unsafe.Pointer(&f[:cols][0]), 4)
}

// turn goes through the blocks; the factors lie step bytes apart.
func turn(dst unsafe.Pointer, ldDst int, src unsafe.Pointer, ldSrc, rows, cols int, f unsafe.Pointer, step int) {
	if level == PureGo {
		turnGo(dst, ldDst, src, ldSrc, rows, cols, f, step)
		return
	}
	block := Columns() / 2
	for i := 0; i < rows; i += block {
		for j := 0; j < cols; j += block {
			to, from, g := unsafe.Add(dst, j*ldDst+4*i), unsafe.Add(src, i*ldSrc+4*j), unsafe.Add(f, j*step)
			n, m := min(rows-i, block), min(cols-j, block)
			switch {
			case level >= AVX512:
				turn512(to, ldDst, from, ldSrc, n, m, g, step)
			case n == block && m == block:
				turn256(to, ldDst, from, ldSrc, g, step)
			default:
				turnGo(to, ldDst, from, ldSrc, n, m, g, step)
			}
		}
	}
}

// turnGo is the definition of turn.
func turnGo(dst unsafe.Pointer, ldDst int, src unsafe.Pointer, ldSrc, rows, cols int, f unsafe.Pointer, step int) {
	for j := range cols {
		to, g := unsafe.Slice((*float32)(unsafe.Add(dst, j*ldDst)), rows), *(*float32)(unsafe.Add(f, j*step))
		for i := range to {
			to[i] = *(*float32)(unsafe.Add(src, i*ldSrc+4*j)) * g
		}
	}
}

// Gather puts rows of n numbers, ld bytes apart, one after the other.
func Gather(dst, src unsafe.Pointer, ld, rows, n int) {
	switch {
	case level >= AVX512:
		gather512(dst, src, ld, rows, n)
	case level == AVX2:
		gather256(dst, src, ld, rows, n)
	default:
		for i := range rows {
			copy(unsafe.Slice((*float32)(unsafe.Add(dst, 4*i*n)), n), unsafe.Slice((*float32)(unsafe.Add(src, i*ld)), n))
		}
	}
}
