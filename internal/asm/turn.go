package asm

import "unsafe"

// Turn transposes: dst[j][i] = src[i][j] for i < rows, j < cols. Strides are bytes.
func Turn(dst unsafe.Pointer, ldDst int, src unsafe.Pointer, ldSrc, rows, cols int) {
	if level == PureGo {
		turnGo(dst, ldDst, src, ldSrc, rows, cols)
		return
	}
	block := Columns() / 2
	for i := 0; i < rows; i += block {
		for j := 0; j < cols; j += block {
			to, from := unsafe.Add(dst, j*ldDst+4*i), unsafe.Add(src, i*ldSrc+4*j)
			n, m := min(rows-i, block), min(cols-j, block)
			switch {
			case level >= AVX512:
				turn512(to, ldDst, from, ldSrc, n, m)
			case n == block && m == block:
				turn256(to, ldDst, from, ldSrc)
			default:
				turnGo(to, ldDst, from, ldSrc, n, m)
			}
		}
	}
}

// turnGo is the definition of Turn.
func turnGo(dst unsafe.Pointer, ldDst int, src unsafe.Pointer, ldSrc, rows, cols int) {
	for j := range cols {
		to := unsafe.Slice((*float32)(unsafe.Add(dst, j*ldDst)), rows)
		for i := range to {
			to[i] = *(*float32)(unsafe.Add(src, i*ldSrc+4*j))
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
