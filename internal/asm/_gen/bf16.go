package main

// bf16s writes what rounds float32 to bfloat16: VCVTNE2PS2BF16, which Go's assembler
// lacks, is EVEX.512.F2.0F38.W0 72 /r and rounds two vectors into one.
func bf16s(s *source) {
	round := func(dst, high, low int) {
		s.op("%s // VCVTNE2PS2BF16 Z%d, Z%d, Z%d", evex(3, 0x72, dst, high, low), low, high, dst)
	}
	s.text("narrow512", "func narrow512(dst, src unsafe.Pointer, blocks int)", 24)
	s.op("MOVQ dst+0(FP), DI; MOVQ src+8(FP), SI; MOVQ blocks+16(FP), CX")
	s.line("narrow:")
	s.op("VMOVUPS (SI), Z0; VMOVUPS 64(SI), Z1")
	round(2, 1, 0)
	s.op("VMOVUPS Z2, (DI); ADDQ $128, SI; ADDQ $64, DI; DECQ CX; JNZ narrow; VZEROUPPER; RET")

	s.line("")
	for i := range 32 { // word 2j comes from the low vector, word 2j+1 from the high one
		s.line("DATA zip<>+%d(SB)/2, $%d", 2*i, i/2+i%2*16)
	}
	s.line("GLOBL zip<>(SB), RODATA|NOPTR, $64")
	s.text("pair512", "func pair512(dst, src unsafe.Pointer, pairs int)", 24)
	s.op("MOVQ dst+0(FP), DI; MOVQ src+8(FP), SI; MOVQ pairs+16(FP), CX; VMOVDQU16 zip<>(SB), Z31")
	s.line("pair:")
	for h := range 2 {
		s.op("VMOVUPS %d(SI), Z%d; VMOVUPS %d(SI), Z%d", 64*h, 4*h, 64*h+128, 4*h+1)
		round(4*h+2, 4*h+1, 4*h)
		s.op("VPERMW Z%d, Z31, Z%d", 4*h+2, 4*h+3)
	}
	s.op("VMOVUPS Z3, (DI); VMOVUPS Z7, 64(DI)")
	s.op("ADDQ $256, SI; ADDQ $128, DI; DECQ CX; JNZ pair; VZEROUPPER; RET")

	s.text("peakBF16", "func peakBF16(n int)", 8)
	s.op("MOVQ n+0(FP), CX")
	for i := range 26 {
		s.op("VPXORD Z%d, Z%d, Z%d", i, i, i)
	}
	s.op("PCALIGN $64")
	s.line("peak:")
	for i := range 24 {
		dot16(s, "Z", 24, 25, i)
	}
	s.op("DECQ CX; JNZ peak; VZEROUPPER; RET")
}
