package asm

import (
	"math"
	"unsafe"
)

// ColumnSoftmax takes a block of scores s [rows][Columns], in base 2, into the
// running softmax of its columns. top holds the largest score so far, sum the sum of
// 2^(score−top); scores become 2^(score−top) for the new top, and keep the factors
// that turn what was added up for the old one into what it is for the new.
//
// A top of −Inf counts as the lowest finite number, so that a column that sees
// nothing stays zero.
func ColumnSoftmax(s []float32, rows int, top, sum, keep []float32) {
	if level > PureGo {
		a := columnArgs{unsafe.Pointer(&s[0]), rows, unsafe.Pointer(&top[0]), unsafe.Pointer(&sum[0]), unsafe.Pointer(&keep[0])}
		a.run()
		return
	}
	columnSoftmaxGo(s, rows, top, sum, keep)
}

// columnArgs is what the loops in assembly get.
type columnArgs struct {
	s              unsafe.Pointer
	rows           int
	top, sum, keep unsafe.Pointer
}

func (a *columnArgs) run() {
	if level >= AVX512 {
		columnSoftmax512(a)
		return
	}
	columnSoftmax256(a)
}

// columnSoftmaxGo is the definition of ColumnSoftmax.
func columnSoftmaxGo(s []float32, rows int, top, sum, keep []float32) {
	w := Columns()
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

// SoftmaxRowGrad recomputes a row of a softmax from its scores s, in base 2, and
// takes its gradient back to them: s = 2^(s−lse), g = s·(g − mean).
func SoftmaxRowGrad(s, g []float32, lse, mean float32) {
	if level > PureGo {
		m := arguments(s, g, s, g)
		m.run(mapSoftmaxRowGrad, lse, mean)
		return
	}
	for i, v := range s {
		p := float32(exp2(float64(v - lse)))
		s[i] = p
		g[i] = p * (g[i] - mean)
	}
}
