package main

import "fmt"

// neonTiles writes the matrix product's inner loops for 1 … 6 rows of 16 columns.
func neonTiles(s *source) {
	for m := 1; m <= 6; m++ {
		neonTile{s, m}.write(fmt.Sprintf("tile256x%d", m))
	}
}

// neonTile keeps rows × 4 registers of sums. Above them are four for a row of B and the
// rest for numbers of the rows. N is a multiple of 16.
type neonTile struct {
	*source
	rows int
}

// row is the register with the address of a row.
func (t neonTile) row(i int) string { return reg(8 + i) }

func (t neonTile) write(name string) {
	t.text(name, fmt.Sprintf("func %s(t *Tile)", name), 8)
	panel, seg, loop, tail, one, end := t.label("panel"), t.label("seg"), t.label("loop"), t.label("tail"), t.label("one"), t.label("end")
	t.op("MOVD t+0(FP), R0; MOVD ZR, R3")
	t.fields(tB, "R1", tN, "R2")
	t.line("%s:", panel)
	t.fields(tRows, "R5", tSegs, "R6")
	for i := range 4 * t.rows {
		t.neonZero(i)
	}
	t.line("%s:", seg)
	t.fields(tOff, "R14", tK, "R7")
	for i := range t.rows {
		t.op("MOVD %d(R5), %s; ADD R14, %s, %s", 8*i, t.row(i), t.row(i), t.row(i))
	}
	t.op("ADD $64, R5, R5; SUBS $4, R7, R7; BLT %s; PCALIGN $32", tail)
	t.line("%s:", loop)
	for u := range 4 {
		t.step(u)
	}
	t.next(4)
	t.op("SUBS $4, R7, R7; BGE %s", loop)
	t.line("%s:", tail)
	t.op("ADDS $4, R7, R7; BEQ %s", end)
	t.line("%s:", one)
	t.step(0)
	t.next(1)
	t.op("SUBS $1, R7, R7; BNE %s", one)
	t.line("%s:", end)
	t.op("SUBS $1, R6, R6; BNE %s", seg)
	t.finish()
	t.op("ADD $64, R3, R3; SUBS $16, R2, R2; BGT %s; RET", panel)
}

// step emits one k, u beyond where the addresses stand.
func (t neonTile) step(u int) {
	b := 4 * t.rows
	free := min(28-b, 6)
	number := func(i int) int { return b + 4 + i%free }
	load := func(i int) { t.op("FMOVS %d(%s), F%d", 4*u, t.row(i), number(i)) }
	t.loadPair(fmt.Sprintf("%d(R1)", 64*u), b)
	t.loadPair(fmt.Sprintf("%d(R1)", 64*u+32), b+2)
	for i := range min(free, t.rows) {
		load(i)
	}
	for i := range t.rows {
		for h := range 4 {
			t.neonLane("FMLA", 4*i+h, b+h, number(i), 0)
		}
		if i+free < t.rows {
			load(i + free)
		}
	}
}

// next moves n numbers on.
func (t neonTile) next(n int) {
	for i := range t.rows {
		t.advance(t.row(i), 4*n)
	}
	t.advance("R1", 64*n)
}

// finish emits what follows the sums: Add, Bias, Item, Res, and the store.
func (t neonTile) finish() {
	t.addMatrix(tAdd, tLdAdd)
	t.addVector(tBias)
	t.addVector(tItem)
	t.addMatrix(tRes, tLdRes)
	t.fields(tC, "R14", tLdC, "R15")
	t.op("ADD R3, R14, R14")
	for i := range t.rows {
		t.storePair(4*i, "(R14)")
		t.storePair(4*i+2, "32(R14)")
		if i+1 < t.rows {
			t.op("ADD R15, R14, R14")
		}
	}
}

// addMatrix adds the rows of a matrix, if there is one.
func (t neonTile) addMatrix(ptr, ld int) {
	skip := t.label("skip")
	t.fields(ptr, "R14", ld, "R15")
	t.op("CBZ R14, %s; ADD R3, R14, R14", skip)
	for i := range t.rows {
		t.loadPair("(R14)", 24)
		t.loadPair("32(R14)", 26)
		for h := range 4 {
			t.neon3("FADD", 4*i+h, 4*i+h, 24+h)
		}
		if i+1 < t.rows {
			t.op("ADD R15, R14, R14")
		}
	}
	t.line("%s:", skip)
}

// addVector adds a vector to each row.
func (t neonTile) addVector(ptr int) {
	skip := t.label("skip")
	t.fields(ptr, "R14")
	t.op("CBZ R14, %s; ADD R3, R14, R14", skip)
	t.loadPair("(R14)", 24)
	t.loadPair("32(R14)", 26)
	for i := range t.rows {
		for h := range 4 {
			t.neon3("FADD", 4*i+h, 4*i+h, 24+h)
		}
	}
	t.line("%s:", skip)
}

// neonPeak writes a loop that does nothing but multiply and add.
func neonPeak(s *source) {
	s.text("peak256", "func peak256(n int)", 8)
	s.args("n", "R0")
	for i := range 26 {
		s.neonZero(i)
	}
	s.op("PCALIGN $32")
	s.line("loop256:")
	for i := range 24 {
		s.neon3("FMLA", i, 24, 25)
	}
	s.op("SUBS $1, R0, R0; BNE loop256; RET")
}
