package main

import "fmt"

// Numbers of general registers.
const (
	rAX = iota
	rCX
	rDX
	rBX
	_
	_
	rSI
	rDI
	r8
)

// amxs writes the matrix product by AMX tiles of bfloat16. Go's assembler knows none
// of the instructions; they are written as bytes.
//
// A block of 32×32 sums takes tiles 0 … 3, 32 rows of A tiles 4 and 5, 32 columns of a
// panel of pairs tiles 6 and 7. Every tile has 16 rows of 64 bytes.
func amxs(s *source) {
	s.text("amxTile", "func amxTile(t *amx)", 8)
	s.op("MOVQ t+0(FP), R15; MOVQ 0(R15), R14")
	s.bytes("LDTILECFG (R14)", 0xc4, 0xc2, 0x78, 0x49, 0x06)
	s.op("MOVQ 16(R15), AX; MOVQ 24(R15), BX; MOVQ 32(R15), DX; MOVQ 40(R15), R8; MOVQ 56(R15), R10; MOVQ $128, CX")
	s.op("MOVQ AX, R11; SHLQ $4, R11; MOVQ R8, R12; SHLQ $4, R12")
	s.line("amxPanel:")
	s.op("LEAQ (DX)(R12*1), DI")
	s.op("CMPQ 64(R15), $0; JNE amxLoad")
	for i := range 4 {
		s.tileZero(i)
	}
	s.op("JMP amxSums")
	s.line("amxLoad:")
	for i := range 4 {
		s.tileMem(3, i, []int{rDX, rDI}[i/2], r8, 64*(i%2))
	}
	s.line("amxSums:")
	s.op("MOVQ 8(R15), SI; LEAQ (SI)(R11*1), DI; MOVQ 48(R15), R9")
	s.line("amxLoop:")
	s.tileMem(3, 4, rSI, rAX, 0)
	s.tileMem(3, 6, rBX, rCX, 0)
	s.tileMem(3, 7, rBX, rCX, 64)
	s.tileDot(0, 4, 6)
	s.tileMem(3, 5, rDI, rAX, 0)
	s.tileDot(1, 4, 7)
	s.tileDot(2, 5, 6)
	s.tileDot(3, 5, 7)
	s.op("ADDQ $64, SI; ADDQ $64, DI; ADDQ $2048, BX; DECQ R9; JNZ amxLoop")
	s.op("LEAQ (DX)(R12*1), DI")
	for i := range 4 {
		s.tileMem(2, i, []int{rDX, rDI}[i/2], r8, 64*(i%2))
	}
	s.op("ADDQ $128, DX; DECQ R10; JNZ amxPanel")
	s.release()

	s.text("peakAMX", "func peakAMX(config unsafe.Pointer, n int)", 16)
	s.op("MOVQ config+0(FP), R14; MOVQ n+8(FP), CX")
	s.bytes("LDTILECFG (R14)", 0xc4, 0xc2, 0x78, 0x49, 0x06)
	for i := range 8 {
		s.tileZero(i)
	}
	s.op("PCALIGN $64")
	s.line("amxPeak:")
	for i := range 6 {
		s.tileDot(i, 6, 7)
	}
	s.op("DECQ CX; JNZ amxPeak")
	s.release()
}

// release gives the tiles back and returns.
func (s *source) release() {
	s.bytes("TILERELEASE", 0xc4, 0xe2, 0x78, 0x49, 0xc0)
	s.op("RET")
}

func (s *source) tileZero(i int) {
	s.bytes("TILEZERO", 0xc4, 0xe2, 0x7b, 0x49, 0xc0|byte(i)<<3)
}

// bytes emits an instruction that the assembler does not know.
func (s *source) bytes(comment string, code ...byte) {
	text := ""
	for _, b := range code {
		text += fmt.Sprintf("BYTE $0x%02x; ", b)
	}
	s.line("\t%s// %s", text, comment)
}

// tileMem is TILELOADD (prefix F2, pp 3) or TILESTORED (F3, pp 2) of rows that lie as
// many bytes apart as the index register says.
func (s *source) tileMem(pp, tile, base, index, disp int) {
	b1 := 0xe2
	if index >= r8 {
		b1 &^= 0x40
	}
	s.bytes(map[int]string{3: "TILELOADD", 2: "TILESTORED"}[pp],
		0xc4, byte(b1), byte(0x78|pp), 0x4b, byte(0x44|tile<<3), byte(index&7<<3|base), byte(disp))
}

// tileDot is TDPBF16PS: c += a·b.
func (s *source) tileDot(c, a, b int) {
	s.bytes("TDPBF16PS", 0xc4, 0xe2, byte(^b&15<<3|2), 0x5c, byte(0xc0|c<<3|a))
}
