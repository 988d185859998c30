package main

import "fmt"

// neonPacks writes the loops that turn stored weights into panels, widened to float32.
func neonPacks(s *source) {
	for _, from := range []string{"F32", "F16", "BF16"} {
		neonPack(s, from)
		neonWiden(s, from)
	}
}

// neonPack turns 8 rows into columns, four numbers of each at a time; K is a multiple
// of 4. Rows of the result lie step bytes apart, or where a table of 32-bit offsets puts
// them.
func neonPack(s *source, from string) {
	name := "pack256" + from
	s.text(name, fmt.Sprintf("func %s(dst unsafe.Pointer, step int, at, src unsafe.Pointer, ld, K int)", name), 48)
	s.args("dst", "R0", "step", "R1", "at", "R2", "src", "R8", "ld", "R4", "K", "R5")
	for i := range 7 {
		s.op("ADD R4, %s, %s", reg(8+i), reg(9+i))
	}
	loop, table, next := s.label("loop"), s.label("table"), s.label("next")
	s.line("%s:", loop)
	for i := range 8 {
		if from == "F32" {
			s.op("FMOVQ.P 16(%s), F%d", reg(8+i), i)
			continue
		}
		s.op("FMOVD.P 8(%s), F%d", reg(8+i), i)
		s.neon2(widening[from], i, i)
	}
	s.turn4([4]int{0, 1, 2, 3}, [4]int{16, 17, 18, 19})
	s.turn4([4]int{4, 5, 6, 7}, [4]int{20, 21, 22, 23})
	s.op("CBNZ R2, %s", table)
	for i := range 4 {
		s.op("FSTPQ (F%d, F%d), (R0); ADD R1, R0, R0", i, 4+i)
	}
	s.op("B %s", next)
	s.line("%s:", table)
	for i := range 4 {
		s.op("MOVW.P 4(R2), R6; ADD R6, R0, R6; FSTPQ (F%d, F%d), (R6)", i, 4+i)
	}
	s.line("%s:", next)
	s.op("SUBS $4, R5, R5; BGT %s; RET", loop)
}

// widening are the instructions that make float32 of the lower four numbers of a
// register; with a 2 behind, of the upper.
var widening = map[string]string{"F16": "FCVTL", "BF16": "SHLL"}

// neonLoad8 loads 8 numbers as float32 into registers r and r+1.
func (s *source) neonLoad8(from, at string, r int) {
	if from == "F32" {
		s.loadPair(at, r)
		return
	}
	s.op("FMOVQ %s, F%d", at, r)
	s.neon2(widening[from]+"2", r+1, r)
	s.neon2(widening[from], r, r)
}

// neonWiden copies rows of 8 numbers, widened.
func neonWiden(s *source, from string) {
	name := "widen256" + from
	s.text(name, fmt.Sprintf("func %s(dst unsafe.Pointer, step int, src unsafe.Pointer, ld, rows int)", name), 40)
	s.args("dst", "R0", "step", "R1", "src", "R2", "ld", "R3", "rows", "R4")
	loop := s.label("loop")
	s.line("%s:", loop)
	s.neonLoad8(from, "(R2)", 0)
	s.storePair(0, "(R0)")
	s.op("ADD R1, R0, R0; ADD R3, R2, R2; SUBS $1, R4, R4; BNE %s; RET", loop)
}
