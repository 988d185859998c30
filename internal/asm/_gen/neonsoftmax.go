package main

// neonSoftmaxes writes the loops of asm.ColumnSoftmax, for 16 columns, and of
// asm.SoftmaxGrad.
func neonSoftmaxes(s *source) {
	v := vec{source: s, consts: &constants{name: "softmaxConst"}, neon: &pair{tmp: 30}}
	columns{v, 2}.writeNEON("softmax256x16")
	v.softmaxGradNEON()
	s.neonData(v.consts)
}

// writeNEON is write.
func (c columns) writeNEON(name string) {
	c.text(name, "func "+name+"(a *columnArgs)", 8)
	c.op("MOVD a+0(FP), R0; MOVD $softmaxConst<>(SB), %s", tableReg)
	c.fields(cS, "R1", cRows, "R2", cTop, "R3", cSum, "R4", cKeep, "R5")
	for h := range c.n {
		c.mov(c.x(h), c.at("R3", 0, h))
		c.mov(c.base(h), c.x(h))
	}
	c.largestNEON()
	for h := range c.n {
		c.mov(c.at("R3", 0, h), c.base(h))
		c.max(c.base(h), c.base(h), c.c(-0x1.fffffep127))
		c.vec.sub(c.x(h), c.x(h), c.base(h))
		c.exp2(c.x(h), c.free(), c.free()+1)
		c.mov(c.at("R5", 0, h), c.x(h))
		c.mov(c.free(), c.at("R4", 0, h))
		c.mul(c.sum(h), c.x(h), c.free())
	}
	c.exponentialsNEON()
	for h := range c.n {
		c.mov(c.at("R4", 0, h), c.sum(h))
	}
	c.op("RET")
}

// largestNEON emits the first pass, rows turn by turn into two sets of registers.
func (c columns) largestNEON() {
	other := c.free() + c.n
	for h := range c.n {
		c.mov(other+h, c.base(h))
	}
	round := func(rows int) {
		for i := range rows {
			for h := range c.n {
				acc := c.base(h)
				if i%2 == 1 {
					acc = other + h
				}
				c.mov(c.free()+h, c.at("R6", i, h))
				c.max(acc, c.free()+h, acc)
			}
		}
		c.advance("R6", rows*c.n*c.bytes())
	}
	four, one, again, end := c.label("four"), c.label("one"), c.label("again"), c.label("end")
	c.op("MOVD R1, R6; SUBS $4, R2, R7; BLT %s", one)
	c.line("%s:", four)
	round(4)
	c.op("SUBS $4, R7, R7; BGE %s", four)
	c.line("%s:", one)
	c.op("ADDS $4, R7, R7; BEQ %s", end)
	c.line("%s:", again)
	round(1)
	c.op("SUBS $1, R7, R7; BNE %s", again)
	c.line("%s:", end)
	for h := range c.n {
		c.max(c.base(h), c.base(h), other+h)
	}
}

// exponentialsNEON emits the second pass.
func (c columns) exponentialsNEON() {
	loop := c.label("exp")
	round := func(v vec) {
		for h := range c.n {
			t := c.free() + 2*h
			v.mov(c.x(h), c.at("R1", 0, h))
			v.sub(c.x(h), c.x(h), c.base(h))
			v.exp2(c.x(h), t, t+1)
			v.mov(c.at("R1", 0, h), c.x(h))
			v.add(c.sum(h), c.sum(h), c.x(h))
		}
	}
	v := c.holding([]int{20, 21, 22, 23, 24, 25, 26, 27, 28, 29}, round)
	c.line("%s:", loop)
	round(v)
	c.advance("R1", c.n*c.bytes())
	c.op("SUBS $1, R2, R2; BNE %s", loop)
}

// softmaxGradNEON is softmaxGrad.
func (v vec) softmaxGradNEON() {
	v.text("softmaxGrad256", "func softmaxGrad256(s, ds unsafe.Pointer, ld, rows, n int, lse, mean unsafe.Pointer)", 56)
	v.args("s", "R1", "ds", "R2", "ld", "R3", "rows", "R4", "n", "R5", "lse", "R6", "mean", "R7")
	v.op("MOVD $softmaxConst<>(SB), %s", tableReg)
	round := func(v vec) {
		v.mov(2, "(R8)")
		v.sub(2, 2, 0)
		v.exp2(2, 3, 4)
		v.mov("(R8)", 2)
		v.mov(3, "(R9)")
		v.sub(3, 3, 1)
		v.mul(3, 3, 2)
		v.mov("(R9)", 3)
	}
	v = v.holding([]int{10, 11, 12, 13, 14, 15, 16, 17, 18, 19}, round)
	row, loop := v.label("row"), v.label("loop")
	v.line("%s:", row)
	v.bcast(0, "(R6)")
	v.bcast(1, "(R7)")
	v.op("MOVD R1, R8; MOVD R2, R9; MOVD R5, R10")
	v.line("%s:", loop)
	round(v)
	v.advance("R8", 32)
	v.advance("R9", 32)
	v.op("SUBS $8, R10, R10; BGT %s", loop)
	v.op("ADD R3, R1, R1; ADD R3, R2, R2; ADD $4, R6, R6; ADD $4, R7, R7; SUBS $1, R4, R4; BNE %s; RET", row)
}
