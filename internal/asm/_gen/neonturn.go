package main

// neonTurns writes the loops of asm.Turn, CopyRows and RowDots.
func neonTurns(s *source) {
	neonTurn(s)
	neonCopyRows(s)
	neonRowDots(s)
}

// neonTurn turns a whole block of 8×8.
func neonTurn(s *source) {
	s.text("turn256", "func turn256(dst unsafe.Pointer, ldDst int, src unsafe.Pointer, ldSrc int, f unsafe.Pointer, step int)", 48)
	s.args("dst", "R0", "ldDst", "R1", "src", "R2", "ldSrc", "R3", "f", "R4", "step", "R5")
	for i := range 8 {
		s.loadPair("(R2)", 2*i)
		s.op("ADD R3, R2, R2")
	}
	for _, r := range []int{0, 8, 1, 9} {
		s.turn4([4]int{r, r + 2, r + 4, r + 6}, [4]int{16, 17, 18, 19})
	}
	// V(2i+h) holds numbers 0 … 3 of row 4h+i, V(8+2i+h) the others.
	for j := range 8 {
		r := 2*(j%4) + j/4
		s.op("FMOVS (R4), F16; ADD R5, R4, R4")
		s.neonLane("FMUL", 17, r, 16, 0)
		s.neonLane("FMUL", 18, 8+r, 16, 0)
		s.storePair(17, "(R0)")
		s.op("ADD R1, R0, R0")
	}
	s.op("RET")
}

// neonCopyRows copies rows of n numbers, times a factor.
func neonCopyRows(s *source) {
	s.text("copyRows256", "func copyRows256(dst unsafe.Pointer, ldDst int, src unsafe.Pointer, ldSrc, rows, n int, f float32)", 52)
	s.args("dst", "R0", "ldDst", "R1", "src", "R2", "ldSrc", "R3", "rows", "R4", "n", "R5")
	s.op("FMOVS f+48(FP), F16")
	row, loop, tail, word, next := s.label("row"), s.label("loop"), s.label("tail"), s.label("word"), s.label("next")
	s.line("%s:", row)
	s.op("MOVD R0, R8; MOVD R2, R9; SUBS $8, R5, R10; BLT %s", tail)
	s.line("%s:", loop)
	s.loadPair("(R9)", 0)
	s.neonLane("FMUL", 0, 0, 16, 0)
	s.neonLane("FMUL", 1, 1, 16, 0)
	s.storePair(0, "(R8)")
	s.op("ADD $32, R8, R8; ADD $32, R9, R9; SUBS $8, R10, R10; BGE %s", loop)
	s.line("%s:", tail)
	s.op("ADDS $8, R10, R10; BEQ %s", next)
	s.line("%s:", word)
	s.op("FMOVS.P 4(R9), F0; FMULS F16, F0, F0; FMOVS.P F0, 4(R8); SUBS $1, R10, R10; BNE %s", word)
	s.line("%s:", next)
	s.op("ADD R1, R0, R0; ADD R3, R2, R2; SUBS $1, R4, R4; BNE %s; RET", row)
}

// neonRowDots sums the products of pairs of rows, eight sums side by side.
func neonRowDots(s *source) {
	s.text("rowDots256", "func rowDots256(dst, a, b unsafe.Pointer, ld, rows, n int)", 48)
	s.args("dst", "R0", "a", "R1", "b", "R2", "ld", "R3", "rows", "R4", "n", "R5")
	row, loop, tail, few, next := s.label("row"), s.label("loop"), s.label("tail"), s.label("few"), s.label("next")
	s.line("%s:", row)
	s.neonZero(0)
	s.neonZero(1)
	s.op("MOVD R1, R8; MOVD R2, R9; SUBS $8, R5, R10; BLT %s", tail)
	s.line("%s:", loop)
	s.loadPair("(R8)", 2)
	s.loadPair("(R9)", 4)
	s.neon3("FMLA", 0, 2, 4)
	s.neon3("FMLA", 1, 3, 5)
	s.op("ADD $32, R8, R8; ADD $32, R9, R9; SUBS $8, R10, R10; BGE %s", loop)
	s.line("%s:", tail)
	s.op("ADDS $8, R10, R10; BEQ %s; CMP $4, R10; BLT %s", next, few)
	s.op("FMOVQ.P 16(R8), F2; FMOVQ.P 16(R9), F4")
	s.neon3("FMLA", 0, 2, 4)
	s.op("SUBS $4, R10, R10; BEQ %s", next)
	s.upTo3(2, "R8")
	s.upTo3(4, "R9")
	s.neon3("FMLA", 1, 2, 4)
	s.op("B %s", next)
	s.line("%s:", few)
	s.upTo3(2, "R8")
	s.upTo3(4, "R9")
	s.neon3("FMLA", 0, 2, 4)
	s.line("%s:", next)
	s.neon3("FADD", 0, 0, 1)
	s.neon3("FADDP", 0, 0, 0)
	s.neon3("FADDP", 0, 0, 0)
	s.op("FMOVS.P F0, 4(R0); ADD R3, R1, R1; ADD R3, R2, R2; SUBS $1, R4, R4; BNE %s; RET", row)
}

// upTo3 loads R10 numbers, 1 … 3, and zeros behind them.
func (s *source) upTo3(r int, at string) {
	one, done := s.label("one"), s.label("done")
	s.op("TBZ $1, R10, %s; FMOVD (%s), F%d; TBZ $0, R10, %s; ADD $8, %s, R11; VLD1 (R11), V%d.S[2]; B %s", one, at, r, done, at, r, done)
	s.line("%s:", one)
	s.op("FMOVS (%s), F%d", at, r)
	s.line("%s:", done)
}
