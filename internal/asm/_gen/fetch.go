package main

// fetches writes the loops of asm.Fetch: a line every 64 bytes, and that of a row's
// last byte. PREFETCHW, which Go's assembler lacks, does nothing on processors that
// lack it.
func fetches(s *source) {
	s.fetch("fetchToRead", func() { s.op("PREFETCHT1 (SI)(DX*1)") })
	s.fetch("fetchToWrite", func() { s.bytes("PREFETCHW (SI)(DX*1)", 0x0f, 0x0d, 0x0c, 0x16) })
}

func (s *source) fetch(name string, line func()) {
	s.text(name, "func "+name+"(p unsafe.Pointer, ld, rows, n int)", 32)
	s.op("MOVQ p+0(FP), SI; MOVQ ld+8(FP), R8; MOVQ rows+16(FP), CX; MOVQ n+24(FP), BX")
	row, next := s.label("row"), s.label("next")
	s.line("%s:", row)
	s.op("XORQ DX, DX")
	s.line("%s:", next)
	line()
	s.op("ADDQ $64, DX; CMPQ DX, BX; JLT %s; LEAQ -1(BX), DX", next)
	line()
	s.op("ADDQ R8, SI; DECQ CX; JNZ %s; RET", row)
}
