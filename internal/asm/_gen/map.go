package main

import (
	"fmt"
	"math"
	"strings"
)

// mapping is a loop that does the same to every number of its slices. body finds the
// inputs in registers 0, 1, … and the scalars in those that v.scalar names, and leaves
// the outputs in the registers out. Registers from 12 on are not body's.
type mapping struct {
	name    string
	in      int
	scalars int
	out     []int
	body    func(v vec)
	sum     func(v vec, acc int) // adds to an accumulator after body; a reduction
	double  bool                 // with float64 lanes
	start   float64              // of accumulators
}

// scalar is the register of scalar i.
func (v vec) scalar(i int) int {
	if v.z {
		return 31 - i
	}
	return 14 - i
}

func one(name string, body func(v vec)) mapping {
	return mapping{name: name, in: 1, out: []int{0}, body: body}
}

// mappings lists the loops. Their numbers in Go come from their order here.
var mappings = []mapping{
	one("SiLU", func(v vec) { v.silu(0, 1, 2, 3) }),
	one("GELU", func(v vec) { v.normal(0, 1, 2, 3, 4, 5); v.mul(0, 0, 1) }),
	one("GELUTanh", func(v vec) { v.tanhArg(1, 0, 2); v.sigmoid(1, 2, 3); v.mul(0, 0, 1) }),
	one("QuickGELU", func(v vec) { v.mul(1, 0, v.c(1.702)); v.sigmoid(1, 2, 3); v.mul(0, 0, 1) }),
	one("Sigmoid", func(v vec) { v.sigmoid(0, 2, 3) }),
	one("Tanh", func(v vec) { v.tanh(0, 1, 2, 3, 4) }),
	one("ReLU", func(v vec) { v.zero(1); v.max(0, 1, 0) }),
	slope("SiLU", func(v vec) { v.mov(2, 0); v.sigmoid(2, 3, 4); v.mov(3, 0); v.logisticSlope() }),
	slope("GELU", func(v vec) { v.normal(0, 2, 3, 4, 5, 6); v.mul(3, 3, v.c(1/math.Sqrt(2*math.Pi))); v.fma(2, 0, 3) }),
	slope("GELUTanh", func(v vec) {
		v.flat(0, 2)
		v.tanhArg(2, 0, 3)
		v.sigmoid(2, 3, 4)
		v.mul(4, 0, 0)
		v.mov(3, v.c(2*sqrt2OverPi))
		v.fma(3, 4, v.c(6*sqrt2OverPi*cubic))
		v.mul(3, 3, 0)
		v.logisticSlope()
	}),
	slope("QuickGELU", func(v vec) { v.flat(0, 2); v.mul(3, 0, v.c(1.702)); v.mov(2, 3); v.sigmoid(2, 4, 5); v.logisticSlope() }),
	slope("Sigmoid", func(v vec) { v.sigmoid(0, 2, 3); v.mov(2, v.c(1)); v.sub(2, 2, 0); v.mul(2, 2, 0) }),
	slope("Tanh", func(v vec) { v.tanh(0, 2, 3, 4, 5); v.mov(2, v.c(1)); v.fnma(2, 0, 0) }),
	slope("ReLU", func(v vec) { v.mov(2, v.c(1)); v.zero(3); v.notAbove(2, 3, 0, 3, 4) }),
	{name: "MulSiLU", in: 2, out: []int{0}, body: func(v vec) { v.silu(1, 2, 3, 4); v.mul(0, 0, 1) }},
	{name: "MulGELU", in: 2, out: []int{0}, body: func(v vec) { v.normal(1, 2, 3, 4, 5, 6); v.mul(1, 1, 2); v.mul(0, 0, 1) }},
	{name: "MulSlopeSiLU", in: 3, out: []int{4, 5}, body: func(v vec) { // v, g, dy
		v.mov(3, 1)
		v.sigmoid(3, 4, 5)
		v.mul(4, 1, 3) // silu(g)
		v.mov(5, v.c(1))
		v.sub(5, 5, 3)
		v.mul(5, 5, 4)
		v.add(5, 5, 3) // slope
		v.mul(4, 4, 2)
		v.mul(5, 5, 0)
		v.mul(5, 5, 2)
	}},
	{name: "MulSlopeGELU", in: 3, out: []int{4, 5}, body: func(v vec) {
		v.normal(1, 3, 7, 5, 6, 4)
		v.mul(4, 1, 3) // gelu(g)
		v.mul(7, 7, v.c(1/math.Sqrt(2*math.Pi)))
		v.fma(3, 1, 7) // slope
		v.mul(4, 4, 2)
		v.mul(5, 3, 0)
		v.mul(5, 5, 2)
	}},
	{name: "Add", in: 2, out: []int{0}, body: func(v vec) { v.add(0, 0, 1) }},
	{name: "Sub", in: 2, out: []int{0}, body: func(v vec) { v.sub(0, 0, 1) }},
	{name: "Mul", in: 2, out: []int{0}, body: func(v vec) { v.mul(0, 0, 1) }},
	{name: "Scale", in: 1, scalars: 1, out: []int{0}, body: func(v vec) { v.mul(0, 0, v.scalar(0)) }},
	{name: "Shift", in: 1, scalars: 1, out: []int{0}, body: func(v vec) { v.add(0, 0, v.scalar(0)) }},
	{name: "Axpy", in: 2, scalars: 1, out: []int{0}, body: func(v vec) { v.fma(0, 1, v.scalar(0)) }},
	{name: "Comb", in: 2, scalars: 2, out: []int{0}, body: func(v vec) { v.mul(0, 0, v.scalar(0)); v.fma(0, 1, v.scalar(1)) }},
	{name: "Affine", in: 3, out: []int{0}, body: func(v vec) { v.muladd(0, 1, 2) }},
	{name: "AffineSiLU", in: 3, out: []int{0}, body: func(v vec) { v.muladd(0, 1, 2); v.silu(0, 1, 2, 3) }},
	{name: "Affine2", in: 5, out: []int{0}, body: func(v vec) { v.muladd(0, 1, 4); v.fma(0, 2, 3) }},
	{name: "AffineSlopeSiLU", in: 4, out: []int{0}, body: func(v vec) { // x, scale, shift, dy
		v.muladd(0, 1, 2)
		v.mov(1, 3)
		v.mov(2, 0)
		v.sigmoid(2, 3, 4)
		v.mov(3, 0)
		v.logisticSlope()
		v.mul(0, 2, 1)
	}},
	{name: "Centre", in: 1, scalars: 2, out: []int{0}, body: func(v vec) { v.sub(0, 0, v.scalar(0)); v.mul(0, 0, v.scalar(1)) }},
	{name: "CentreAffine", in: 3, scalars: 2, out: []int{0}, body: func(v vec) {
		v.sub(0, 0, v.scalar(0))
		v.mul(0, 0, v.scalar(1))
		v.muladd(0, 1, 2)
	}},
	{name: "Diff", in: 2, scalars: 1, out: []int{0}, body: func(v vec) { v.sub(0, 0, 1); v.mul(0, 0, v.scalar(0)) }},
	{name: "Blend", in: 2, scalars: 3, out: []int{0}, body: func(v vec) {
		v.muladd(0, v.scalar(0), v.scalar(2))
		v.fma(0, 1, v.scalar(1))
	}},
	{name: "MulAddTo", in: 3, out: []int{0}, body: func(v vec) { v.fma(0, 1, 2) }},
	{name: "AddWithProduct", in: 4, out: []int{0, 1}, body: func(v vec) { v.add(0, 0, 2); v.fma(1, 2, 3) }},
	{name: "AddSquaredDiff", in: 3, out: []int{0}, body: func(v vec) { v.sub(1, 1, 2); v.fma(0, 1, 1) }},
	{name: "MulShifted", in: 2, scalars: 1, out: []int{0}, body: func(v vec) { v.sub(1, 1, v.scalar(0)); v.mul(0, 0, 1) }},
	{name: "Rope", in: 2, out: []int{0}, body: func(v vec) { v.rope("VFMADDSUB213PS") }},
	{name: "RopeBack", in: 2, out: []int{0}, body: func(v vec) { v.rope("VFMSUBADD213PS") }},
	{name: "AdamW", in: 4, scalars: 8, out: []int{0, 1, 2}, body: func(v vec) { // p, m, v, g
		v.mul(3, 3, v.scalar(4))
		v.sub(4, 3, 1)
		v.fma(1, 4, v.scalar(0))
		v.mul(3, 3, 3)
		v.mul(2, 2, v.scalar(1))
		v.fma(2, 3, v.scalar(2))
		v.sqrt(4, 2)
		v.mul(4, 4, v.scalar(7))
		v.add(4, 4, v.scalar(3))
		v.mul(5, 1, v.scalar(6))
		v.div(5, 5, 4)
		v.mul(0, 0, v.scalar(5))
		v.sub(0, 0, 5)
	}},
	{name: "Sum", in: 1, sum: func(v vec, acc int) { v.add(acc, acc, 0) }},
	{name: "Dot", in: 2, sum: func(v vec, acc int) { v.fma(acc, 0, 1) }},
	{name: "SumSquaredFrom", in: 1, scalars: 1, body: func(v vec) { v.sub(0, 0, v.scalar(0)); v.keepTail(0) }, sum: func(v vec, acc int) { v.fma(acc, 0, 0) }},
	{name: "SumSquaredDiff", in: 2, body: func(v vec) { v.sub(0, 0, 1) }, sum: func(v vec, acc int) { v.fma(acc, 0, 0) }},
	{name: "SumSquares64", in: 1, double: true, sum: func(v vec, acc int) { v.fma(acc, 0, 0) }},
	{name: "Max", in: 1, start: math.Inf(-1), body: func(v vec) { v.fillTail(0) }, sum: func(v vec, acc int) { v.max(acc, 0, acc) }},
	{name: "ExpSum", in: 1, scalars: 1, out: []int{0}, body: func(v vec) { v.sub(0, 0, v.scalar(0)); v.exp(0, 1, 2); v.keepTail(0) }, sum: func(v vec, acc int) { v.add(acc, acc, 0) }},
}

// rope turns pairs of numbers in 0 by the cosines and sines that alternate in 1; fma
// says on which side the sine is subtracted.
func (v vec) rope(fma string) {
	if v.neon != nil {
		v.neonRope(fma == "VFMSUBADD213PS")
		return
	}
	v.op("VMOVSLDUP %s, %s; VMOVSHDUP %s, %s; VPERMILPS $0xb1, %s, %s", v.r(1), v.r(2), v.r(1), v.r(3), v.r(0), v.r(4))
	v.mul(4, 4, 3)
	v.three(fma, 0, 2, 4)
}

// slope is a loop dx = dy·fn′(x): body finds x in 0 and leaves fn′(x) in 2; dy is
// in 1.
func slope(fn string, body func(v vec)) mapping {
	return mapping{name: "Slope" + fn, in: 2, out: []int{0}, body: func(v vec) { body(v); v.mul(0, 2, 1) }}
}

const (
	sqrt2OverPi = 0.797884560802865355879892119869
	cubic       = 0.044715
)

// sigmoid sets x to 1/(1+e⁻ˣ).
func (v vec) sigmoid(x, t, s any) {
	v.xor(x, x, v.bits(1<<31))
	v.exp(x, t, s)
	v.add(x, x, v.c(1))
	v.mov(t, v.c(1))
	v.div(x, t, x)
}

// silu sets x to x/(1+e⁻ˣ).
func (v vec) silu(x, t, s, r any) {
	v.xor(r, x, v.bits(1<<31))
	v.exp(r, t, s)
	v.add(r, r, v.c(1))
	v.div(x, x, r)
}

// flat brings x to where slopes no longer change, so that no product is 0·∞.
func (v vec) flat(x, t any) {
	v.mov(t, v.c(-100))
	v.max(x, t, x)
	v.mov(t, v.c(100))
	v.min(x, t, x)
}

// logisticSlope sets 2 to s + a·s·(1−s) for s in 2 and a in 3.
func (v vec) logisticSlope() {
	v.mov(4, v.c(1))
	v.sub(4, 4, 2)
	v.mul(4, 4, 2)
	v.fma(2, 3, 4)
}

// tanhArg sets d to 2√(2/π)·(x + 0.044715·x³).
func (v vec) tanhArg(d, x, t any) {
	v.mul(t, x, x)
	v.mov(d, v.c(2*sqrt2OverPi))
	v.fma(d, t, v.c(2*sqrt2OverPi*cubic))
	v.mul(d, d, x)
}

// tailCoef is the polynomial P for which Φ(−a) = e^(−a²/2)·t·P(t), t = 1/(1+0.3·a),
// a ≥ 0, has a relative error of 2⁻²⁸ up to a = 14, where it underflows.
var tailCoef = []float64{
	0.11968663334846497, 0.11957284063100815, 0.1102273166179657, 0.07842561602592468, 0.09605769068002701,
	-0.07924702763557434, 0.19158126413822174, -0.22806714475154877, 0.11237560212612152, -0.020612793043255806,
}

// normal sets cdf to Φ(x) and bell to e^(−x²/2); the tail keeps its digits. a, t and s
// are lost.
func (v vec) normal(x, cdf, bell, a, t, s any) {
	v.mul(bell, x, x)
	v.mul(bell, bell, v.c(-0.5))
	v.exp(bell, t, s)
	v.and(a, x, v.bits(1<<31-1))
	v.mov(t, v.c(1))
	v.fma(t, a, v.c(0.3))
	v.mov(a, v.c(1))
	v.div(a, a, t)
	v.poly(t, a, tailCoef...)
	v.mul(t, t, a)
	v.mul(t, t, bell) // Φ(−|x|)
	v.mov(cdf, v.c(1))
	v.sub(cdf, cdf, t)
	v.where(cdf, t, x)
}

// tanh sets x to tanh x: an odd polynomial (Moshier's Cephes, tanhf) where |x| is small,
// 1−2/(e^(2|x|)+1) with x's sign elsewhere.
func (v vec) tanh(x, a, t, s, p any) {
	v.and(a, x, v.bits(1<<31-1))
	v.add(p, a, a)
	v.exp(p, t, s)
	v.add(p, p, v.c(1))
	v.mov(t, v.c(2))
	v.div(p, t, p)
	v.mov(t, v.c(1))
	v.sub(p, t, p)
	v.and(s, x, v.bits(1<<31))
	v.or(p, p, s) // the large ones
	v.mul(t, x, x)
	v.poly(s, t, -3.33332819422e-1, 1.33314422036e-1, -5.37397155531e-2, 2.06390887954e-2, -5.70498872745e-3)
	v.mul(s, s, t)
	v.muladd(s, x, x) // the small ones
	v.mov(x, p)
	v.below(x, s, a, v.c(0.625), t)
}

// keepTail and fillTail make lanes beyond the slice 0 or −Inf in a loop's last round.
func (v vec) keepTail(x any) {
	switch {
	case !v.tail:
	case v.neon != nil:
		v.and(x, x, "(R21)")
	case v.z:
		v.op("VMOVAPS.Z %s, K1, %s", v.r(x), v.r(x))
	default:
		v.and(x, x, 15)
	}
}

func (v vec) fillTail(x any) {
	switch {
	case !v.tail:
	case v.neon != nil:
		v.neonFillTail(x.(int))
	case v.z:
		v.op("KNOTW K1, K3; VMOVUPS %s, K3, %s", v.c(math.Inf(-1)), v.r(x))
	default:
		v.mov(7, v.c(math.Inf(-1)))
		v.op("VBLENDVPS Y15, %s, Y7, %s", v.r(x), v.r(x))
	}
}

// Offsets of asm.mapArgs' fields, and the registers of its pointers.
const (
	mapN = 0
	mapP = 8
	mapS = 64
	mapL = 96
)

var mapReg = []string{"DI", "SI", "R8", "R9", "R10", "R11", "R12"}

// maps writes all loops for both instruction sets and the tables that number them.
func maps(s *source) {
	consts := &constants{name: "mapConst"}
	for _, z := range []bool{true, false} {
		v := vec{source: s, z: z, consts: consts}
		for _, m := range mappings {
			m.write(v)
		}
		table := "mapTable" + v.set()
		s.line("")
		for i, m := range mappings {
			s.line("DATA %s<>+%d(SB)/8, $map%s%s<>(SB)", table, 8*i, m.name, v.set())
		}
		s.line("GLOBL %s<>(SB), (RODATA|NOPTR), $%d", table, 8*len(mappings))
		name := "map" + v.set()
		s.text(name, fmt.Sprintf("func %s(op mapOp, a *mapArgs)", name), 16)
		s.op("MOVQ op+0(FP), BX; LEAQ %s<>(SB), DX; MOVQ (DX)(BX*8), DX; JMP DX", table)
	}
	s.data(consts)
	s.lanes("mapLanes")
}

// accumulators is how many sums a reduction has side by side.
const accumulators = 4

// acc is the register of one.
func (v vec) acc(i int) int {
	if v.z {
		return 20 + i
	}
	return 8 + i
}

func (m mapping) write(v vec) {
	v.line("")
	v.line("TEXT map%s%s<>(SB), NOSPLIT, $0-16", m.name, v.set())
	v.op("MOVQ a+8(FP), AX; MOVQ %d(AX), CX; XORQ DX, DX", mapN)
	for i := range m.in + len(m.out) {
		v.op("MOVQ %d(AX), %s", mapP+8*i, mapReg[i])
	}
	for i := range m.scalars {
		v.bcast(v.scalar(i), fmt.Sprintf("%d(AX)", mapS+4*i))
	}
	for i := range accumulators {
		if m.sum != nil {
			v.begin(m, i)
		}
	}
	rounds := 1
	if m.sum != nil {
		rounds = accumulators
	}
	loop, single, tail, done := v.label("loop"), v.label("single"), v.label("tail"), v.label("done")
	if rounds > 1 {
		v.line("%s:", loop)
		v.op("CMPQ CX, $%d; JLT %s", rounds*v.width(), single)
		for i := range rounds {
			m.round(v, i, i*v.bytes())
		}
		v.op("ADDQ $%d, DX; SUBQ $%d, CX; JMP %s", rounds*v.bytes(), rounds*v.width(), loop)
	}
	v.line("%s:", single)
	v.op("CMPQ CX, $%d; JLT %s", v.width(), tail)
	m.round(v, 0, 0)
	v.op("ADDQ $%d, DX; SUBQ $%d, CX; JMP %s", v.bytes(), v.width(), single)
	v.line("%s:", tail)
	v.op("TESTQ CX, CX; JZ %s", done)
	v.tailMask()
	v.tail = true
	m.round(v, 0, 0)
	v.line("%s:", done)
	if m.sum != nil {
		m.finish(v)
	}
	v.op("VZEROUPPER; RET")
}

// begin sets an accumulator to its start.
func (v vec) begin(m mapping, i int) {
	if m.start != 0 {
		v.mov(v.acc(i), v.c(m.start))
		return
	}
	v.zero(v.acc(i))
}

// tailMask selects the CX lanes that are left.
func (v vec) tailMask() {
	if v.z {
		v.op("MOVQ $1, BX; SHLQ CX, BX; DECQ BX; KMOVW BX, K1")
		return
	}
	v.op("LEAQ mapLanes<>+32(SB), BX; SHLQ $2, CX; SUBQ CX, BX; VMOVUPS (BX), Y15")
}

// round emits one vector's work, disp bytes from DX on.
func (m mapping) round(v vec, acc, disp int) {
	at := func(i int) string { return fmt.Sprintf("%d(%s)(DX*1)", disp, mapReg[i]) }
	for i := range m.in {
		v.load(i, at(len(m.out)+i))
	}
	if m.body != nil {
		m.body(v)
	}
	for i, r := range m.out {
		v.store(at(i), r)
	}
	switch {
	case m.double:
		v.squares64(acc)
	case m.sum != nil:
		m.sum(v, v.acc(acc))
	}
}

// load and store move a vector, or in the last round what is left of one.
func (v vec) load(d any, at string) {
	switch {
	case !v.tail:
		v.mov(d, at)
	case v.z:
		v.op("VMOVUPS.Z %s, K1, %s", at, v.r(d))
	default:
		v.op("VMASKMOVPS %s, Y15, %s", at, v.r(d))
	}
}

func (v vec) store(at string, a any) {
	switch {
	case !v.tail:
		v.mov(at, a)
	case v.z:
		v.op("VMOVUPS %s, K1, %s", v.r(a), at)
	default:
		v.op("VMASKMOVPS %s, Y15, %s", v.r(a), at)
	}
}

// squares64 adds the squares of register 0, as float64, to an accumulator, one half
// after the other.
func (v vec) squares64(acc int) {
	low, half := v.pick("Y0", "X0"), v.pick("Y1", "X1")
	v.op("%s $1, %s, %s", v.pick("VEXTRACTF32X8", "VEXTRACTF128"), v.r(0), half)
	for _, h := range []string{low, half} {
		v.op("VCVTPS2PD %s, %s", h, v.r(2))
		v.op("VFMADD231PD %s, %s, %s", v.r(2), v.r(2), v.r(v.acc(acc)))
	}
}

// finish adds the accumulators up, or takes the largest, and leaves the lanes to Go.
func (m mapping) finish(v vec) {
	name := "VADDPS"
	switch {
	case m.double:
		name = "VADDPD"
	case m.start != 0:
		name = "VMAXPS"
	}
	v.three(name, v.acc(0), v.acc(0), v.acc(1))
	v.three(name, v.acc(2), v.acc(2), v.acc(3))
	v.three(name, v.acc(0), v.acc(0), v.acc(2))
	v.mov(fmt.Sprintf("%d(AX)", mapL), v.acc(0))
}

// mapNames writes the Go constants that number the loops.
func mapNames() string {
	var b strings.Builder
	b.WriteString("// Code generated by internal/asm/_gen; DO NOT EDIT.\n\npackage asm\n\n")
	b.WriteString("// mapOp numbers the loops of map_*.s.\ntype mapOp int\n\nconst (\n")
	for i, m := range mappings {
		fmt.Fprintf(&b, "\tmap%s", m.name)
		if i == 0 {
			b.WriteString(" mapOp = iota")
		}
		b.WriteString("\n")
	}
	b.WriteString(")\n")
	return b.String()
}
