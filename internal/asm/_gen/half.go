package main

// halves writes the loops that widen half floats and round to them, whole vectors at
// a time.
func halves(s *source) {
	consts := &constants{name: "halfConst"}
	for _, z := range []bool{true, false} {
		v := vec{source: s, z: z, consts: consts}
		v.convert("widenF16", func() { v.op("VCVTPH2PS (SI), %s", v.r(0)); v.mov("(DI)", 0) }, 2, 4)
		v.convert("widenBF16", func() {
			v.op("VPMOVZXWD (SI), %s; VPSLLD $16, %s, %s", v.r(0), v.r(0), v.r(0))
			v.mov("(DI)", 0)
		}, 2, 4)
		v.convert("narrowF16", func() { v.mov(0, "(SI)"); v.op("VCVTPS2PH $0, %s, (DI)", v.r(0)) }, 4, 2)
		v.convert("narrowBF16", v.narrowBF16, 4, 2)
	}
	s.data(consts)
}

// convert writes a loop over n vectors; from and to are bytes of a number.
func (v vec) convert(name string, body func(), from, to int) {
	name += v.set()
	v.text(name, "func "+name+"(dst, src unsafe.Pointer, n int)", 24)
	loop := v.label("loop")
	v.op("MOVQ dst+0(FP), DI; MOVQ src+8(FP), SI; MOVQ n+16(FP), CX")
	v.line("%s:", loop)
	body()
	v.op("ADDQ $%d, SI; ADDQ $%d, DI; DECQ CX; JNZ %s; VZEROUPPER; RET", from*v.width(), to*v.width(), loop)
}

// narrowBF16 adds half of what is cut off, less if the last bit kept is even, and cuts;
// a NaN keeps its upper bits and becomes quiet.
func (v vec) narrowBF16() {
	v.mov(0, "(SI)")
	v.op("VPSRLD $16, %s, %s", v.r(0), v.r(1))
	v.and(2, 1, v.bits(1))
	v.or(1, 1, v.bits(0x40)) // what a NaN becomes
	v.three("VPADDD", 2, 2, v.bits(0x7fff))
	v.three("VPADDD", 2, 2, 0)
	v.op("VPSRLD $16, %s, %s", v.r(2), v.r(2))
	if v.z {
		v.op("VCMPPS $3, Z0, Z0, K3; VMOVAPS Z1, K3, Z2; VPMOVDW Z2, (DI)")
		return
	}
	v.op("VCMPPS $3, Y0, Y0, Y3; VBLENDVPS Y3, Y1, Y2, Y2")
	v.op("VEXTRACTF128 $1, Y2, X1; VPACKUSDW X1, X2, X2; VMOVUPS X2, (DI)")
}
