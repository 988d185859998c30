package main

import "fmt"

// Offsets of asm.Tile's fields.
const (
	tRows = 8 * iota
	tSegs
	tK
	tOff
	tB
	tC
	tLdC
	tAdd
	tLdAdd
	tRes
	tLdRes
	tBias
	tItem
	tM
	tN
	tMask  // 32 bits, one for each column of the last panel
	tMaskY // address of 16 lane masks for it
	tCol   // bytes of the columns done
	tLeft  // columns left
	tNext  // what the next tile reads
	tNextM
	tNextBytes
	tLdNext
	tNextEnd // of the row that is being fetched
	tLdA     // from row to row, of more rows than there are registers for
)

// rowReg are the registers that hold the addresses of a tile's rows.
var rowReg = []string{"SI", "DI", "R8", "R9", "R10", "R11", "R12", "R13"}

// tiles writes the matrix product's inner loops, for each number of rows.
func tiles(s *source) {
	for m := 1; m <= 12; m++ {
		tile{rows: m, vec: "Z", bytes: 64, fma: fma32}.write(s, fmt.Sprintf("tile512x%d", m))
	}
	for m := 1; m <= 8; m++ {
		tile{rows: m, vec: "Z", bytes: 64, fma: dot16}.write(s, fmt.Sprintf("tileBF16x%d", m))
	}
	for m := 1; m <= 6; m++ {
		tile{rows: m, vec: "Y", bytes: 32, fma: fma32}.write(s, fmt.Sprintf("tile256x%d", m))
	}
}

// tile is a block of sums in registers: rows × two vectors.
type tile struct {
	rows  int
	vec   string // Z or Y
	bytes int    // of a vector
	fma   func(s *source, vec string, b, a, acc int)
}

func fma32(s *source, vec string, b, a, acc int) {
	s.op("VFMADD231PS %s%d, %s%d, %s%d", vec, b, vec, a, vec, acc)
}

// dot16 is VDPBF16PS zmm, which Go's assembler lacks: EVEX.512.F3.0F38.W0 52 /r.
func dot16(s *source, _ string, b, a, acc int) {
	s.op("%s // VDPBF16PS Z%d, Z%d, Z%d", evex(2, 0x52, acc, a, b), b, a, acc)
}

// evex encodes an instruction on three zmm registers of map 0F38 with W0: pp is 2 for
// prefix F3 and 3 for F2, low and high the sources as Intel's manual orders them from
// the last.
func evex(pp, opcode, dst, high, low int) string {
	not := func(v, bit int) int { return ^(v >> bit) & 1 }
	p0 := not(dst, 3)<<7 | not(low, 4)<<6 | not(low, 3)<<5 | not(dst, 4)<<4 | 2
	p1 := (^high&15)<<3 | 4 | pp
	p2 := 2<<5 | not(high, 4)<<3
	modrm := 0xC0 | (dst&7)<<3 | low&7
	return fmt.Sprintf("LONG $0x%02x%02x%02x62; WORD $0x%02x%02x", p2, p1, p0, modrm, opcode)
}

func (t tile) acc(row, half int) int { return 2*row + half }

// write emits the function. B's vectors and the factors broadcast from the rows
// take the registers above the sums.
func (t tile) write(s *source, name string) {
	s.text(name, fmt.Sprintf("func %s(t *Tile)", name), 8)
	panel := s.label("panel")
	s.op("MOVQ t+0(FP), AX; MOVQ %d(AX), BX; MOVQ %d(AX), R14; MOVQ R14, %d(AX); MOVQ $0, %d(AX)", tB, tN, tLeft, tCol)
	s.op("MOVQ %d(AX), R14", tNext)
	s.line("%s:", panel)
	t.fetchC(s)
	s.op("MOVQ %d(AX), DX; MOVQ %d(AX), R15", tRows, tSegs)
	for i := range 2 * t.rows {
		if t.vec == "Z" {
			s.op("VPXORD Z%d, Z%d, Z%d", i, i, i)
		} else {
			s.op("VXORPS Y%d, Y%d, Y%d", i, i, i)
		}
	}
	if t.spaced() {
		t.oneSegment(s)
	} else {
		t.segments(s)
	}
	if t.vec == "Z" {
		t.finish512(s)
	} else {
		t.finish256(s)
	}
	s.op("ADDQ $%d, %d(AX); SUBQ $%d, %d(AX); JGT %s", 2*t.bytes, tCol, t.bytes/2, tLeft, panel)
	s.op("VZEROUPPER; RET")
}

// spaced says that rows are found by their distance, not by a table.
func (t tile) spaced() bool { return t.rows > len(rowReg) }

// number is the place of the number of row i that lies disp bytes from where the row's
// register or, of rows equally spaced, the registers of rows 0, 5 and 10 point.
func (t tile) number(i, disp int) string {
	if !t.spaced() {
		return fmt.Sprintf("%d(%s)(CX*1)", disp, rowReg[i])
	}
	base := []string{"SI", "DI", "R8"}[i/5]
	return fmt.Sprintf("%d(%s)", disp, base) + []string{"", "(R9*1)", "(R9*2)", "(R10*1)", "(R9*4)"}[i%5]
}

// oneSegment emits the loop over the numbers of equally spaced rows.
func (t tile) oneSegment(s *source) {
	loop, tail, one, end := s.label("loop"), s.label("tail"), s.label("one"), s.label("end")
	s.op("MOVQ DX, SI; ADDQ %d(AX), SI; MOVQ %d(AX), R9; LEAQ (R9)(R9*2), R10; LEAQ (R9)(R9*4), R11", tOff, tLdA)
	s.op("LEAQ (SI)(R11*1), DI; LEAQ (DI)(R11*1), R8")
	s.op("MOVQ %d(AX), CX; SUBQ $4, CX; JLT %s; PCALIGN $32", tK, tail)
	s.line("%s:", loop)
	for u := range 4 {
		t.step(s, u, 4*u)
		if u%2 == 1 { // more rows, more lines
			t.fetchNext(s)
		}
	}
	s.op("ADDQ $16, SI; ADDQ $16, DI; ADDQ $16, R8; ADDQ $%d, BX; SUBQ $4, CX; JGE %s", 8*t.bytes, loop)
	s.line("%s:", tail)
	s.op("ADDQ $4, CX; JEQ %s", end)
	s.line("%s:", one)
	t.step(s, 0, 0)
	s.op("ADDQ $4, SI; ADDQ $4, DI; ADDQ $4, R8; ADDQ $%d, BX; DECQ CX; JNE %s", 2*t.bytes, one)
	s.line("%s:", end)
}

// segments emits the loops over segments and over the numbers of one.
func (t tile) segments(s *source) {
	seg, loop, tail, one, end := s.label("seg"), s.label("loop"), s.label("tail"), s.label("one"), s.label("end")
	s.line("%s:", seg)
	last := rowReg[t.rows-1]
	s.op("MOVQ %d(AX), CX; SHLQ $2, CX; MOVQ %d(AX), %s; ADDQ CX, %s", tK, tOff, last, last)
	for i := range t.rows - 1 {
		s.op("MOVQ %d(DX), %s; ADDQ %s, %s", 8*i, rowReg[i], last, rowReg[i])
	}
	s.op("ADDQ %d(DX), %s", 8*(t.rows-1), last)
	s.op("ADDQ $64, DX; NEGQ CX; ADDQ $16, CX; JG %s; PCALIGN $32", tail)
	s.line("%s:", loop)
	for u := range 4 {
		t.step(s, u, 4*u-16)
		if u == 1 {
			t.fetchNext(s)
		}
	}
	s.op("ADDQ $%d, BX; ADDQ $16, CX; JLE %s", 8*t.bytes, loop)
	s.line("%s:", tail)
	s.op("SUBQ $16, CX; JGE %s", end)
	s.line("%s:", one)
	t.step(s, 0, 0)
	s.op("ADDQ $%d, BX; ADDQ $4, CX; JLT %s", 2*t.bytes, one)
	s.line("%s:", end)
	s.op("DECQ R15; JNZ %s", seg)
}

// fetchC asks for the lines of C that a panel's sums will go to.
func (t tile) fetchC(s *source) {
	s.op("MOVQ %d(AX), SI; ADDQ %d(AX), SI; MOVQ %d(AX), DI", tC, tCol, tLdC)
	for range t.rows {
		s.op("PREFETCHT1 (SI)")
		if t.bytes == 64 {
			s.op("PREFETCHT1 64(SI)")
		}
		s.op("ADDQ DI, SI")
	}
}

// fetchNext asks for a line of the next tile's rows: a few at a time, since a burst
// would take all fill buffers from the panels. What ends is the row in R14, and then
// the rows.
func (t tile) fetchNext(s *source) {
	fetch, skip := s.label("fetch"), s.label("skip")
	s.op("CMPQ R14, %d(AX); JCS %s; SUBQ $1, %d(AX); JLT %s", tNextEnd, fetch, tNextM, skip)
	s.op("MOVQ %d(AX), R14; ADDQ %d(AX), R14; MOVQ R14, %d(AX); SUBQ %d(AX), R14", tNextEnd, tLdNext, tNextEnd, tNextBytes)
	s.line("%s:", fetch)
	s.op("PREFETCHT1 (R14); ADDQ $64, R14")
	s.line("%s:", skip)
}

// step emits one k: two vectors of B times the number of each row.
func (t tile) step(s *source, u, disp int) {
	b := 2 * t.rows
	for h := range 2 {
		s.op("VMOVUPS %d(BX), %s%d", (2*u+h)*t.bytes, t.vec, b+h)
	}
	free := min(map[string]int{"Z": 32, "Y": 16}[t.vec]-b-2, 4)
	for i := range t.rows {
		a := b + 2 + i%free
		s.op("VBROADCASTSS %s, %s%d", t.number(i, disp), t.vec, a)
		for h := range 2 {
			t.fma(s, t.vec, b+h, a, t.acc(i, h))
		}
	}
}

// finish512 emits what follows the sums: Add, Bias, Item, Res, and the store, all
// under the column mask.
func (t tile) finish512(s *source) {
	full := s.label("full")
	s.op("KXNORW K1, K1, K1; KXNORW K2, K2, K2; MOVQ %d(AX), R8; CMPQ %d(AX), $32; JGE %s", tCol, tLeft, full)
	s.op("KMOVW %d(AX), K1; KMOVW %d(AX), K2", tMask, tMask+2)
	s.line("%s:", full)
	matrix := func(ptr, ld int) {
		skip := s.label("skip")
		s.op("MOVQ %d(AX), SI; TESTQ SI, SI; JZ %s; MOVQ %d(AX), DI; ADDQ R8, SI", ptr, skip, ld)
		for i := range t.rows {
			for h := range 2 {
				s.op("VADDPS %d(SI), Z%d, K%d, Z%d", 64*h, t.acc(i, h), 1+h, t.acc(i, h))
			}
			s.op("ADDQ DI, SI")
		}
		s.line("%s:", skip)
	}
	vector := func(ptr int) {
		skip := s.label("skip")
		s.op("MOVQ %d(AX), SI; TESTQ SI, SI; JZ %s; ADDQ R8, SI", ptr, skip)
		for h := range 2 {
			s.op("VMOVUPS.Z %d(SI), K%d, Z%d", 64*h, 1+h, 30+h)
		}
		for i := range t.rows {
			for h := range 2 {
				s.op("VADDPS Z%d, Z%d, Z%d", 30+h, t.acc(i, h), t.acc(i, h))
			}
		}
		s.line("%s:", skip)
	}
	matrix(tAdd, tLdAdd)
	vector(tBias)
	vector(tItem)
	matrix(tRes, tLdRes)
	s.op("MOVQ %d(AX), SI; MOVQ %d(AX), DI; ADDQ R8, SI", tC, tLdC)
	for i := range t.rows {
		for h := range 2 {
			s.op("VMOVUPS Z%d, K%d, %d(SI)", t.acc(i, h), 1+h, 64*h)
		}
		if i+1 < t.rows {
			s.op("ADDQ DI, SI")
		}
	}
}

// finish256 is finish512 with masked moves.
func (t tile) finish256(s *source) {
	full := s.label("full")
	s.op("MOVQ %d(AX), R8; VPCMPEQD Y12, Y12, Y12; VMOVDQU Y12, Y13; CMPQ %d(AX), $16; JGE %s", tCol, tLeft, full)
	s.op("MOVQ %d(AX), R9; VMOVUPS (R9), Y12; VMOVUPS 32(R9), Y13", tMaskY)
	s.line("%s:", full)
	matrix := func(ptr, ld int) {
		skip := s.label("skip")
		s.op("MOVQ %d(AX), SI; TESTQ SI, SI; JZ %s; MOVQ %d(AX), DI; ADDQ R8, SI", ptr, skip, ld)
		for i := range t.rows {
			for h := range 2 {
				s.op("VMASKMOVPS %d(SI), Y%d, Y14; VADDPS Y14, Y%d, Y%d", 32*h, 12+h, t.acc(i, h), t.acc(i, h))
			}
			s.op("ADDQ DI, SI")
		}
		s.line("%s:", skip)
	}
	vector := func(ptr int) {
		skip := s.label("skip")
		s.op("MOVQ %d(AX), SI; TESTQ SI, SI; JZ %s; ADDQ R8, SI", ptr, skip)
		for h := range 2 {
			s.op("VMASKMOVPS %d(SI), Y%d, Y%d", 32*h, 12+h, 14+h)
		}
		for i := range t.rows {
			for h := range 2 {
				s.op("VADDPS Y%d, Y%d, Y%d", 14+h, t.acc(i, h), t.acc(i, h))
			}
		}
		s.line("%s:", skip)
	}
	matrix(tAdd, tLdAdd)
	vector(tBias)
	vector(tItem)
	matrix(tRes, tLdRes)
	partial := s.label("partial")
	done := s.label("done")
	s.op("MOVQ %d(AX), SI; MOVQ %d(AX), DI; ADDQ R8, SI; CMPQ %d(AX), $16; JLT %s", tC, tLdC, tLeft, partial)
	for i := range t.rows {
		s.op("VMOVUPS Y%d, (SI); VMOVUPS Y%d, 32(SI); ADDQ DI, SI", t.acc(i, 0), t.acc(i, 1))
	}
	s.op("JMP %s", done)
	s.line("%s:", partial)
	for i := range t.rows {
		for h := range 2 {
			s.op("VMASKMOVPS Y%d, Y%d, %d(SI)", t.acc(i, h), 12+h, 32*h)
		}
		s.op("ADDQ DI, SI")
	}
	s.line("%s:", done)
}
