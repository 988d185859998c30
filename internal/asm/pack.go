package asm

import "unsafe"

// Panel makes a panel of a matrix whose rows become columns, as weights [out, in]
// need it: column j of the panel is row j of src, widened to float32.
//
//	dst[k][j] = src[j][k]    k < K, j < rows; 0 for rows ≤ j < Columns
//
// Rows of src lie ld bytes apart. Row k of the panel lies at[k] bytes from dst, or
// in order if at is nil.
func Panel(dst unsafe.Pointer, at []int32, kind Kind, src unsafe.Pointer, ld, rows, K int) {
	w := Columns()
	for j := 0; j < w; j += 16 {
		half, n := unsafe.Add(dst, 4*j), min(max(rows-j, 0), 16)
		from := src
		if n > 0 {
			from = unsafe.Add(src, j*ld)
		}
		pack(half, 4*w, at, kind, from, ld, n, K)
	}
}

func pack(dst unsafe.Pointer, step int, at []int32, kind Kind, src unsafe.Pointer, ld, rows, K int) {
	done := 0
	switch {
	case rows == 16 && level >= AVX512:
		pack512(dst, step, at, kind, src, ld, K)
		return
	case rows == 16 && level == AVX2 && K >= 8:
		done = K &^ 7
		pack256(dst, step, at, kind, src, ld, done)
		pack256(unsafe.Add(dst, 32), step, at, kind, unsafe.Add(src, 8*ld), ld, done)
	}
	panelGo(dst, step, at, kind, src, ld, rows, done, K)
}

// Transpose turns a float32 matrix over: dst[k][j] = src[j][k] for j < rows, k < K,
// rows lying step and ld bytes apart. Numbers of dst up to the next multiple of 16
// columns are set to 0.
func Transpose(dst unsafe.Pointer, step int, src unsafe.Pointer, ld, rows, K int) {
	for j := 0; j < rows; j += 16 {
		pack(unsafe.Add(dst, 4*j), step, nil, F32, unsafe.Add(src, j*ld), ld, min(rows-j, 16), K)
	}
}

// panelGo is the definition of half of Panel's work: 16 columns, for k0 ≤ k < k1.
func panelGo(dst unsafe.Pointer, step int, at []int32, kind Kind, src unsafe.Pointer, ld, rows, k0, k1 int) {
	for k := k0; k < k1; k++ {
		to := k * step
		if at != nil {
			to = int(at[k])
		}
		out := (*[16]float32)(unsafe.Add(dst, to))
		for j := range rows {
			out[j] = kind.load(unsafe.Add(src, j*ld), k)
		}
		clear(out[rows:])
	}
}

// PanelRows makes a panel of a matrix whose columns stay columns.
//
//	dst[k][j] = src[k][j]    k < K, j < cols; 0 for cols ≤ j < Columns
func PanelRows(dst unsafe.Pointer, kind Kind, src unsafe.Pointer, ld, cols, K int) {
	w := Columns()
	for j := 0; j < w; j += 16 {
		half, n := unsafe.Add(dst, 4*j), min(max(cols-j, 0), 16)
		from := src
		if n > 0 {
			from = unsafe.Add(src, j*kind.Size())
		}
		if n == 16 && level >= AVX2 {
			widen(half, 4*w, kind, from, ld, K)
			continue
		}
		for k := range K {
			out := (*[16]float32)(unsafe.Add(half, 4*w*k))
			for i := range n {
				out[i] = kind.load(unsafe.Add(from, k*ld), i)
			}
			clear(out[n:])
		}
	}
}
