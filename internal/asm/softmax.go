package asm

import (
	"math"
	"unsafe"
)

// ColumnSoftmax takes a block of scores s [rows][len(top)], in base 2, into the running
// softmax of its columns. top holds the largest score so far, sum the sum of
// 2^(score−top); scores become 2^(score−top) for the new top, and keep the factors
// that turn what was added up for the old one into what it is for the new. There are
// 16 columns, or with AVX-512 32 or 48.
//
// A top of −Inf counts as the lowest finite number, so that a column that sees
// nothing stays zero.
func ColumnSoftmax(s []float32, top, sum, keep []float32) {
	rows := len(s) / len(top)
	if level == PureGo {
		columnSoftmaxGo(s, rows, top, sum, keep)
		return
	}
	a := columnArgs{unsafe.Pointer(&s[0]), rows, unsafe.Pointer(&top[0]), unsafe.Pointer(&sum[0]), unsafe.Pointer(&keep[0])}
	switch len(top) {
	case 16:
		softmax256x16(&a)
	case 32:
		softmax512x32(&a)
	case 48:
		softmax512x48(&a)
	}
}

// columnArgs is what the loops in assembly get.
type columnArgs struct {
	s              unsafe.Pointer
	rows           int
	top, sum, keep unsafe.Pointer
}

// columnSoftmaxGo is the definition of ColumnSoftmax.
func columnSoftmaxGo(s []float32, rows int, top, sum, keep []float32) {
	w := len(top)
	for j := range w {
		m := top[j]
		for i := range rows {
			if v := s[i*w+j]; v > m {
				m = v
			}
		}
		base := max(m, -math.MaxFloat32)
		keep[j] = float32(exp2(float64(top[j]) - float64(base)))
		top[j] = m
		total := sum[j] * keep[j]
		for i := range rows {
			v := float32(exp2(float64(s[i*w+j] - base)))
			s[i*w+j] = v
			total += v
		}
		sum[j] = total
	}
}

// SoftmaxGrad recomputes rows of a softmax from their scores, in base 2, and takes the
// gradient back to them:
//
//	s[i][j] = 2^(s[i][j] − lse[i])    g[i][j] = s[i][j]·(g[i][j] − mean[i])
//
// for j < n, a multiple of 16, in rows of ld numbers.
func SoftmaxGrad(s, g []float32, ld, n int, lse, mean []float32) {
	rows := len(lse)
	switch {
	case level >= AVX512:
		softmaxGrad512(unsafe.Pointer(&s[0]), unsafe.Pointer(&g[0]), 4*ld, rows, n, unsafe.Pointer(&lse[0]), unsafe.Pointer(&mean[0]))
	case level == AVX2:
		softmaxGrad256(unsafe.Pointer(&s[0]), unsafe.Pointer(&g[0]), 4*ld, rows, n, unsafe.Pointer(&lse[0]), unsafe.Pointer(&mean[0]))
	default:
		for i := range rows {
			softmaxGradGo(s[i*ld:][:n], g[i*ld:][:n], lse[i], mean[i])
		}
	}
}

// softmaxGradGo is the definition of SoftmaxGrad for a row.
func softmaxGradGo(s, g []float32, lse, mean float32) {
	for i, v := range s {
		p := float32(exp2(float64(v - lse)))
		s[i] = p
		g[i] = p * (g[i] - mean)
	}
}
