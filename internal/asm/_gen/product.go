package main

import "fmt"

// Offsets of asm.panelArgs' fields. The loops move A, C and M on from block to block of
// rows.
const (
	pA = 8 * iota
	pLdA
	pB
	pLdB
	pC
	pLdC
	pKeep
	pM
	pK
)

// products writes the loops of asm.Product: panels of 32 and 16 columns for AVX-512,
// of 16 for AVX2; each for a left factor read along its rows and along its columns.
func products(s *source) {
	for _, rows := range []bool{true, false} {
		name := map[bool]string{true: "rows", false: "columns"}[rows]
		product{vec{source: s, z: true}, 3, 8, rows}.write(name + "512x48")
		product{vec{source: s, z: true}, 2, 8, rows}.write(name + "512x32")
		product{vec{source: s, z: true}, 1, 8, rows}.write(name + "512x16")
		product{vec{source: s}, 2, 6, rows}.write(name + "256x16")
	}
}

// product keeps rows × vectors sums in registers, the vectors of B and the numbers of
// A above them. What is not one number away in A, the next row or the next k, is a
// multiple of LdA away: R8 to R11 hold 1, 3, 5 and 7 of them.
type product struct {
	vec
	vectors, rows int
	alongRows     bool
}

// leap are the addresses of SI and 0 … 7 times LdA.
var leap = []string{"(SI)", "(SI)(R8*1)", "(SI)(R8*2)", "(SI)(R9*1)", "(SI)(R8*4)", "(SI)(R10*1)", "(SI)(R9*2)", "(SI)(R11*1)"}

// number is where number k of row i lies.
func (p product) number(i, k int) string {
	if p.alongRows {
		return fmt.Sprintf("%d%s", 4*k, leap[i])
	}
	return fmt.Sprintf("%d%s", 4*i, leap[k])
}

func (p product) write(name string) {
	p.text(name, fmt.Sprintf("func %s(p *panelArgs)", name), 8)
	p.op("MOVQ p+0(FP), AX; MOVQ %d(AX), R8; LEAQ (R8)(R8*2), R9; LEAQ (R8)(R8*4), R10; LEAQ (R9)(R8*4), R11", pLdA)
	p.op("MOVQ %d(AX), R12; MOVQ %d(AX), DI; MOVQ %d(AX), R13; MOVQ %d(AX), R14; LEAQ (R12)(R12*2), R15", pLdB, pC, pLdC, pKeep)
	blocks := make([]string, p.rows+1)
	for m := range blocks {
		blocks[m] = p.label("rows")
	}
	p.line("%s:", blocks[0])
	p.op("MOVQ %d(AX), CX; CMPQ CX, $%d; JGE %s", pM, p.rows, blocks[p.rows])
	for m := p.rows - 1; m > 0; m-- {
		p.op("CMPQ CX, $%d; JEQ %s", m, blocks[m])
	}
	p.op("VZEROUPPER; RET")
	for m := p.rows; m > 0; m-- {
		p.line("%s:", blocks[m])
		p.block(m)
		if m == p.rows {
			p.op("MOVQ %d(AX), SI", pA)
			p.next(m)
			p.op("MOVQ SI, %d(AX); SUBQ $%d, %d(AX); JMP %s", pA, m, pM, blocks[0])
		} else {
			p.op("VZEROUPPER; RET")
		}
	}
}

// next moves SI m rows on.
func (p product) next(m int) {
	if !p.alongRows {
		p.op("ADDQ $%d, SI", 4*m)
		return
	}
	p.op("LEAQ (SI)(R8*4), SI; LEAQ (SI)(R8*%d), SI", m-4)
}

func (p product) sum(row, h int) int { return row*p.vectors + h }

// block emits the sums of m rows.
func (p product) block(m int) {
	zero, start, loop, end := p.label("zero"), p.label("start"), p.label("loop"), p.label("end")
	free := p.rows * p.vectors // registers above the sums
	p.op("TESTQ R14, R14; JZ %s; MOVQ DI, BX", zero)
	for h := range p.vectors {
		p.mov(free+h, fmt.Sprintf("%d(R14)", h*p.bytes()))
	}
	for i := range m {
		for h := range p.vectors {
			p.mul(p.sum(i, h), free+h, fmt.Sprintf("%d(BX)", h*p.bytes()))
		}
		if i+1 < m {
			p.op("ADDQ R13, BX")
		}
	}
	p.op("JMP %s", start)
	p.line("%s:", zero)
	for i := range m * p.vectors {
		p.zero(i)
	}
	p.line("%s:", start)
	one := p.label("one")
	p.op("MOVQ %d(AX), SI; MOVQ %d(AX), BX; MOVQ %d(AX), CX; SUBQ $4, CX; JLT %s; PCALIGN $32", pA, pB, pK, one)
	p.line("%s:", loop)
	for u := range 4 {
		p.step(m, u)
	}
	p.nextK(4)
	p.op("LEAQ (BX)(R12*4), BX; SUBQ $4, CX; JGE %s", loop)
	p.line("%s:", one)
	p.op("ADDQ $4, CX; JZ %s", end)
	again := p.label("again")
	p.line("%s:", again)
	p.step(m, 0)
	p.nextK(1)
	p.op("ADDQ R12, BX; DECQ CX; JNZ %s", again)
	p.line("%s:", end)
	for i := range m {
		for h := range p.vectors {
			p.mov(fmt.Sprintf("%d(DI)", h*p.bytes()), p.sum(i, h))
		}
		p.op("ADDQ R13, DI")
	}
}

// step emits one k, u beyond SI and BX.
func (p product) step(m, u int) {
	free := p.rows * p.vectors
	spare := min(p.registers()-free-p.vectors, 4)
	for h := range p.vectors {
		p.mov(free+h, fmt.Sprintf("%d(BX)%s", h*p.bytes(), []string{"", "(R12*1)", "(R12*2)", "(R15*1)"}[u]))
	}
	for i := range m {
		a := free + p.vectors + i%spare
		p.bcast(a, p.number(i, u))
		for h := range p.vectors {
			p.fma(p.sum(i, h), a, free+h)
		}
	}
}

// nextK moves SI n numbers on.
func (p product) nextK(n int) {
	if p.alongRows {
		p.op("ADDQ $%d, SI", 4*n)
		return
	}
	p.op("LEAQ (SI)(R8*%d), SI", n)
}

func (v vec) registers() int {
	if v.z {
		return 32
	}
	return 16
}
