package asm

import (
	"math"
	"unsafe"
)

// This file is what the loops over pairs of bfloat16 compute, to the bit, as Intel
// describes VDPBF16PS and TDPBF16PS (Software Developer's Manual, volume 2): every
// product is added by a multiply-add that rounds once, to nearest even, takes
// subnormal numbers for 0 and makes 0 of what would be subnormal.

// dotColumns is the width of a panel of pairs.
const dotColumns = 32

// tileBF16Go is the definition of Tile.RunBF16. VDPBF16PS adds the second product of a
// pair, then the first.
func tileBF16Go(t *Tile) {
	panel := t.Segs * t.K
	b := unsafe.Slice((*[dotColumns][2]uint16)(t.B), panel*((t.N+dotColumns-1)/dotColumns))
	for j := 0; j < t.N; j += dotColumns {
		for i := range t.M {
			sum := t.pairsGo(i, b[j/dotColumns*panel:])
			t.finish(i, j, sum[:min(dotColumns, t.N-j)])
		}
	}
}

func (t *Tile) pairsGo(i int, panel [][dotColumns][2]uint16) (sum [dotColumns]float32) {
	for s, rows := range unsafe.Slice((*[MaxRows]unsafe.Pointer)(t.Rows), t.Segs) {
		row := unsafe.Slice((*[2]uint16)(unsafe.Add(rows[i], t.Off)), t.K)
		for k, b := range panel[s*t.K:][:t.K] {
			for j := range sum {
				sum[j] = flushedFMA(row[k][1], b[j][1], sum[j])
				sum[j] = flushedFMA(row[k][0], b[j][0], sum[j])
			}
		}
	}
	return sum
}

// amxGo is the definition of AMXProduct.
func amxGo(t *amx) {
	for i := range AMXRows {
		row := unsafe.Slice((*[2]uint16)(unsafe.Add(t.a, i*t.ldA)), t.steps*AMXPairs)
		c := unsafe.Slice((*float32)(unsafe.Add(t.c, i*t.ldC)), t.panels*dotColumns)
		if t.add == 0 {
			clear(c)
		}
		for j := range c {
			panel := unsafe.Slice((*[dotColumns][2]uint16)(unsafe.Add(t.b, j/dotColumns*len(row)*4*dotColumns)), len(row))
			for k := 0; k < len(row); k += AMXPairs {
				c[j] = amxStep(c[j], row[k:][:AMXPairs], panel[k:], j%dotColumns)
			}
		}
	}
}

// amxStep is what TDPBF16PS does to a number of a tile: the first products of the pairs
// are added up, the second ones beside them, then the two sums, and that to c.
func amxStep(c float32, row [][2]uint16, panel [][dotColumns][2]uint16, j int) float32 {
	var sum [2]float32
	for k, a := range row {
		for h := range sum {
			sum[h] = flushedFMA(a[h], panel[k][j][h], sum[h])
		}
	}
	return flushedAdd(flushedAdd(sum[0], sum[1]), c)
}

// flushedFMA is c + a·b for bfloat16 a and b.
func flushedFMA(a, b uint16, c float32) float32 {
	x, y := math.Float32frombits(uint32(a)<<16), math.Float32frombits(uint32(b)<<16)
	return roundedSum(float64(flush(x))*float64(flush(y)), float64(flush(c))) // the product is exact
}

func flushedAdd(a, b float32) float32 { return roundedSum(float64(flush(a)), float64(flush(b))) }

// flush takes subnormal numbers for 0.
func flush(v float32) float32 {
	if math.Abs(float64(v)) < 0x1p-126 {
		return float32(math.Copysign(0, float64(v)))
	}
	return v
}

// roundedSum is a + b rounded to float32 once: the sum in float64 is made odd where it
// is not exact, so that rounding it again does no harm (Boldo and Melquiond 2008).
func roundedSum(a, b float64) float32 {
	s := a + b
	t := s - a
	rest := (a - (s - t)) + (b - t) // what rounding took (Knuth, The Art of Computer Programming, 4.2.2)
	if bits := math.Float64bits(s); rest != 0 && !math.IsInf(s, 0) && bits&1 == 0 {
		if rest > 0 == (s > 0) {
			bits++
		} else {
			bits--
		}
		s = math.Float64frombits(bits)
	}
	if math.Abs(s) < 0x1p-126-0x1p-151 { // subnormal when rounded to 24 bits
		return float32(math.Copysign(0, s))
	}
	return float32(s)
}
