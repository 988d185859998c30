package main

// neonHalves writes the loops that widen half floats and round to them, n times eight
// numbers.
func neonHalves(s *source) {
	for _, from := range []string{"F16", "BF16"} {
		s.neonConvert("widen"+from+"256", 2, func() {
			s.neonLoad8(from, "(R1)", 0)
			s.storePair(0, "(R0)")
		})
	}
	s.neonConvert("narrowF16256", 4, func() {
		s.loadPair("(R1)", 0)
		s.neon2("FCVTN", 2, 0)
		s.neon2("FCVTN2", 2, 1)
		s.op("FMOVQ F2, (R0)")
	})
	s.neonConvert("narrowBF16256", 4, s.neonNarrowBF16)
}

// neonConvert writes a loop; from are the bytes of a number.
func (s *source) neonConvert(name string, from int, body func()) {
	s.text(name, "func "+name+"(dst, src unsafe.Pointer, n int)", 24)
	s.args("dst", "R0", "src", "R1", "n", "R2")
	for i, c := range []int{1, 0x40, 0x7fff} {
		if name == "narrowBF16256" {
			s.op("MOVD $%d, R3; VDUP R3, V%d.S4", c, 16+i)
		}
	}
	loop := s.label("loop")
	s.line("%s:", loop)
	body()
	s.op("ADD $%d, R1, R1; ADD $%d, R0, R0; SUBS $1, R2, R2; BNE %s; RET", 8*from, 8*(6-from), loop)
}

// neonNarrowBF16 is narrowBF16.
func (s *source) neonNarrowBF16() {
	s.loadPair("(R1)", 0)
	for x := range 2 {
		upper, sum, number := 2+x, 4+x, 6+x
		s.neonShift("USHR", upper, x, 16)
		s.neon3("AND", sum, upper, 16)
		s.neon3("ORR", upper, upper, 17) // what a NaN becomes
		s.neon3("ADD", sum, sum, 18)
		s.neon3("ADD", sum, sum, x)
		s.neonShift("USHR", sum, sum, 16)
		s.neon3("FCMEQ", number, x, x)
		s.neon3("BIF", sum, upper, number)
	}
	s.neon2("XTN", 0, 4)
	s.neon2("XTN2", 0, 5)
	s.op("FMOVQ F0, (R0)")
}
