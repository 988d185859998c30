package main

import "fmt"

// neonPair names a vector of two registers of NEON.
const neonPair = "pair"

// neonWinograd writes the transforms of winograd.go.
func neonWinograd(s *source) {
	s.winogradConstants()
	v := vector{neonPair, 32, 256}
	v.inputNEON(s)
	v.outputNEON(s)
	v.weightsNEON(s)
}

// neonDo emits an instruction on pairs of registers, in AVX2's order.
func (s *source) neonDo(name string, regs ...int) {
	for h := range 2 {
		if name == "VMOVAPS" {
			s.neonMove(2*regs[1]+h, 2*regs[0]+h)
			continue
		}
		s.neon3(fromAVX[name], 2*regs[2]+h, 2*regs[1]+h, 2*regs[0]+h)
	}
}

// constantsNEON fills registers 15, 14, … with constants.
func (v vector) constantsNEON(s *source, numbers ...int) {
	s.op("MOVD $winograd<>(SB), %s", tableReg)
	for i, c := range numbers {
		r := 2 * (15 - i)
		s.op("FMOVS %d(%s), F%d", 4*c, tableReg, r)
		s.neon2("DUP", r, r)
		s.neonMove(r+1, r)
	}
}

// planes sets R9 … R(8+n−1) to addresses that lie stride apart, from R8 on.
func (s *source) planes(n int, stride string) {
	for k := range n - 1 {
		s.op("ADD %s, %s, %s", stride, reg(8+k), reg(9+k))
	}
}

// inputNEON is input.
func (v vector) inputNEON(s *source) {
	s.text("winogradInput256", "func winogradInput256(pixels unsafe.Pointer, dst unsafe.Pointer, plane int, scratch unsafe.Pointer, n int)", 40)
	s.args("pixels", "R0", "dst", "R2", "plane", "R3", "scratch", "R4", "n", "R5")
	s.op("MOVD ZR, R6")
	v.constantsNEON(s, four, five)
	loop := s.label("loop")
	s.line("%s:", loop)
	for j := range 6 {
		for i := range 6 {
			s.fields(64*(6*i+j), "R7")
			s.op("ADD R6, R7, R7")
			s.loadPair("(R7)", 2*i)
		}
		v.input6(s, func(k, r int) { s.storePair(2*r, fmt.Sprintf("%d(R4)", 32*(6*k+j))) })
	}
	s.op("MOVD R2, R8")
	for i := range 6 {
		s.planes(6, "R3")
		for j := range 6 {
			s.loadPair(fmt.Sprintf("%d(R4)", 32*(6*i+j)), 2*j)
		}
		v.input6(s, func(k, r int) { s.storePair(2*r, fmt.Sprintf("(%s)", reg(8+k))) })
		s.op("ADD R3, R13, R8")
	}
	s.op("ADD $32, R6, R6; ADD $32, R2, R2; SUBS $1, R5, R5; BNE %s; RET", loop)
}

// outputNEON is output.
func (v vector) outputNEON(s *source) {
	s.text("winogradOutput256", "func winogradOutput256(src unsafe.Pointer, plane int, dst unsafe.Pointer, ld int, add, scratch unsafe.Pointer, n int)", 56)
	s.args("src", "R1", "plane", "R2", "dst", "R3", "ld", "R4", "add", "R5", "scratch", "R6", "n", "R7")
	s.op("ADD R2<<1, R2, R9; LSL $1, R9, R9") // six planes
	v.constantsNEON(s, four, two, eight)
	loop := s.label("loop")
	s.line("%s:", loop)
	s.op("MOVD R1, R14")
	for j := range 6 {
		s.op("MOVD R14, R15")
		for i := range 6 {
			s.loadPair("(R15)", 2*i)
			if i < 5 {
				s.op("ADD R9, R15, R15")
			}
		}
		v.output4(s, func(k, r int) { s.storePair(2*r, fmt.Sprintf("%d(R6)", 32*(6*k+j))) })
		s.op("ADD R2, R14, R14")
	}
	s.op("MOVD R3, R10")
	s.loadPair("(R5)", 24)
	for i := range 4 {
		for j := range 6 {
			s.loadPair(fmt.Sprintf("%d(R6)", 32*(6*i+j)), 2*j)
		}
		s.op("ADD R4, R10, R11; ADD R4, R11, R12; ADD R4, R12, R13")
		v.output4(s, func(k, r int) {
			v.do(s, "VADDPS", 12, r, r)
			s.storePair(2*r, fmt.Sprintf("(%s)", reg(10+k)))
		})
		s.op("ADD R4, R13, R10")
	}
	s.op("ADD $32, R1, R1; ADD $32, R3, R3; ADD $32, R5, R5; SUBS $1, R7, R7; BNE %s; RET", loop)
}

// weightsNEON is weights.
func (v vector) weightsNEON(s *source) {
	s.text("winogradWeights256", "func winogradWeights256(src unsafe.Pointer, tap, step int, dst unsafe.Pointer, plane int, scratch unsafe.Pointer, n int)", 56)
	s.args("src", "R1", "tap", "R2", "step", "R3", "dst", "R4", "plane", "R5", "scratch", "R6", "n", "R7")
	s.op("ADD R2<<1, R2, R14")
	v.constantsNEON(s, quarter, sixth, fourth24, twelfth)
	loop := s.label("loop")
	s.line("%s:", loop)
	for half := range 2 {
		s.op("MOVD R1, R15")
		for x := range 3 {
			s.op("MOVD R15, R10")
			for y := range 3 {
				s.loadPair(fmt.Sprintf("%d(R10)", 32*half), 2*y)
				if y < 2 {
					s.op("ADD R14, R10, R10")
				}
			}
			v.weights6(s, func(k, r int) { s.storePair(2*r, fmt.Sprintf("%d(R6)", 32*(3*k+x))) })
			s.op("ADD R2, R15, R15")
		}
		s.op("ADD $%d, R4, R8", 32*half)
		for i := range 6 {
			s.planes(6, "R5")
			for x := range 3 {
				s.loadPair(fmt.Sprintf("%d(R6)", 32*(3*i+x)), 2*x)
			}
			v.weights6(s, func(k, r int) { s.storePair(2*r, fmt.Sprintf("(%s)", reg(8+k))) })
			s.op("ADD R5, R13, R8")
		}
	}
	s.op("ADD R3, R1, R1; ADD $64, R4, R4; SUBS $1, R7, R7; BNE %s; RET", loop)
}
