package main

// peak writes loops that do nothing but multiply and add, as fast as the ports
// allow: what figures of other loops are a share of.
func peak(s *source) {
	s.text("peak512", "func peak512(n int)", 8)
	s.op("MOVQ n+0(FP), CX")
	for i := range 24 {
		s.op("VPXORD Z%d, Z%d, Z%d", i, i, i)
	}
	s.op("VPXORD Z30, Z30, Z30; VPXORD Z31, Z31, Z31 // what is left there may be subnormal, which is slow")
	s.op("PCALIGN $64")
	s.line("loop512:")
	for i := range 24 {
		s.op("VFMADD231PS Z31, Z30, Z%d", i)
	}
	s.op("DECQ CX; JNZ loop512; VZEROUPPER; RET")

	s.text("peak256", "func peak256(n int)", 8)
	s.op("MOVQ n+0(FP), CX")
	for i := range 12 {
		s.op("VXORPS Y%d, Y%d, Y%d", i, i, i)
	}
	s.op("VXORPS Y14, Y14, Y14; VXORPS Y15, Y15, Y15")
	s.op("PCALIGN $64")
	s.line("loop256:")
	for i := range 12 {
		s.op("VFMADD231PS Y15, Y14, Y%d", i)
	}
	s.op("DECQ CX; JNZ loop256; VZEROUPPER; RET")
}
