package main

import "fmt"

// winograd writes the transforms of F(4×4, 3×3) (Lavin and Gray 2016, with the points
// 0, ±1, ±2): of pictures, of sums, of weights. Each is a transform of columns into
// scratch, then one of rows.
func winograd(s *source) {
	s.winogradConstants()
	for _, v := range []vector{{"Z", 64, 512}, {"Y", 32, 256}} {
		v.input(s)
		v.output(s)
		v.weights(s)
	}
}

func (s *source) winogradConstants() {
	s.line("")
	for i, c := range []string{"4.0", "5.0", "2.0", "8.0", "0.25", "0.16666666666666666", "0.041666666666666664", "0.08333333333333333"} {
		s.line("DATA winograd<>+%d(SB)/4, $%s", 4*i, c)
	}
	s.line("GLOBL winograd<>(SB), RODATA|NOPTR, $32")
}

// vector is a width of registers.
type vector struct {
	name  string
	bytes int
	bits  int
}

// Numbers of the constants above, and the registers 15, 14, … that hold them.
const (
	four = iota
	five
	two
	eight
	quarter
	sixth
	fourth24
	twelfth
)

func (v vector) constant(s *source, c, reg int) {
	s.op("VBROADCASTSS winograd<>+%d(SB), %s%d", 4*c, v.name, reg)
}

// do emits an instruction on registers given by number.
func (v vector) do(s *source, name string, regs ...int) {
	if v.name == neonPair {
		s.neonDo(name, regs...)
		return
	}
	line := name
	for i, r := range regs {
		sep := ", "
		if i == 0 {
			sep = " "
		}
		line += fmt.Sprintf("%s%s%d", sep, v.name, r)
	}
	s.op("%s", line)
}

func (v vector) load(s *source, at string, reg int)  { s.op("VMOVUPS %s, %s%d", at, v.name, reg) }
func (v vector) store(s *source, reg int, at string) { s.op("VMOVUPS %s%d, %s", v.name, reg, at) }

// plane returns how to address plane k of 6: BX holds three strides R10, R13 is R11
// three planes on.
func plane(k int) string {
	return []string{"(R11)", "(R11)(R10*1)", "(R11)(R10*2)", "(R13)", "(R13)(R10*1)", "(R13)(R10*2)"}[k]
}

// input is Bᵀ·d·B of 6×6 pixels.
func (v vector) input(s *source) {
	name := fmt.Sprintf("winogradInput%d", v.bits)
	s.text(name, fmt.Sprintf("func %s(pixels unsafe.Pointer, dst unsafe.Pointer, plane int, scratch unsafe.Pointer, n int)", name), 40)
	s.op("MOVQ pixels+0(FP), SI; MOVQ dst+8(FP), DI; MOVQ plane+16(FP), R10; MOVQ scratch+24(FP), DX; MOVQ n+32(FP), CX")
	s.op("XORQ R9, R9; LEAQ (R10)(R10*2), BX")
	v.constant(s, four, 15)
	v.constant(s, five, 14)
	loop := s.label("loop")
	s.line("%s:", loop)
	for j := range 6 {
		for i := range 6 {
			s.op("MOVQ %d(SI), R11", 64*(6*i+j))
			v.load(s, "(R11)(R9*1)", i)
		}
		v.input6(s, func(k, reg int) { v.store(s, reg, fmt.Sprintf("%d(DX)", v.bytes*(6*k+j))) })
	}
	s.op("MOVQ DI, R11")
	for i := range 6 {
		for j := range 6 {
			v.load(s, fmt.Sprintf("%d(DX)", v.bytes*(6*i+j)), j)
		}
		s.op("LEAQ (R11)(BX*1), R13")
		v.input6(s, func(k, reg int) { v.store(s, reg, plane(k)) })
		s.op("LEAQ (R13)(BX*1), R11")
	}
	s.op("ADDQ $%d, R9; ADDQ $%d, DI; DECQ CX; JNZ %s; VZEROUPPER; RET", v.bytes, v.bytes, loop)
}

// input6 emits Bᵀ·d for d in registers 0 … 5.
func (v vector) input6(s *source, out func(k, reg int)) {
	const a, b, c, x = 6, 7, 8, 9
	v.do(s, "VMOVAPS", 4, a)
	v.do(s, "VMOVAPS", 3, b)
	v.do(s, "VFNMADD231PS", 15, 2, a) // d4 − 4·d2
	v.do(s, "VFNMADD231PS", 15, 1, b) // d3 − 4·d1
	v.do(s, "VADDPS", b, a, x)
	out(1, x)
	v.do(s, "VSUBPS", b, a, c)
	out(2, c)
	v.do(s, "VSUBPS", 2, 4, a) // d4 − d2
	v.do(s, "VSUBPS", 1, 3, b) // d3 − d1
	v.do(s, "VADDPS", b, b, b)
	v.do(s, "VADDPS", b, a, x)
	out(3, x)
	v.do(s, "VSUBPS", b, a, c)
	out(4, c)
	v.do(s, "VFNMADD231PS", 14, 2, 4)
	v.do(s, "VFMADD231PS", 15, 0, 4) // 4·d0 − 5·d2 + d4
	out(0, 4)
	v.do(s, "VFNMADD231PS", 14, 3, 5)
	v.do(s, "VFMADD231PS", 15, 1, 5) // 4·d1 − 5·d3 + d5
	out(5, 5)
}

// output is Aᵀ·m·A of 6×6 sums, plus a vector.
func (v vector) output(s *source) {
	name := fmt.Sprintf("winogradOutput%d", v.bits)
	s.text(name, fmt.Sprintf("func %s(src unsafe.Pointer, plane int, dst unsafe.Pointer, ld int, add, scratch unsafe.Pointer, n int)", name), 56)
	s.op("MOVQ src+0(FP), SI; MOVQ plane+8(FP), R10; MOVQ dst+16(FP), DI; MOVQ ld+24(FP), R8; MOVQ add+32(FP), R9; MOVQ scratch+40(FP), DX; MOVQ n+48(FP), CX")
	s.op("LEAQ (R10)(R10*2), BX; LEAQ (BX)(BX*1), R12") // 3 and 6 planes
	v.constant(s, four, 15)
	v.constant(s, two, 14)
	v.constant(s, eight, 13)
	loop := s.label("loop")
	s.line("%s:", loop)
	s.op("MOVQ SI, R11")
	for j := range 6 {
		s.op("MOVQ R11, R13")
		for i := range 6 {
			v.load(s, "(R13)", i)
			if i < 5 {
				s.op("ADDQ R12, R13")
			}
		}
		v.output4(s, func(k, reg int) { v.store(s, reg, fmt.Sprintf("%d(DX)", v.bytes*(6*k+j))) })
		s.op("ADDQ R10, R11")
	}
	s.op("MOVQ DI, R11; LEAQ (R8)(R8*2), AX")
	v.load(s, "(R9)", 12)
	for i := range 4 {
		for j := range 6 {
			v.load(s, fmt.Sprintf("%d(DX)", v.bytes*(6*i+j)), j)
		}
		at := []string{"(R11)", "(R11)(R8*1)", "(R11)(R8*2)", "(R11)(AX*1)"}
		v.output4(s, func(k, reg int) {
			v.do(s, "VADDPS", 12, reg, reg)
			v.store(s, reg, at[k])
		})
		s.op("LEAQ (R11)(R8*4), R11")
	}
	s.op("ADDQ $%d, SI; ADDQ $%d, DI; ADDQ $%d, R9; DECQ CX; JNZ %s; VZEROUPPER; RET", v.bytes, v.bytes, v.bytes, loop)
}

// output4 emits Aᵀ·m for m in registers 0 … 5.
func (v vector) output4(s *source, out func(k, reg int)) {
	const s12, d12, s34, d34 = 6, 7, 8, 9
	v.do(s, "VADDPS", 2, 1, s12)
	v.do(s, "VSUBPS", 2, 1, d12)
	v.do(s, "VADDPS", 4, 3, s34)
	v.do(s, "VSUBPS", 4, 3, d34)
	v.do(s, "VADDPS", s12, 0, 0)
	v.do(s, "VADDPS", s34, 0, 0)
	out(0, 0)
	v.do(s, "VFMADD231PS", 15, s34, s12)
	out(2, s12)
	v.do(s, "VADDPS", d12, 5, 5)
	v.do(s, "VFMADD231PS", 13, d34, 5)
	out(3, 5)
	v.do(s, "VFMADD231PS", 14, d34, d12)
	out(1, d12)
}

// weights is G·g·Gᵀ of 3×3 weights, for n channels of two vectors each.
func (v vector) weights(s *source) {
	name := fmt.Sprintf("winogradWeights%d", v.bits)
	s.text(name, fmt.Sprintf("func %s(src unsafe.Pointer, tap, step int, dst unsafe.Pointer, plane int, scratch unsafe.Pointer, n int)", name), 56)
	s.op("MOVQ src+0(FP), SI; MOVQ tap+8(FP), R8; MOVQ step+16(FP), R9; MOVQ dst+24(FP), DI; MOVQ plane+32(FP), R10; MOVQ scratch+40(FP), DX; MOVQ n+48(FP), CX")
	s.op("LEAQ (R10)(R10*2), BX; LEAQ (R8)(R8*2), R12")
	v.constant(s, quarter, 15)
	v.constant(s, sixth, 14)
	v.constant(s, fourth24, 13)
	v.constant(s, twelfth, 12)
	loop := s.label("loop")
	s.line("%s:", loop)
	for half := range 2 {
		off := half * v.bytes
		s.op("MOVQ SI, R11")
		for x := range 3 {
			s.op("MOVQ R11, R13")
			for y := range 3 {
				v.load(s, fmt.Sprintf("%d(R13)", off), y)
				if y < 2 {
					s.op("ADDQ R12, R13")
				}
			}
			v.weights6(s, func(k, reg int) { v.store(s, reg, fmt.Sprintf("%d(DX)", v.bytes*(3*k+x))) })
			s.op("ADDQ R8, R11")
		}
		s.op("LEAQ %d(DI), R11", off)
		for i := range 6 {
			for x := range 3 {
				v.load(s, fmt.Sprintf("%d(DX)", v.bytes*(3*i+x)), x)
			}
			s.op("LEAQ (R11)(BX*1), R13")
			v.weights6(s, func(k, reg int) { v.store(s, reg, plane(k)) })
			s.op("LEAQ (R13)(BX*1), R11")
		}
	}
	s.op("ADDQ R9, SI; ADDQ $%d, DI; DECQ CX; JNZ %s; VZEROUPPER; RET", 2*v.bytes, loop)
}

// weights6 emits G·g for g in registers 0 … 2.
func (v vector) weights6(s *source, out func(k, reg int)) {
	const a, b, p = 3, 4, 5
	out(5, 2)
	v.do(s, "VADDPS", 2, 0, a)
	v.do(s, "VMULPS", 14, a, a) // (g0+g2)/6
	v.do(s, "VMULPS", 14, 1, b) // g1/6
	v.do(s, "VMULPS", 13, 0, p)
	v.do(s, "VFMADD231PS", 14, 2, p) // g0/24 + g2/6
	v.do(s, "VMULPS", 15, 0, 0)
	out(0, 0)
	v.do(s, "VSUBPS", a, b, 6) // u2
	out(2, 6)
	v.do(s, "VXORPS", 7, 7, 7)
	v.do(s, "VSUBPS", b, 7, 8)
	v.do(s, "VSUBPS", a, 8, 8) // u1 = −(a + b)
	out(1, 8)
	v.do(s, "VMULPS", 12, 1, 1)
	v.do(s, "VADDPS", 1, p, 9)
	out(3, 9)
	v.do(s, "VSUBPS", 1, p, 10)
	out(4, 10)
}
