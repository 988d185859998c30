package main

// turns writes the loop of asm.Turn: a block of up to 16×16 numbers becomes its
// transpose.
func turns(s *source) {
	s.text("turn512", "func turn512(dst unsafe.Pointer, ldDst int, src unsafe.Pointer, ldSrc, rows, cols int)", 48)
	s.op("MOVQ dst+0(FP), DI; MOVQ ldDst+8(FP), DX; MOVQ src+16(FP), SI; MOVQ ldSrc+24(FP), R8")
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
		s.op("CMPQ CX, $%d; JLE %s; VMOVUPS Z%d, K2, (DI); ADDQ DX, DI", i, stored, i)
	}
	s.line("%s:", stored)
	s.op("VZEROUPPER; RET")
	turn256(s)
}

// turn256 turns a whole block of 8×8.
func turn256(s *source) {
	s.text("turn256", "func turn256(dst unsafe.Pointer, ldDst int, src unsafe.Pointer, ldSrc int)", 32)
	s.op("MOVQ dst+0(FP), DI; MOVQ ldDst+8(FP), DX; MOVQ src+16(FP), SI; MOVQ ldSrc+24(FP), R8")
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
			s.op("VPERM2F128 $0x%02x, Y%d, Y%d, Y8; VMOVUPS Y8, (DI); ADDQ DX, DI", []int{0x20, 0x31}[half], 4+c, c)
		}
	}
	s.op("VZEROUPPER; RET")
}
