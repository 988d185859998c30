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
	for j := 0; j < cols; j += block { // rows of dst stay near while they are written
		for i := 0; i < rows; i += block {
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

// CopyRows copies rows of n numbers, times f: dst[i][j] = src[i][j]·f. Strides are bytes.
func CopyRows(dst unsafe.Pointer, ldDst int, src unsafe.Pointer, ldSrc, rows, n int, f float32) {
	switch {
	case rows == 0:
	case level >= AVX512:
		copyRows512(dst, ldDst, src, ldSrc, rows, n, f)
	case level == AVX2:
		copyRows256(dst, ldDst, src, ldSrc, rows, n, f)
	default:
		copyRowsGo(dst, ldDst, src, ldSrc, rows, n, f)
	}
}

// copyRowsGo is the definition of CopyRows.
func copyRowsGo(dst unsafe.Pointer, ldDst int, src unsafe.Pointer, ldSrc, rows, n int, f float32) {
	for i := range rows {
		to, from := unsafe.Slice((*float32)(unsafe.Add(dst, i*ldDst)), n), unsafe.Slice((*float32)(unsafe.Add(src, i*ldSrc)), n)
		for j, v := range from {
			to[j] = v * f
		}
	}
}

// RowDots takes the products of rows: dst[i] = Σⱼ a[i][j]·b[i][j] for rows of n numbers,
// ld bytes apart.
func RowDots(dst []float32, a, b unsafe.Pointer, ld, n int) {
	switch {
	case len(dst) == 0:
	case level >= AVX512:
		rowDots512(unsafe.Pointer(&dst[0]), a, b, ld, len(dst), n)
	case level == AVX2:
		rowDots256(unsafe.Pointer(&dst[0]), a, b, ld, len(dst), n)
	default:
		for i := range dst {
			dst[i] = float32(Dot(unsafe.Slice((*float32)(unsafe.Add(a, i*ld)), n), unsafe.Slice((*float32)(unsafe.Add(b, i*ld)), n)))
		}
	}
}
