package main

import (
	"fmt"
	"math"
)

// neonMapReg are the registers of a loop's slices.
var neonMapReg = []string{"R1", "R2", "R3", "R4", "R5", "R6", "R13"}

// neonMaps writes the loops over slices and the table that numbers them.
func neonMaps(s *source) {
	consts := &constants{name: "mapConst"}
	for _, m := range mappings {
		m.writeNEON(vec{source: s, consts: consts, neon: &pair{tmp: 30}})
	}
	s.line("")
	for i, m := range mappings {
		s.line("DATA mapTable<>+%d(SB)/8, $map%s<>(SB)", 8*i, m.name)
	}
	s.line("GLOBL mapTable<>(SB), (RODATA|NOPTR), $%d", 8*len(mappings))
	s.text("map256", "func map256(op mapOp, a *mapArgs)", 16)
	s.op("MOVD op+0(FP), R8; MOVD a+8(FP), R0; MOVD $mapTable<>(SB), R9; MOVD (R9)(R8<<3), R9; B (R9)")
	s.neonData(consts)
	s.lanes("mapLanes")
}

// writeNEON emits the loop. R7 counts the numbers that are left.
func (m mapping) writeNEON(v vec) {
	v.line("")
	v.line("TEXT map%s<>(SB), NOSPLIT, $0-16", m.name)
	v.op("MOVD $mapConst<>(SB), %s", tableReg)
	v.fields(mapN, "R7")
	for i := range m.in + len(m.out) {
		v.fields(mapP+8*i, neonMapReg[i])
	}
	for i := range m.scalars {
		v.bcast(v.scalar(i), fmt.Sprintf("%d(R0)", mapS+4*i))
	}
	for i := range accumulators {
		if m.sum != nil {
			v.begin(m, i)
		}
	}
	v = v.holding(m.freeNEON(), func(v vec) { m.roundNEON(v, 0, 0) })
	rounds := 2
	if m.sum != nil {
		rounds = accumulators
	}
	loop, single, tail, done := v.label("loop"), v.label("single"), v.label("tail"), v.label("done")
	v.op("SUBS $%d, R7, R7; BLT %s", 8*rounds, single)
	v.line("%s:", loop)
	for i := range rounds {
		m.roundNEON(v, i, 32*i)
	}
	m.nextNEON(v, 32*rounds)
	v.op("SUBS $%d, R7, R7; BGE %s", 8*rounds, loop)
	v.line("%s:", single)
	v.op("ADD $%d, R7, R7", 8*rounds)
	again := v.label("again")
	v.line("%s:", again)
	v.op("CMP $8, R7; BLT %s", tail)
	m.roundNEON(v, 0, 0)
	m.nextNEON(v, 32)
	v.op("SUB $8, R7, R7; B %s", again)
	v.line("%s:", tail)
	v.op("CBZ R7, %s", done)
	v.op("MOVD $mapLanes<>+32(SB), R21; SUB R7<<2, R21, R21; ADD $%d, R0, R8; STP (ZR, ZR), (R8); STP (ZR, ZR), 16(R8)", mapL)
	v.tail = true
	m.roundNEON(v, 0, 0)
	v.line("%s:", done)
	if m.sum != nil {
		m.finishNEON(v)
	}
	v.op("RET")
}

// freeNEON lists the registers that a loop leaves for constants: bodies have those of
// 0 … 7, sums of 8 … 11, scalars those below 15.
func (m mapping) freeNEON() (pool []int) {
	first := 16
	if m.sum != nil {
		first = 24
	}
	for r := first; r < 30-2*m.scalars; r++ {
		pool = append(pool, r)
	}
	return pool
}

func (m mapping) nextNEON(v vec, bytes int) {
	for i := range m.in + len(m.out) {
		v.advance(neonMapReg[i], bytes)
	}
}

// roundNEON emits the work on eight numbers, disp bytes on.
func (m mapping) roundNEON(v vec, acc, disp int) {
	at := func(i int) string { return fmt.Sprintf("%d(%s)", disp, neonMapReg[i]) }
	for i := range m.in {
		if v.tail {
			v.copyWords(neonMapReg[len(m.out)+i], "R8")
			v.loadPair("(R8)", 2*i)
			continue
		}
		v.mov(i, at(len(m.out)+i))
	}
	if m.body != nil {
		m.body(v)
	}
	for i, r := range m.out {
		if v.tail {
			v.storePair(2*r, "(R8)")
			v.copyWords("R8", neonMapReg[i])
			continue
		}
		v.mov(at(i), r)
	}
	switch {
	case m.double:
		v.neonSquares64(acc)
	case m.sum != nil:
		m.sum(v, v.acc(acc))
	}
}

// copyWords copies the R7 numbers of a tail.
func (v vec) copyWords(from, to string) {
	loop := v.label("word")
	v.op("MOVD %s, R9; MOVD %s, R10; MOVD R7, R11", from, to)
	v.line("%s:", loop)
	v.op("MOVWU.P 4(R9), R12; MOVW.P R12, 4(R10); SUBS $1, R11, R11; BNE %s", loop)
}

// neonSquares64 adds the squares of register 0, as float64, to an accumulator of four:
// of the lower half first.
func (v vec) neonSquares64(acc int) {
	to := 2 * v.acc(acc)
	for h := range 2 {
		v.neon2("FCVTL.2D", 4, h)
		v.neon2("FCVTL2.2D", 5, h)
		v.neon3("FMLA.2D", to, 4, 4)
		v.neon3("FMLA.2D", to+1, 5, 5)
	}
}

// neonRope is rope. The sign of a float64 is that of the second of two float32.
func (v vec) neonRope(back bool) {
	for h := range 2 {
		x, table, cos, sin, other := h, 2+h, 4+h, 6+h, 8+h
		v.neon3("TRN1", cos, table, table)
		v.neon3("TRN2", sin, table, table)
		v.neon2("REV64", other, x)
		v.neon3("FMUL", other, other, sin)
		v.neon2("FNEG.2D", other, other)
		if !back {
			v.neon2("FNEG", other, other)
		}
		v.neon3("FMLA", other, x, cos)
		v.neonMove(x, other)
	}
}

// neonFillTail makes lanes beyond the slice −Inf.
func (v vec) neonFillTail(x int) {
	v.copyTo(14, v.c(math.Inf(-1)))
	v.loadPair("(R21)", v.neon.tmp)
	for h := range 2 {
		v.neon3("BIF", 2*x+h, 14+h, v.neon.tmp+h)
	}
}

// finishNEON adds the accumulators up, or takes the largest, and leaves the lanes to Go.
func (m mapping) finishNEON(v vec) {
	name := "FADD"
	switch {
	case m.double:
		name = "FADD.2D"
	case m.start != 0:
		name = "FMAX"
	}
	for _, p := range [][2]int{{0, 1}, {2, 3}, {0, 2}} {
		for h := range 2 {
			a, b := 2*v.acc(p[0])+h, 2*v.acc(p[1])+h
			v.neon3(name, a, a, b)
		}
	}
	v.op("ADD $%d, R0, R8", mapL)
	v.storePair(2*v.acc(0), "(R8)")
}
