package main

import "fmt"

// neonProducts writes the loops of asm.Product: panels of 16 columns, for a left factor
// read along its rows and along its columns.
func neonProducts(s *source) {
	neonProduct{s, true}.write("rows256x16")
	neonProduct{s, false}.write("columns256x16")
}

// neonProduct keeps 6 rows × 4 registers of sums, V24 to V27 a row of B, and the
// numbers of A above. R1, R2 and R3 are A, C and the rows that are left.
type neonProduct struct {
	*source
	alongRows bool
}

func (p neonProduct) write(name string) {
	p.text(name, fmt.Sprintf("func %s(p *panelArgs)", name), 8)
	p.op("MOVD p+0(FP), R0")
	p.fields(pA, "R1", pLdA, "R4", pLdB, "R5", pC, "R2", pLdC, "R6", pKeep, "R7", pM, "R3")
	var blocks [7]string
	for m := range blocks {
		blocks[m] = p.label("rows")
	}
	p.line("%s:", blocks[0])
	p.op("CMP $6, R3; BGE %s", blocks[6])
	for m := 5; m > 0; m-- {
		p.op("CMP $%d, R3; BEQ %s", m, blocks[m])
	}
	p.op("RET")
	for m := 6; m > 0; m-- {
		p.line("%s:", blocks[m])
		p.block(m)
		if m < 6 {
			p.op("RET")
			continue
		}
		if p.alongRows {
			p.op("ADD R4<<2, R1, R1; ADD R4<<1, R1, R1")
		} else {
			p.advance("R1", 24)
		}
		p.op("SUB $6, R3, R3; B %s", blocks[0])
	}
}

// block emits the sums of m rows.
func (p neonProduct) block(m int) {
	one, loop, end := p.label("one"), p.label("loop"), p.label("end")
	p.begin(m)
	p.op("MOVD R1, R8")
	if p.alongRows {
		for i := range m - 1 {
			p.op("ADD R4, %s, %s", reg(8+i), reg(9+i))
		}
	}
	p.fields(pB, "R15", pK, "R14")
	p.op("SUBS $4, R14, R14; BLT %s; PCALIGN $32", one)
	p.line("%s:", loop)
	for u := range 4 {
		p.step(m, u)
	}
	p.next(m, 4)
	p.op("SUBS $4, R14, R14; BGE %s", loop)
	p.line("%s:", one)
	p.op("ADDS $4, R14, R14; BEQ %s", end)
	again := p.label("again")
	p.line("%s:", again)
	p.step(m, 0)
	p.next(m, 1)
	p.op("SUBS $1, R14, R14; BNE %s", again)
	p.line("%s:", end)
	for i := range m {
		p.storePair(4*i, "(R2)")
		p.storePair(4*i+2, "32(R2)")
		p.op("ADD R6, R2, R2")
	}
}

// begin sets the sums to 0, or to what is kept of C.
func (p neonProduct) begin(m int) {
	zero, start := p.label("zero"), p.label("start")
	p.op("CBZ R7, %s; MOVD R2, R14", zero)
	p.loadPair("(R7)", 24)
	p.loadPair("32(R7)", 26)
	for i := range m {
		p.loadPair("(R14)", 4*i)
		p.loadPair("32(R14)", 4*i+2)
		for h := range 4 {
			p.neon3("FMUL", 4*i+h, 4*i+h, 24+h)
		}
		if i+1 < m {
			p.op("ADD R6, R14, R14")
		}
	}
	p.op("B %s", start)
	p.line("%s:", zero)
	for i := range 4 * m {
		p.neonZero(i)
	}
	p.line("%s:", start)
}

// step emits one k, u beyond where A stands.
func (p neonProduct) step(m, u int) {
	p.loadPair("(R15)", 24)
	p.loadPair("32(R15)", 26)
	p.op("ADD R5, R15, R15")
	if p.alongRows {
		p.stepRows(m, u)
		return
	}
	// The numbers of a column lie together: four in V28, two more in V29.
	switch m {
	case 1:
		p.op("FMOVS (R8), F28")
	case 2, 3:
		p.op("FMOVD (R8), F28")
	default:
		p.op("FMOVQ (R8), F28")
	}
	first := min(m, 4)
	switch m {
	case 3:
		first = 2
		p.op("FMOVS 8(R8), F29")
	case 5:
		p.op("FMOVS 16(R8), F29")
	case 6:
		p.op("FMOVD 16(R8), F29")
	}
	p.op("ADD R4, R8, R8")
	for i := range m {
		a, lane := 28, i
		if i >= first {
			a, lane = 29, i-first
		}
		for h := range 4 {
			p.neonLane("FMLA", 4*i+h, 24+h, a, lane)
		}
	}
}

func (p neonProduct) stepRows(m, u int) {
	load := func(i int) { p.op("FMOVS %d(%s), F%d", 4*u, reg(8+i), 28+i%4) }
	for i := range min(m, 4) {
		load(i)
	}
	for i := range m {
		for h := range 4 {
			p.neonLane("FMLA", 4*i+h, 24+h, 28+i%4, 0)
		}
		if i+4 < m {
			load(i + 4)
		}
	}
}

// next moves the addresses of rows n numbers on.
func (p neonProduct) next(m, n int) {
	if !p.alongRows {
		return
	}
	for i := range m {
		p.advance(reg(8+i), 4*n)
	}
}
