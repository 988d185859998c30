package main

import "fmt"

// packs writes the loops that turn stored weights into panels: 16 rows of a
// matrix become 16 columns, widened to float32 on the way.
func packs(s *source) {
	for _, from := range []string{"F32", "F16", "BF16"} {
		pack512(s, from)
		widen512(s, from)
		pack256(s, from)
		widen256(s, from)
	}
}

// pack512 transposes blocks of 16×16, the last of them cut to what is left of K.
// Rows of the result lie step bytes apart, or where a table of 32-bit offsets puts
// them.
//
// The transposition is the usual four rounds of shuffles: pairs, pairs of pairs,
// then 128-bit lanes twice.
func pack512(s *source, from string) {
	name := "pack512" + from
	s.text(name, fmt.Sprintf("func %s(dst unsafe.Pointer, step int, at, src unsafe.Pointer, ld, K int)", name), 48)
	s.op("MOVQ dst+0(FP), DI; MOVQ step+8(FP), DX; MOVQ at+16(FP), BX; MOVQ src+24(FP), SI; MOVQ ld+32(FP), R8; MOVQ K+40(FP), R13")
	s.op("LEAQ (R8)(R8*2), R9; LEAQ (R8)(R8*4), R10; LEAQ (R9)(R8*4), R11")
	loop, table, next, tail, done := s.label("loop"), s.label("table"), s.label("next"), s.label("tail"), s.label("done")
	s.op("SUBQ $16, R13; JLT %s", tail)
	s.line("%s:", loop)
	block512(s, from, "")
	s.op("TESTQ BX, BX; JNZ %s", table)
	for i := range 16 {
		s.op("VMOVUPS Z%d, (DI); ADDQ DX, DI", i)
	}
	s.op("JMP %s", next)
	s.line("%s:", table)
	for i := range 16 {
		s.op("MOVLQSX %d(BX), AX; VMOVUPS Z%d, (DI)(AX*1)", 4*i, i)
	}
	s.op("ADDQ $64, BX")
	s.line("%s:", next)
	s.op("ADDQ $%d, SI; SUBQ $16, R13; JGE %s", 16*size(from), loop)
	s.line("%s:", tail)
	s.op("ADDQ $16, R13; JZ %s; MOVQ R13, CX; MOVL $1, AX; SHLL CX, AX; DECL AX; KMOVW AX, K1", done)
	block512(s, from, "K1")
	tabled := s.label("table")
	s.op("TESTQ BX, BX; JNZ %s", tabled)
	for i := range 15 {
		s.op("VMOVUPS Z%d, (DI); ADDQ DX, DI; DECQ R13; JZ %s", i, done)
	}
	s.line("%s:", tabled)
	for i := range 15 {
		s.op("MOVLQSX %d(BX), AX; VMOVUPS Z%d, (DI)(AX*1); DECQ R13; JZ %s", 4*i, i, done)
	}
	s.line("%s:", done)
	s.op("VZEROUPPER; RET")
}

// ahead is how many bytes before its use a row is fetched into the cache.
const ahead = 512

// block512 loads 16 rows of 16 numbers, or as many as a mask says, and transposes.
func block512(s *source, from, mask string) {
	for i := range 16 {
		if i == 8 {
			s.op("LEAQ (SI)(R8*8), R12")
		}
		base := "SI"
		if i >= 8 {
			base = "R12"
		}
		at := []string{"(%s)", "(%s)(R8*1)", "(%s)(R8*2)", "(%s)(R9*1)", "(%s)(R8*4)", "(%s)(R10*1)", "(%s)(R9*2)", "(%s)(R11*1)"}[i%8]
		row := fmt.Sprintf(at, base)
		load512(s, from, row, mask, i)
		if mask == "" { // rows are far apart: no hardware sees where this goes
			s.op("PREFETCHT0 %d%s", ahead, row)
		}
	}
	transpose16(s)
}

// transpose16 turns Z0…Z15, rows of a 16×16 block, into its columns, by way of
// Z16…Z31.
func transpose16(s *source) {
	for i := 0; i < 16; i += 2 {
		s.op("VUNPCKLPS Z%d, Z%d, Z%d; VUNPCKHPS Z%d, Z%d, Z%d", i+1, i, 16+i, i+1, i, 17+i)
	}
	for i := 0; i < 16; i += 4 {
		s.op("VUNPCKLPD Z%d, Z%d, Z%d; VUNPCKHPD Z%d, Z%d, Z%d", 18+i, 16+i, i, 18+i, 16+i, i+1)
		s.op("VUNPCKLPD Z%d, Z%d, Z%d; VUNPCKHPD Z%d, Z%d, Z%d", 19+i, 17+i, i+2, 19+i, 17+i, i+3)
	}
	// Z(4g+c) holds, in lane l, column 4l+c of rows 4g … 4g+3.
	for c := range 4 {
		s.op("VSHUFF32X4 $0x88, Z%d, Z%d, Z%d", 4+c, c, 16+c)    // rows 0–7: lanes 0, 2
		s.op("VSHUFF32X4 $0xdd, Z%d, Z%d, Z%d", 4+c, c, 20+c)    // rows 0–7: lanes 1, 3
		s.op("VSHUFF32X4 $0x88, Z%d, Z%d, Z%d", 12+c, 8+c, 24+c) // rows 8–15: lanes 0, 2
		s.op("VSHUFF32X4 $0xdd, Z%d, Z%d, Z%d", 12+c, 8+c, 28+c) // rows 8–15: lanes 1, 3
	}
	for c := range 4 {
		s.op("VSHUFF32X4 $0x88, Z%d, Z%d, Z%d", 24+c, 16+c, c)
		s.op("VSHUFF32X4 $0x88, Z%d, Z%d, Z%d", 28+c, 20+c, 4+c)
		s.op("VSHUFF32X4 $0xdd, Z%d, Z%d, Z%d", 24+c, 16+c, 8+c)
		s.op("VSHUFF32X4 $0xdd, Z%d, Z%d, Z%d", 28+c, 20+c, 12+c)
	}
}

// widen512 copies rows of 16 numbers, widened: what a panel of an untransposed
// matrix is made of.
func widen512(s *source, from string) {
	name := "widen512" + from
	s.text(name, fmt.Sprintf("func %s(dst unsafe.Pointer, step int, src unsafe.Pointer, ld, rows int)", name), 40)
	s.op("MOVQ dst+0(FP), DI; MOVQ step+8(FP), DX; MOVQ src+16(FP), SI; MOVQ ld+24(FP), R8; MOVQ rows+32(FP), CX")
	loop := s.label("loop")
	s.line("%s:", loop)
	load512(s, from, "(SI)", "", 0)
	s.op("VMOVUPS Z0, (DI); ADDQ DX, DI; ADDQ R8, SI; DECQ CX; JNZ %s; VZEROUPPER; RET", loop)
}

// pack256 transposes blocks of 8×8: 8 rows, K a multiple of 8.
func pack256(s *source, from string) {
	name := "pack256" + from
	y := vector{"Y", 32, 256}
	s.text(name, fmt.Sprintf("func %s(dst unsafe.Pointer, step int, at, src unsafe.Pointer, ld, K int)", name), 48)
	s.op("MOVQ dst+0(FP), DI; MOVQ step+8(FP), DX; MOVQ at+16(FP), BX; MOVQ src+24(FP), SI; MOVQ ld+32(FP), R8; MOVQ K+40(FP), R13")
	s.op("LEAQ (R8)(R8*2), R9; LEAQ (R8)(R8*4), R10; LEAQ (R9)(R8*4), R11")
	loop, table, next := s.label("loop"), s.label("table"), s.label("next")
	s.line("%s:", loop)
	for i, at := range []string{"(SI)", "(SI)(R8*1)", "(SI)(R8*2)", "(SI)(R9*1)", "(SI)(R8*4)", "(SI)(R10*1)", "(SI)(R9*2)", "(SI)(R11*1)"} {
		loadVector(s, y, from, at, i)
		s.op("PREFETCHT0 %d%s", ahead, at)
	}
	transpose8(s)
	s.op("TESTQ BX, BX; JNZ %s", table)
	for i := range 8 {
		s.op("VMOVUPS Y%d, (DI); ADDQ DX, DI", i)
	}
	s.op("JMP %s", next)
	s.line("%s:", table)
	for i := range 8 {
		s.op("MOVLQSX %d(BX), AX; VMOVUPS Y%d, (DI)(AX*1)", 4*i, i)
	}
	s.op("ADDQ $32, BX")
	s.line("%s:", next)
	s.op("ADDQ $%d, SI; SUBQ $8, R13; JGT %s; VZEROUPPER; RET", 8*size(from), loop)
}

// transpose8 turns Y0…Y7 over by way of Y8…Y15: pairs, pairs of pairs, then 128-bit
// lanes.
func transpose8(s *source) {
	for i := 0; i < 8; i += 2 {
		s.op("VUNPCKLPS Y%d, Y%d, Y%d; VUNPCKHPS Y%d, Y%d, Y%d", i+1, i, 8+i, i+1, i, 9+i)
	}
	for i := 0; i < 8; i += 4 {
		s.op("VUNPCKLPD Y%d, Y%d, Y%d; VUNPCKHPD Y%d, Y%d, Y%d", 10+i, 8+i, i, 10+i, 8+i, i+1)
		s.op("VUNPCKLPD Y%d, Y%d, Y%d; VUNPCKHPD Y%d, Y%d, Y%d", 11+i, 9+i, i+2, 11+i, 9+i, i+3)
	}
	for c := range 4 {
		s.op("VPERM2F128 $0x20, Y%d, Y%d, Y%d; VPERM2F128 $0x31, Y%d, Y%d, Y%d", 4+c, c, 8+c, 4+c, c, 12+c)
	}
	for i := range 8 {
		s.op("VMOVAPS Y%d, Y%d", 8+i, i)
	}
}

// widen256 copies rows of 8 numbers, widened.
func widen256(s *source, from string) {
	name := "widen256" + from
	s.text(name, fmt.Sprintf("func %s(dst unsafe.Pointer, step int, src unsafe.Pointer, ld, rows int)", name), 40)
	s.op("MOVQ dst+0(FP), DI; MOVQ step+8(FP), DX; MOVQ src+16(FP), SI; MOVQ ld+24(FP), R8; MOVQ rows+32(FP), CX")
	loop := s.label("loop")
	s.line("%s:", loop)
	loadVector(s, vector{"Y", 32, 256}, from, "(SI)", 0)
	s.op("VMOVUPS Y0, (DI); ADDQ DX, DI; ADDQ R8, SI; DECQ CX; JNZ %s; VZEROUPPER; RET", loop)
}

// load512 loads 16 numbers as float32, those that a mask leaves out as 0.
func load512(s *source, from, at, mask string, z int) {
	suffix := ""
	if mask != "" {
		suffix, mask = ".Z", mask+", "
	}
	switch from {
	case "F32":
		s.op("VMOVUPS%s %s, %sZ%d", suffix, at, mask, z)
	case "F16":
		s.op("VCVTPH2PS%s %s, %sZ%d", suffix, at, mask, z)
	case "BF16":
		s.op("VPMOVZXWD%s %s, %sZ%d; VPSLLD $16, Z%d, Z%d", suffix, at, mask, z, z, z)
	}
}

func size(from string) int {
	if from == "F32" {
		return 4
	}
	return 2
}
