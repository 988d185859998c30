package main

import "fmt"

// Offsets of asm.Product's fields. The loops take strides in bytes and one panel of
// columns; they move A, C and M on from block to block of rows.
const (
	pA = 8 * iota
	pRowA
	pColA
	pB
	pLdB
	pC
	pLdC
	pKeep
	pM
	pK
)

// products writes the loops of asm.Product: panels of 32 and 16 columns for AVX-512,
// of 16 for AVX2.
func products(s *source) {
	product{vec{source: s, z: true}, 2, 8}.write("product512x32")
	product{vec{source: s, z: true}, 1, 8}.write("product512x16")
	product{vec{source: s}, 2, 6}.write("product256x16")
}

// product keeps rows × vectors sums in registers, the vectors of B and the numbers of
// A above them.
type product struct {
	vec
	vectors, rows int
}

// rowOf is where the numbers of row i of a block lie, by SI and multiples of RowA.
var rowOf = []string{"(SI)", "(SI)(R8*1)", "(SI)(R8*2)", "(SI)(R9*1)", "(SI)(R8*4)", "(SI)(R10*1)", "(SI)(R9*2)", "(SI)(R11*1)"}

func (p product) write(name string) {
	p.text(name, fmt.Sprintf("func %s(p *panelArgs)", name), 8)
	p.op("MOVQ p+0(FP), AX; MOVQ %d(AX), R8; LEAQ (R8)(R8*2), R9; LEAQ (R8)(R8*4), R10; LEAQ (R9)(R8*4), R11", pRowA)
	p.op("MOVQ %d(AX), DX; MOVQ %d(AX), R12; MOVQ %d(AX), DI; MOVQ %d(AX), R13; MOVQ %d(AX), R14; MOVQ %d(AX), R15", pColA, pLdB, pC, pLdC, pKeep, pM)
	blocks := make([]string, p.rows+1)
	for m := range blocks {
		blocks[m] = p.label("rows")
	}
	p.line("%s:", blocks[0])
	p.op("CMPQ R15, $%d; JGE %s", p.rows, blocks[p.rows])
	for m := p.rows - 1; m > 0; m-- {
		p.op("CMPQ R15, $%d; JEQ %s", m, blocks[m])
	}
	p.op("VZEROUPPER; RET")
	for m := p.rows; m > 0; m-- {
		p.line("%s:", blocks[m])
		p.block(m)
		if m == p.rows {
			p.op("MOVQ %d(AX), SI; LEAQ (SI)(R8*%d), SI; LEAQ (SI)(R8*%d), SI; MOVQ SI, %d(AX); SUBQ $%d, R15; JMP %s", pA, 4, m-4, pA, m, blocks[0])
		} else {
			p.op("VZEROUPPER; RET")
		}
	}
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
	p.op("MOVQ %d(AX), SI; MOVQ %d(AX), BX; MOVQ %d(AX), CX; TESTQ CX, CX; JZ %s; PCALIGN $32", pA, pB, pK, end)
	p.line("%s:", loop)
	for h := range p.vectors {
		p.mov(free+h, fmt.Sprintf("%d(BX)", h*p.bytes()))
	}
	p.op("ADDQ R12, BX")
	spare := min(p.registers()-free-p.vectors, 4)
	for i := range m {
		a := free + p.vectors + i%spare
		p.bcast(a, rowOf[i])
		for h := range p.vectors {
			p.fma(p.sum(i, h), a, free+h)
		}
	}
	p.op("ADDQ DX, SI; DECQ CX; JNZ %s", loop)
	p.line("%s:", end)
	for i := range m {
		for h := range p.vectors {
			p.mov(fmt.Sprintf("%d(DI)", h*p.bytes()), p.sum(i, h))
		}
		p.op("ADDQ R13, DI")
	}
}

func (v vec) registers() int {
	if v.z {
		return 32
	}
	return 16
}
