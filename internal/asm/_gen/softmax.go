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

// softmaxes writes the loops of asm.ColumnSoftmax.
func softmaxes(s *source) {
	consts := &constants{name: "softmaxConst"}
	columns{vec{source: s, z: true, consts: consts}, 3}.write("softmax512x48")
	columns{vec{source: s, z: true, consts: consts}, 2}.write("softmax512x32")
	columns{vec{source: s, consts: consts}, 2}.write("softmax256x16")
	for _, z := range []bool{true, false} {
		vec{source: s, z: z, consts: consts}.softmaxGrad()
	}
	s.data(consts)
}

// softmaxGrad writes the loop of asm.SoftmaxGrad: rows of n numbers, a multiple of 16,
// ld bytes apart.
func (v vec) softmaxGrad() {
	name := "softmaxGrad" + v.set()
	v.text(name, "func "+name+"(s, ds unsafe.Pointer, ld, rows, n int, lse, mean unsafe.Pointer)", 56)
	v.op("MOVQ s+0(FP), SI; MOVQ ds+8(FP), DI; MOVQ ld+16(FP), R8; MOVQ rows+24(FP), R9; MOVQ n+32(FP), R10; MOVQ lse+40(FP), R11; MOVQ mean+48(FP), R12; SHLQ $2, R10")
	held := v.hold(14)
	row, loop := v.label("row"), v.label("loop")
	v.line("%s:", row)
	v.bcast(0, "(R11)")
	v.bcast(1, "(R12)")
	v.op("XORQ DX, DX")
	v.line("%s:", loop)
	v.mov(2, "(SI)(DX*1)")
	v.sub(2, 2, 0)
	held.exp2Down(2, 3, 4)
	v.mov("(SI)(DX*1)", 2)
	v.mov(3, "(DI)(DX*1)")
	v.sub(3, 3, 1)
	v.mul(3, 3, 2)
	v.mov("(DI)(DX*1)", 3)
	v.op("ADDQ $%d, DX; CMPQ DX, R10; JLT %s", v.bytes(), loop)
	v.op("ADDQ R8, SI; ADDQ R8, DI; ADDQ $4, R11; ADDQ $4, R12; DECQ R9; JNZ %s; VZEROUPPER; RET", row)
}

// columns is the loop over some vectors of columns, side by side.
type columns struct {
	vec
	n int
}

// Its registers: the columns' old tops, or numbers on their way; their new tops; their
// sums. Those from free on are scratch.
func (c columns) x(h int) int    { return h }
func (c columns) base(h int) int { return c.n + h }
func (c columns) sum(h int) int  { return 2*c.n + h }
func (c columns) free() int      { return 3 * c.n }

// at is a place in a row of the columns.
func (c columns) at(reg string, row, h int) string {
	return fmt.Sprintf("%d(%s)", (row*c.n+h)*c.bytes(), reg)
}

// write emits the function. It goes over the block twice: for the largest of each
// column, then for the exponentials and their sum.
func (c columns) write(name string) {
	c.text(name, fmt.Sprintf("func %s(a *columnArgs)", name), 8)
	c.op("MOVQ a+0(FP), AX; MOVQ %d(AX), SI; MOVQ %d(AX), CX; MOVQ %d(AX), R8; MOVQ %d(AX), R9; MOVQ %d(AX), R10", cS, cRows, cTop, cSum, cKeep)
	for h := range c.n {
		c.mov(c.x(h), c.at("R8", 0, h))
		c.mov(c.base(h), c.x(h))
	}
	c.largest()
	for h := range c.n {
		c.mov(c.at("R8", 0, h), c.base(h))
		c.max(c.base(h), c.base(h), c.c(-0x1.fffffep127))
		c.vec.sub(c.x(h), c.x(h), c.base(h))
		c.exp2Down(c.x(h), c.free(), c.free()+1)
		c.mov(c.at("R10", 0, h), c.x(h))
		c.mul(c.sum(h), c.x(h), c.at("R9", 0, h))
	}
	c.exponentials()
	for h := range c.n {
		c.mov(c.at("R9", 0, h), c.sum(h))
	}
	c.op("VZEROUPPER; RET")
}

// exponentials emits the second pass. Columns take registers of their own, so that
// they do not wait for each other.
func (c columns) exponentials() {
	held, loop := c.hold(c.free()+2*c.n), c.label("exp")
	c.line("%s:", loop)
	for h := range c.n {
		t := c.free() + 2*h
		c.mov(c.x(h), c.at("SI", 0, h))
		c.vec.sub(c.x(h), c.x(h), c.base(h))
		held.exp2Down(c.x(h), t, t+1)
		c.mov(c.at("SI", 0, h), c.x(h))
		c.add(c.sum(h), c.sum(h), c.x(h))
	}
	c.op("ADDQ $%d, SI; DECQ CX; JNZ %s", c.n*c.bytes(), loop)
}

// largest emits the first pass. It takes four rows at a time, each into registers of
// its own.
func (c columns) largest() {
	acc := func(row, h int) int {
		if row == 0 {
			return c.base(h)
		}
		return c.free() + row*c.n + h
	}
	for row := 1; row < 4; row++ {
		for h := range c.n {
			c.mov(acc(row, h), c.base(h))
		}
	}
	round := func(rows int) {
		for i := range rows {
			for h := range c.n {
				c.mov(c.free()+h, c.at("DI", i, h))
				c.max(acc(i, h), c.free()+h, acc(i, h))
			}
		}
		c.op("ADDQ $%d, DI; SUBQ $%d, BX", rows*c.n*c.bytes(), rows)
	}
	four, one, end := c.label("four"), c.label("one"), c.label("end")
	c.op("MOVQ SI, DI; MOVQ CX, BX")
	c.line("%s:", four)
	c.op("CMPQ BX, $4; JLT %s", one)
	round(4)
	c.op("JMP %s", four)
	c.line("%s:", one)
	c.op("TESTQ BX, BX; JZ %s", end)
	round(1)
	c.op("JMP %s", one)
	c.line("%s:", end)
	for h := range c.n {
		c.max(acc(1, h), acc(1, h), acc(0, h))
		c.max(acc(2, h), acc(2, h), acc(3, h))
		c.max(c.base(h), acc(1, h), acc(2, h))
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

// exp2DownCoef is a polynomial for 2ᶠ, 0 ≤ f < 1, exact at 0, of relative error 1.4·2⁻²⁴;
// evaluated in float32 it is good to 1.2 units in the last place.
var exp2DownCoef = []float64{1, 0.6931512951850891, 0.24016444385051727, 0.05579991266131401, 0.009017028845846653, 0.0018671307479962707}

// exp2Down sets x to 2ˣ for x ≤ 127, −Inf included; t and s are lost. AVX-512 takes off the
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
