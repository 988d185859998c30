package main

import "fmt"

// Offsets of asm.columnArgs' fields.
const (
	cS = 8 * iota
	cRows
	cTop
	cSum
	cKeep
)

// softmaxes writes asm.ColumnSoftmax.
func softmaxes(s *source) {
	consts := &constants{name: "softmaxConst"}
	for _, z := range []bool{true, false} {
		v := vec{source: s, z: z, consts: consts}
		v.columnSoftmax(fmt.Sprintf("columnSoftmax%s", v.set()))
	}
	s.data(consts)
}

// columnSoftmax goes over the block twice, two vectors of columns side by side: for
// the largest of each column, then for the exponentials and their sum.
func (v vec) columnSoftmax(name string) {
	v.text(name, fmt.Sprintf("func %s(a *columnArgs)", name), 8)
	v.op("MOVQ a+0(FP), AX; MOVQ %d(AX), SI; MOVQ %d(AX), CX; MOVQ %d(AX), R8; MOVQ %d(AX), R9; MOVQ %d(AX), R10", cS, cRows, cTop, cSum, cKeep)
	at := func(reg string, h int) string { return fmt.Sprintf("%d(%s)", h*v.bytes(), reg) }
	const top, base, sum = 0, 2, 4 // registers, of two columns each; 6 … are free
	for h := range 2 {
		v.mov(top+h, at("R8", h))
		v.mov(base+h, top+h)
	}
	v.columnMax(base)
	for h := range 2 {
		v.mov(at("R8", h), base+h)
		v.max(base+h, base+h, v.c(-0x1.fffffep127))
		v.sub(top+h, top+h, base+h)
		v.exp2Down(top+h, 6, 7)
		v.mov(at("R10", h), top+h)
		v.mul(sum+h, top+h, at("R9", h))
	}
	held := v.hold(14)
	loop := v.label("exp")
	v.line("%s:", loop)
	for h := range 2 {
		x := 6 + 2*h // 6, 7 and 8, 9: the columns' registers do not depend on each other
		v.mov(top+h, at("SI", h))
		held.sub(top+h, top+h, base+h)
		held.exp2Down(top+h, x, x+1)
		v.mov(at("SI", h), top+h)
		v.add(sum+h, sum+h, top+h)
	}
	v.op("ADDQ $%d, SI; DECQ CX; JNZ %s", 2*v.bytes(), loop)
	for h := range 2 {
		v.mov(at("R9", h), sum+h)
	}
	v.op("VZEROUPPER; RET")
}

// columnMax takes the largest of each column into two registers, from four rows at a
// time: registers from 6 on.
func (v vec) columnMax(base int) {
	four, one, end := v.label("four"), v.label("one"), v.label("end")
	v.op("MOVQ SI, DI; MOVQ CX, BX")
	for i := 1; i < 4; i++ {
		v.mov(6+2*i, base)
		v.mov(7+2*i, base+1)
	}
	acc := func(row, h int) int {
		if row == 0 {
			return base + h
		}
		return 6 + 2*row + h
	}
	round := func(rows int) {
		for i := range rows {
			for h := range 2 {
				v.mov(6+h, fmt.Sprintf("%d(DI)", (2*i+h)*v.bytes()))
				v.max(acc(i, h), 6+h, acc(i, h))
			}
		}
		v.op("ADDQ $%d, DI; SUBQ $%d, BX", 2*rows*v.bytes(), rows)
	}
	v.line("%s:", four)
	v.op("CMPQ BX, $4; JLT %s", one)
	round(4)
	v.op("JMP %s", four)
	v.line("%s:", one)
	v.op("TESTQ BX, BX; JZ %s", end)
	round(1)
	v.op("JMP %s", one)
	v.line("%s:", end)
	for h := range 2 {
		v.max(acc(1, h), acc(1, h), acc(0, h))
		v.max(acc(2, h), acc(2, h), acc(3, h))
		v.max(base+h, acc(1, h), acc(2, h))
	}
}

// hold loads exp2Down's constants into registers, from r on, where there are enough.
func (v vec) hold(r int) vec {
	if !v.z {
		return v
	}
	held := map[string]int{}
	for i, c := range exp2DownCoef {
		held[v.c(c)] = r + i
		v.mov(r+i, v.c(c))
	}
	v.held = held
	return v
}

// exp2DownCoef is exp2Coef for 0 ≤ f < 1.
var exp2DownCoef = []float64{1, 0.6931470036506653, 0.24022983014583588, 0.055483341217041016, 0.009678840637207031, 0.0012439688434824347, 0.00021702256344724447}

// exp2Down sets x to 2ˣ for x ≤ 0 and −Inf; t and s are lost. AVX-512 takes off the
// whole part downwards, in one instruction, as the power takes it again.
func (v vec) exp2Down(x, t, s any) {
	if !v.z {
		v.exp2(x, t, s)
		return
	}
	v.op("VREDUCEPS $1, %s, %s", v.r(x), v.r(t))
	v.poly(s, t, exp2DownCoef...)
	v.three("VSCALEFPS", x, s, x)
}
