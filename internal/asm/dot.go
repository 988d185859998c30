package asm

import "unsafe"

// dot are the arguments of a loop over weights.
type dot struct {
	rows  [MaxRows]unsafe.Pointer
	K     int
	w     unsafe.Pointer
	ldW   int
	n     int
	out   unsafe.Pointer
	ldOut int
}

// Dots multiplies m ≤ DotRows rows with n rows of a stored weight:
//
//	out[i][j] = Σₖ rows[i][k]·w[j][k]
//
// ldW and ldOut are bytes between rows. Sums run in vectors along k; their order does
// not depend on m or n.
func Dots(rows *[MaxRows]unsafe.Pointer, m, K int, kind Kind, w unsafe.Pointer, ldW, n int, out unsafe.Pointer, ldOut int) {
	done := 0
	switch {
	case level >= AVX512 && K >= 32:
		done = K &^ 31
	case level == AVX2 && K >= 16:
		done = K &^ 15
	}
	if done > 0 {
		d := dot{*rows, done, w, ldW, n, out, ldOut}
		d.run(m, kind)
	}
	if done == K {
		return
	}
	for i := range m {
		for j := range n {
			sum := (*float32)(unsafe.Add(out, i*ldOut+4*j))
			if done == 0 {
				*sum = 0
			}
			row := unsafe.Slice((*float32)(rows[i]), K)
			for k := done; k < K; k++ {
				*sum += row[k] * kind.load(unsafe.Add(w, j*ldW), k)
			}
		}
	}
}

// DotRows returns how many rows Dots takes at most.
func DotRows() int {
	if level == AVX2 {
		return 4
	}
	return MaxRows
}
