package main

import "fmt"

// neonDots writes products of a few rows with the rows of a stored weight.
func neonDots(s *source) {
	for _, from := range []string{"F32", "F16", "BF16"} {
		for m := 1; m <= 4; m++ {
			neonDot(s, from, m)
		}
	}
}

// neonDot keeps 16 sums for each row; K is a multiple of 16.
func neonDot(s *source, from string, rows int) {
	name := fmt.Sprintf("dot256%sx%d", from, rows)
	s.text(name, fmt.Sprintf("func %s(d *dot)", name), 8)
	s.op("MOVD d+0(FP), R0")
	s.fields(dW, "R1", dLdW, "R2", dN, "R3", dOut, "R4", dLdOut, "R5")
	each, loop := s.label("each"), s.label("loop")
	s.line("%s:", each)
	for i := range rows {
		s.fields(dRows+8*i, reg(8+i))
		for h := range 4 {
			s.neonZero(4*i + h)
		}
	}
	s.fields(dK, "R6")
	s.op("MOVD R1, R7")
	s.line("%s:", loop)
	s.neonLoad8(from, "(R7)", 16)
	s.neonLoad8(from, fmt.Sprintf("%d(R7)", 8*size(from)), 18)
	s.advance("R7", 16*size(from))
	for i := range rows {
		s.loadPair(fmt.Sprintf("(%s)", reg(8+i)), 20)
		s.loadPair(fmt.Sprintf("32(%s)", reg(8+i)), 22)
		s.advance(reg(8+i), 64)
		for h := range 4 {
			s.neon3("FMLA", 4*i+h, 20+h, 16+h)
		}
	}
	s.op("SUBS $16, R6, R6; BGT %s; MOVD R4, R7", loop)
	for i := range rows {
		s.neon3("FADD", 4*i, 4*i, 4*i+2)
		s.neon3("FADD", 4*i+1, 4*i+1, 4*i+3)
		s.neonFold(4 * i)
		s.op("FMOVS F%d, (R7); ADD R5, R7, R7", 4*i)
	}
	s.op("ADD $4, R4, R4; ADD R2, R1, R1; SUBS $1, R3, R3; BNE %s; RET", each)
}

// neonFold adds the eight numbers of registers r and r+1 up into the first lane of r:
// halves, halves of those, and the two that are left.
func (s *source) neonFold(r int) {
	s.neon3("FADD", r, r, r+1)
	s.neon3("EXT8", r+1, r, r)
	s.neon3("FADD", r, r, r+1)
	s.neon3("FADDP", r, r, r)
}
