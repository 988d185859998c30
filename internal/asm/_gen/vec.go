package main

import (
	"fmt"
	"math"
)

// vec writes instructions on vectors of one instruction set: AVX-512 with Z
// registers, AVX2 with Y, NEON with pairs of V registers. Operands are register numbers or strings as the assembler
// takes them; the destination comes first.
type vec struct {
	*source
	z, tail bool // tail: what is left at the end of a slice
	consts  *constants
	held    map[string]int // constants that registers hold
	neon    *pair
}

// constants is a table of numbers, each repeated to fill a vector.
type constants struct {
	name string
	bits []uint32
}

func (v vec) set() string {
	if v.z {
		return "512"
	}
	return "256"
}

// width is the number of float32 in a vector, bytes its size.
func (v vec) width() int {
	if v.z {
		return 16
	}
	return 8
}

func (v vec) bytes() int { return 4 * v.width() }

// r is a vector register, or a place; a constant that a register holds is there.
func (v vec) r(a any) string {
	if s, ok := a.(string); ok {
		i, held := v.held[s]
		if !held {
			return s
		}
		a = i
	}
	return fmt.Sprintf("%s%d", v.pick("Z", "Y"), a)
}

// c is the place of a constant.
func (v vec) c(x float64) string { return v.bits(math.Float32bits(float32(x))) }

func (v vec) bits(b uint32) string {
	for i, have := range v.consts.bits {
		if have == b {
			return v.place(i)
		}
	}
	v.consts.bits = append(v.consts.bits, b)
	return v.place(len(v.consts.bits) - 1)
}

// place is where entry i of the table of constants lies.
func (v vec) place(i int) string {
	if v.neon != nil {
		return fmt.Sprintf("%d(%s)", 16*i, tableReg)
	}
	return fmt.Sprintf("%s<>+%d(SB)", v.consts.name, 64*i)
}

// data writes the table.
func (s *source) data(c *constants) {
	s.line("")
	for i, b := range c.bits {
		for j := range 8 {
			s.line("DATA %s<>+%d(SB)/8, $0x%08x%08x", c.name, 64*i+8*j, b, b)
		}
	}
	s.line("GLOBL %s<>(SB), (RODATA|NOPTR), $%d", c.name, 64*len(c.bits))
}

// three writes an instruction of two operands and a destination: d = a name b.
func (v vec) three(name string, d, a, b any) {
	if v.neon != nil {
		v.neonThree(name, d, a, b)
		return
	}
	v.op("%s %s, %s, %s", name, v.r(b), v.r(a), v.r(d))
}

func (v vec) mov(d, a any) {
	if v.neon != nil {
		v.neonMov(d, a)
		return
	}
	v.op("VMOVUPS %s, %s", v.r(a), v.r(d))
}

// muladd is d = d·a + c.
func (v vec) muladd(d, a, c any) {
	if v.neon != nil {
		v.neonMulAdd(d, a, c)
		return
	}
	v.three("VFMADD213PS", d, a, c)
}

func (v vec) add(d, a, b any)    { v.three("VADDPS", d, a, b) }
func (v vec) sub(d, a, b any)    { v.three("VSUBPS", d, a, b) }
func (v vec) mul(d, a, b any)    { v.three("VMULPS", d, a, b) }
func (v vec) div(d, a, b any)    { v.three("VDIVPS", d, a, b) }
func (v vec) min(d, a, b any)    { v.three("VMINPS", d, a, b) }       // b where either is NaN
func (v vec) max(d, a, b any)    { v.three("VMAXPS", d, a, b) }       // likewise
func (v vec) fma(d, a, b any)    { v.three("VFMADD231PS", d, a, b) }  // d += a·b
func (v vec) fnma(d, a, b any)   { v.three("VFNMADD231PS", d, a, b) } // d −= a·b
func (v vec) mulsub(d, a, c any) { v.three("VFMSUB213PS", d, a, c) }  // d = d·a − c

func (v vec) sqrt(d, a any) {
	if v.neon != nil {
		v.neonEach("FSQRT", d, a)
		return
	}
	v.op("VSQRTPS %s, %s", v.r(a), v.r(d))
}

// bcast fills a register with the number at an address.
func (v vec) bcast(d any, at string) {
	if v.neon != nil {
		v.neonBcast(d, at)
		return
	}
	v.op("VBROADCASTSS %s, %s", at, v.r(d))
}

// zero clears a register.
func (v vec) zero(d any) {
	if v.z {
		v.three("VPXORD", d, d, d)
		return
	}
	v.three("VXORPS", d, d, d)
}

// and, or and xor work on bits.
func (v vec) and(d, a, b any) { v.three(v.pick("VPANDD", "VANDPS"), d, a, b) }
func (v vec) or(d, a, b any)  { v.three(v.pick("VPORD", "VORPS"), d, a, b) }
func (v vec) xor(d, a, b any) { v.three(v.pick("VPXORD", "VXORPS"), d, a, b) }

func (v vec) pick(z, y string) string {
	if v.z {
		return z
	}
	return y
}

// round rounds to whole numbers, ties to even.
func (v vec) round(d, a any) {
	if v.neon != nil {
		v.neonEach("FRINTN", d, a)
		return
	}
	v.op("%s $8, %s, %s", v.pick("VRNDSCALEPS", "VROUNDPS"), v.r(a), v.r(d))
}

// where sets d to a in lanes where the sign of s is set; t is lost.
func (v vec) where(d, a, s any) {
	switch {
	case v.neon != nil:
		v.neonWhere(d, a, s)
	case v.z:
		v.op("VPMOVD2M %s, K3; VMOVAPS %s, K3, %s", v.r(s), v.r(a), v.r(d))
	default:
		v.op("VBLENDVPS %s, %s, %s, %s", v.r(s), v.r(a), v.r(d), v.r(d))
	}
}

// below sets d to a in lanes where x < limit; t is lost.
func (v vec) below(d, a, x, limit, t any) { v.compare(1, "FCMGT", d, a, x, limit, t) }

// notAbove sets d to a where x ≤ limit; t is lost.
func (v vec) notAbove(d, a, x, limit, t any) { v.compare(2, "FCMGE", d, a, x, limit, t) }

// compare sets d to a where x compares with limit as Intel's predicate, or limit with x
// as NEON's instruction.
func (v vec) compare(predicate int, neon string, d, a, x, limit, t any) {
	switch {
	case v.neon != nil:
		v.neonCompare(neon, d, a, x, limit)
	case v.z:
		v.op("VCMPPS $%d, %s, %s, K3; VMOVAPS %s, K3, %s", predicate, v.r(limit), v.r(x), v.r(a), v.r(d))
	default:
		v.op("VCMPPS $%d, %s, %s, %s", predicate, v.r(limit), v.r(x), v.r(t))
		v.where(d, a, t)
	}
}

// poly sets d to the polynomial in x with the given coefficients, lowest first.
func (v vec) poly(d, x any, coef ...float64) {
	if v.neon != nil {
		v.neonPoly(d, x, coef...)
		return
	}
	v.mov(d, v.c(coef[len(coef)-1]))
	for i := len(coef) - 2; i >= 0; i-- {
		v.muladd(d, x, v.c(coef[i]))
	}
}

// scale sets d to p·2ⁿ for whole n; p, n and t are lost, and t may be d.
func (v vec) scale(d, p, n, t any) {
	if v.z {
		v.three("VSCALEFPS", d, p, n)
		return
	}
	// Two steps, so that the power may lie outside float32's normal range.
	bias := v.bits(127)
	v.halves(n, t)
	for _, r := range []any{n, t} {
		v.three("VPADDD", r, r, bias)
		v.exponent(r)
	}
	v.mul(p, p, n)
	v.mul(d, p, t)
}

// halves splits whole numbers n into two, in n and t, as integers.
func (v vec) halves(n, t any) {
	if v.neon != nil {
		v.neonHalve(n, t)
	} else {
		v.op("VCVTPS2DQ %s, %s; VPSRAD $1, %s, %s", v.r(n), v.r(n), v.r(n), v.r(t))
	}
	v.three("VPSUBD", n, n, t)
}

// exponent moves integers to where a float32 has its exponent.
func (v vec) exponent(r any) {
	if v.neon != nil {
		v.neonShift("SHL", 2*r.(int), 2*r.(int), 23)
		v.neonShift("SHL", 2*r.(int)+1, 2*r.(int)+1, 23)
		return
	}
	v.op("VPSLLD $23, %s, %s", v.r(r), v.r(r))
}

// Minimax polynomials for 2ᶠ, |f| ≤ ½, and exp f, |f| ≤ ½·ln 2, of relative error
// 2⁻²⁹ (Remez by reweighted least squares; the coefficients rounded to float32).
var (
	exp2Coef = []float64{1, 0.6931471824645996, 0.24022646248340607, 0.05550328642129898, 0.009618489071726799, 0.0013399932067841291, 0.0001534581242594868}
	expCoef  = []float64{1, 1, 0.49999991059303284, 0.16666419804096222, 0.04166822507977486, 0.008374815806746483, 0.0013836845755577087}
)

// exp sets x to eˣ, within 1.5 units in the last place; t and s are lost. ln 2 is
// taken off in two parts, the first with few enough bits that n times it is exact.
func (v vec) exp(x, t, s any) {
	v.mov(t, v.c(-105))
	v.max(x, t, x)
	v.mov(t, v.c(90))
	v.min(x, t, x)
	v.mul(t, x, v.c(math.Log2E))
	v.round(t, t)
	v.fnma(x, t, v.c(ln2High))
	v.fnma(x, t, v.c(ln2Low))
	v.poly(s, x, expCoef...)
	v.scale(x, s, t, x)
}

const (
	ln2High = 0.693145751953125 // 15 bits
	ln2Low  = math.Ln2 - ln2High
)

// exp2 sets x to 2ˣ for x ≤ 127, within 1.5 units in the last place; t and s are lost.
func (v vec) exp2(x, t, s any) {
	v.mov(t, v.c(-152))
	v.max(x, t, x)
	v.round(t, x)
	v.sub(x, x, t)
	v.poly(s, x, exp2Coef...)
	v.scale(x, s, t, x)
}
