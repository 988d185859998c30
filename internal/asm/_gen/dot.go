package main

import "fmt"

// Offsets of asm.dot's fields.
const (
	dRows = 8 * iota // eight addresses
	_
	_
	_
	_
	_
	_
	_
	dK
	dW
	dLdW
	dN
	dOut
	dLdOut
)

// dots writes products of a few rows with the rows of a stored weight, for which
// panels would not pay.
func dots(s *source) {
	for _, from := range []string{"F32", "F16", "BF16"} {
		for m := 1; m <= 8; m++ {
			dot{vector{"Z", 64, 512}, m, from}.write(s)
		}
		for m := 1; m <= 4; m++ {
			dot{vector{"Y", 32, 256}, m, from}.write(s)
		}
	}
}

// dot keeps two vectors of sums for each row.
type dot struct {
	vector
	rows int
	from string
}

func (d dot) write(s *source) {
	name := fmt.Sprintf("dot%d%sx%d", d.bits, d.from, d.rows)
	s.text(name, fmt.Sprintf("func %s(d *dot)", name), 8)
	s.op("MOVQ d+0(FP), AX; MOVQ %d(AX), BX; MOVQ %d(AX), DX; MOVQ %d(AX), R15", dW, dN, dOut)
	for i := range d.rows {
		s.op("MOVQ %d(AX), %s", dRows+8*i, rowReg[i])
	}
	each, loop := s.label("each"), s.label("loop")
	w := 2 * d.rows
	s.line("%s:", each)
	for i := range w {
		d.do(s, map[string]string{"Z": "VPXORD", "Y": "VXORPS"}[d.name], i, i, i)
	}
	s.op("XORQ CX, CX; MOVQ BX, R14")
	s.line("%s:", loop)
	for h := range 2 {
		loadVector(s, d.vector, d.from, fmt.Sprintf("%d(R14)", h*d.bytes/4*size(d.from)), w+h)
	}
	for i := range d.rows {
		for h := range 2 {
			s.op("VFMADD231PS %d(%s)(CX*4), %s%d, %s%d", h*d.bytes, rowReg[i], d.name, w+h, d.name, 2*i+h)
		}
	}
	s.op("ADDQ $%d, R14; ADDQ $%d, CX; CMPQ CX, %d(AX); JLT %s", d.bytes/2*size(d.from), d.bytes/2, dK, loop)
	s.op("MOVQ R15, R14")
	for i := range d.rows {
		d.fold(s, 2*i)
		s.op("VMOVSS X%d, (R14); ADDQ %d(AX), R14", 2*i, dLdOut)
	}
	s.op("ADDQ $4, R15; ADDQ %d(AX), BX; DECQ DX; JNZ %s; VZEROUPPER; RET", dLdW, each)
}

// fold adds up registers r and r+1 into the first lane of r.
func (d dot) fold(s *source, r int) {
	d.do(s, "VADDPS", r+1, r, r)
	if d.name == "Z" {
		s.op("VEXTRACTF64X4 $1, Z%d, Y%d; VADDPS Y%d, Y%d, Y%d", r, r+1, r+1, r, r)
	}
	s.op("VEXTRACTF128 $1, Y%d, X%d; VADDPS X%d, X%d, X%d", r, r+1, r+1, r, r)
	s.op("VPERMILPS $0x4e, X%d, X%d; VADDPS X%d, X%d, X%d", r, r+1, r+1, r, r)
	s.op("VPERMILPS $0xb1, X%d, X%d; VADDPS X%d, X%d, X%d", r, r+1, r+1, r, r)
}

// loadVector loads a vector of numbers as float32.
func loadVector(s *source, v vector, from, at string, reg int) {
	switch from {
	case "F32":
		s.op("VMOVUPS %s, %s%d", at, v.name, reg)
	case "F16":
		s.op("VCVTPH2PS %s, %s%d", at, v.name, reg)
	case "BF16":
		s.op("VPMOVZXWD %s, %s%d; VPSLLD $16, %s%d, %s%d", at, v.name, reg, v.name, reg, v.name, reg)
	}
}
