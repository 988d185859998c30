package main

// turns writes the loops of asm.Turn: a block of up to 16×16 numbers becomes its
// transpose, each row times a factor.
func turns(s *source) {
	s.text("turn512", "func turn512(dst unsafe.Pointer, ldDst int, src unsafe.Pointer, ldSrc, rows, cols int, f unsafe.Pointer, step int)", 64)
	s.op("MOVQ dst+0(FP), DI; MOVQ ldDst+8(FP), DX; MOVQ src+16(FP), SI; MOVQ ldSrc+24(FP), R8; MOVQ f+48(FP), R9; MOVQ step+56(FP), R10")
	for i, arg := range []string{"cols+40", "rows+32"} {
		s.op("MOVQ %s(FP), CX; MOVQ $1, BX; SHLQ CX, BX; DECQ BX; KMOVW BX, K%d", arg, 1+i)
	}
	loaded := s.label("loaded")
	for i := range 16 {
		s.op("VPXORD Z%d, Z%d, Z%d", i, i, i)
	}
	s.op("MOVQ rows+32(FP), CX")
	for i := range 16 {
		s.op("CMPQ CX, $%d; JLE %s; VMOVUPS.Z (SI), K1, Z%d; ADDQ R8, SI", i, loaded, i)
	}
	s.line("%s:", loaded)
	transpose16(s)
	stored := s.label("stored")
	s.op("MOVQ cols+40(FP), CX")
	for i := range 16 {
		s.op("CMPQ CX, $%d; JLE %s; VBROADCASTSS (R9), Z16; VMULPS Z16, Z%d, Z%d; VMOVUPS Z%d, K2, (DI); ADDQ DX, DI; ADDQ R10, R9", i, stored, i, i, i)
	}
	s.line("%s:", stored)
	s.op("VZEROUPPER; RET")
	turn256(s)
	for _, z := range []bool{true, false} {
		vec{source: s, z: z}.copyRows()
		vec{source: s, z: z}.rowDots()
	}
	s.lanes("turnLanes")
}

// copyRows writes the loop of asm.CopyRows: rows of n numbers, times a factor.
func (v vec) copyRows() {
	name := "copyRows" + v.set()
	v.text(name, "func "+name+"(dst unsafe.Pointer, ldDst int, src unsafe.Pointer, ldSrc, rows, n int, f float32)", 52)
	v.op("MOVQ dst+0(FP), DI; MOVQ ldDst+8(FP), R12; MOVQ src+16(FP), SI; MOVQ ldSrc+24(FP), R8; MOVQ rows+32(FP), R9; MOVQ n+40(FP), R10")
	v.bcast(1, "f+48(FP)")
	v.rowMask("turnLanes")
	row, loop, tail, next := v.label("row"), v.label("loop"), v.label("tail"), v.label("next")
	v.line("%s:", row)
	v.op("XORQ DX, DX")
	v.line("%s:", loop)
	v.op("CMPQ DX, R10; JGE %s", tail)
	v.mul(0, 1, "(SI)(DX*1)")
	v.mov("(DI)(DX*1)", 0)
	v.op("ADDQ $%d, DX; JMP %s", v.bytes(), loop)
	v.line("%s:", tail)
	v.op("TESTQ R11, R11; JZ %s", next)
	v.tail = true
	v.load(0, "(SI)(DX*1)")
	v.mul(0, 0, 1)
	v.store("(DI)(DX*1)", 0)
	v.line("%s:", next)
	v.op("ADDQ R8, SI; ADDQ R12, DI; DECQ R9; JNZ %s; VZEROUPPER; RET", row)
}

// rowMask turns R10, the length of a row, into the bytes of its whole vectors, leaves
// the numbers after them in R11 and their mask where tail rounds look for it.
func (v vec) rowMask(lanes string) {
	v.op("MOVQ R10, R11; ANDQ $%d, R11; SUBQ R11, R10; SHLQ $2, R10; MOVQ R11, CX", v.width()-1)
	if v.z {
		v.tailMask()
		return
	}
	v.op("LEAQ %s<>+32(SB), BX; SHLQ $2, CX; SUBQ CX, BX; VMOVUPS (BX), Y15", lanes)
}

// rowDots writes the loop of asm.RowDots: a sum of products for each pair of rows.
func (v vec) rowDots() {
	name := "rowDots" + v.set()
	v.text(name, "func "+name+"(dst, a, b unsafe.Pointer, ld, rows, n int)", 48)
	v.op("MOVQ dst+0(FP), DI; MOVQ a+8(FP), SI; MOVQ b+16(FP), R12; MOVQ ld+24(FP), R8; MOVQ rows+32(FP), R9; MOVQ n+40(FP), R10")
	v.rowMask("turnLanes")
	row, loop, tail, next := v.label("row"), v.label("loop"), v.label("tail"), v.label("next")
	v.line("%s:", row)
	v.op("XORQ DX, DX")
	v.zero(0)
	v.line("%s:", loop)
	v.op("CMPQ DX, R10; JGE %s", tail)
	v.mov(1, "(SI)(DX*1)")
	v.fma(0, 1, "(R12)(DX*1)")
	v.op("ADDQ $%d, DX; JMP %s", v.bytes(), loop)
	v.line("%s:", tail)
	v.op("TESTQ R11, R11; JZ %s", next)
	v.tail = true
	v.load(1, "(SI)(DX*1)")
	v.load(2, "(R12)(DX*1)")
	v.fma(0, 1, 2)
	v.line("%s:", next)
	if v.z {
		v.op("VEXTRACTF64X4 $1, Z0, Y1; VADDPS Y1, Y0, Y0")
	}
	v.op("VEXTRACTF128 $1, Y0, X1; VADDPS X1, X0, X0; VHADDPS X0, X0, X0; VHADDPS X0, X0, X0; VMOVSS X0, (DI)")
	v.op("ADDQ $4, DI; ADDQ R8, SI; ADDQ R8, R12; DECQ R9; JNZ %s; VZEROUPPER; RET", row)
}

// lanes writes a table of lane masks: the 8 from 8−n on select n.
func (s *source) lanes(name string) {
	s.line("")
	for i := range 16 {
		s.line("DATA %s<>+%d(SB)/4, $%d", name, 4*i, -(1 - i/8))
	}
	s.line("GLOBL %s<>(SB), (RODATA|NOPTR), $64", name)
}

// turn256 turns a whole block of 8×8.
func turn256(s *source) {
	s.text("turn256", "func turn256(dst unsafe.Pointer, ldDst int, src unsafe.Pointer, ldSrc int, f unsafe.Pointer, step int)", 48)
	s.op("MOVQ dst+0(FP), DI; MOVQ ldDst+8(FP), DX; MOVQ src+16(FP), SI; MOVQ ldSrc+24(FP), R8; MOVQ f+32(FP), R9; MOVQ step+40(FP), R10")
	for i := range 8 {
		s.op("VMOVUPS (SI), Y%d; ADDQ R8, SI", i)
	}
	for i := 0; i < 8; i += 2 {
		s.op("VUNPCKLPS Y%d, Y%d, Y%d; VUNPCKHPS Y%d, Y%d, Y%d", i+1, i, 8+i, i+1, i, 9+i)
	}
	for i := 0; i < 8; i += 4 {
		s.op("VUNPCKLPD Y%d, Y%d, Y%d; VUNPCKHPD Y%d, Y%d, Y%d", 10+i, 8+i, i, 10+i, 8+i, i+1)
		s.op("VUNPCKLPD Y%d, Y%d, Y%d; VUNPCKHPD Y%d, Y%d, Y%d", 11+i, 9+i, i+2, 11+i, 9+i, i+3)
	}
	for half := range 2 {
		for c := range 4 {
			s.op("VPERM2F128 $0x%02x, Y%d, Y%d, Y8; VBROADCASTSS (R9), Y9; VMULPS Y9, Y8, Y8; VMOVUPS Y8, (DI); ADDQ DX, DI; ADDQ R10, R9", []int{0x20, 0x31}[half], 4+c, c)
		}
	}
	s.op("VZEROUPPER; RET")
}
