package asm

import (
	"math"
	"slices"
	"unsafe"
)

// The sums of this file add in an order that depends on the length alone.

// sumLanes is how many sums run side by side: numbers i, i+16, … are added one after the other.
const sumLanes = 16

// fold adds the lanes up.
func fold(s *[sumLanes]float32) float64 {
	var t [4]float64
	for i := 0; i < sumLanes; i += 4 {
		t[0] += float64(s[i])
		t[1] += float64(s[i+1])
		t[2] += float64(s[i+2])
		t[3] += float64(s[i+3])
	}
	return (t[0] + t[1]) + (t[2] + t[3])
}

// total adds up the lanes that a loop in assembly left.
func (m *mapArgs) total() float64 { return fold(&m.lanes) }

// Sum is Σx.
func Sum(x []float32) float64 {
	if level > PureGo {
		var m mapArgs
		m.on2(x, x)
		m.run(mapSum)
		return m.total()
	}
	var s [sumLanes]float32
	for ; len(x) >= sumLanes; x = x[sumLanes:] {
		for i, v := range x[:sumLanes] {
			s[i] += v
		}
	}
	for i, v := range x {
		s[i] += v
	}
	return fold(&s)
}

// Dot is Σa·b.
func Dot(a, b []float32) float64 {
	if level > PureGo {
		var m mapArgs
		m.on2(a, b)
		m.run(mapDot)
		return m.total()
	}
	var s [sumLanes]float32
	b = b[:len(a)]
	for ; len(a) >= sumLanes; a, b = a[sumLanes:], b[sumLanes:] {
		for i, v := range a[:sumLanes] {
			s[i] += v * b[i]
		}
	}
	for i, v := range a {
		s[i] += v * b[i]
	}
	return fold(&s)
}

// SumSquaredFrom is Σ(x−c)².
func SumSquaredFrom(x []float32, c float32) float64 {
	if level > PureGo {
		var m mapArgs
		m.on2(x, x)
		m.s[0] = c
		m.run(mapSumSquaredFrom)
		return m.total()
	}
	var s [sumLanes]float32
	for ; len(x) >= sumLanes; x = x[sumLanes:] {
		for i, v := range x[:sumLanes] {
			s[i] += (v - c) * (v - c)
		}
	}
	for i, v := range x {
		s[i] += (v - c) * (v - c)
	}
	return fold(&s)
}

// SumSquaredDiff is Σ(a−b)².
func SumSquaredDiff(a, b []float32) float64 {
	if level > PureGo {
		var m mapArgs
		m.on2(a, b)
		m.run(mapSumSquaredDiff)
		return m.total()
	}
	var s [sumLanes]float32
	b = b[:len(a)]
	for ; len(a) >= sumLanes; a, b = a[sumLanes:], b[sumLanes:] {
		for i, v := range a[:sumLanes] {
			d := v - b[i]
			s[i] += d * d
		}
	}
	for i, v := range a {
		d := v - b[i]
		s[i] += d * d
	}
	return fold(&s)
}

// SumSquares64 is Σx² with float64 sums.
func SumSquares64(x []float32) float64 {
	if level > PureGo {
		var m mapArgs
		m.on2(x, x)
		m.run(mapSumSquares64)
		var t float64
		for _, v := range (*[8]float64)(unsafe.Pointer(&m.lanes)) {
			t += v
		}
		return t
	}
	var s [8]float64
	for ; len(x) >= 8; x = x[8:] {
		for i, v := range x[:8] {
			s[i] += float64(v) * float64(v)
		}
	}
	for i, v := range x {
		s[i] += float64(v) * float64(v)
	}
	var t float64
	for _, v := range s {
		t += v
	}
	return t
}

// Max is the largest of x, −Inf of none. A NaN may be passed over.
func Max(x []float32) float32 {
	if level > PureGo {
		var m mapArgs
		m.on2(x, x)
		m.run(mapMax)
		return slices.Max(m.lanes[:Columns()/2])
	}
	m := float32(math.Inf(-1))
	for _, v := range x {
		if v > m {
			m = v
		}
	}
	return m
}

// ExpSum is y = exp(x − top) and returns Σy; y may be x.
func ExpSum(y, x []float32, top float32) float64 {
	if level > PureGo {
		var m mapArgs
		m.on2(y, x)
		m.s[0] = top
		m.run(mapExpSum)
		return m.total()
	}
	var s [sumLanes]float32
	for i := range y {
		v := float32(exp(float64(x[i]) - float64(top)))
		y[i] = v
		s[i%sumLanes] += v
	}
	return fold(&s)
}
