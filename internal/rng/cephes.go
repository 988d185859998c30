package rng

import "math"

// The logarithm, sine and cosine with which torch makes float32 normals: the
// polynomials of the Cephes library (S. Moshier, logf.c and sinf.c) in the order of
// avx_mathfun.h (G. Garberoglio after J. Pommier; PyTorch 2.13,
// aten/src/ATen/native/cpu). GCC compiles its products followed by sums into fused
// operations; fma32 stands where it does, and rounding to float32 keeps Go from
// fusing elsewhere. A test compares with package math over all arguments that occur.

// log32 returns ln x for x in (0, 1].
func log32(x float32) float32 {
	const c1, c2 = 0.693359375, -2.12194440e-4 // ln 2 in two parts
	b := math.Float32bits(x)
	e := float32(int32(b>>23) - 126)
	x = math.Float32frombits(b&0x007fffff | 0x3f000000) // x·2ᵉ with x in [½, 1)
	if x < math.Sqrt2/2 {
		e--
		x = (x - 1) + x
	} else {
		x--
	}
	z := x * x
	y := fma32(7.0376836292e-2, x, -1.1514610310e-1)
	y = fma32(y, x, 1.1676998740e-1)
	y = fma32(y, x, -1.2420140846e-1)
	y = fma32(y, x, 1.4249322787e-1)
	y = fma32(y, x, -1.6668057665e-1)
	y = fma32(y, x, 2.0000714765e-1)
	y = fma32(y, x, -2.4999993993e-1)
	y = fma32(y, x, 3.3333331174e-1)
	y = fma32(y*x, z, float32(e*c2))
	y -= float32(z * 0.5)
	return fma32(e, c1, x+y)
}

// sincos32 returns the sine and cosine of x in [0, 2π].
func sincos32(x float32) (sin, cos float32) {
	octant := (int32(float32(x*(4/math.Pi))) + 1) &^ 1
	y := float32(octant)
	x = fma32(y, -0.78515625, x) // x − y·π/4, with π/4 in three parts
	x = fma32(y, -2.4187564849853515625e-4, x)
	x = fma32(y, -3.77489497744594108e-8, x)
	z := x * x

	c := fma32(2.443315711809948e-5, z, -1.388731625493765e-3)
	c = fma32(c, z, 4.166664568298827e-2)
	c = fma32(c*z, z, float32(z*-0.5)) + 1

	s := fma32(-1.9515295891e-4, z, 8.3321608736e-3)
	s = fma32(s, z, -1.6666654611e-1)
	s = fma32(s*z, x, x)

	if octant&2 != 0 {
		s, c = c, s
	}
	if octant&4 != 0 {
		s = -s
	}
	if (octant-2)&4 == 0 {
		c = -c
	}
	return s, c
}

// fma32 returns a·b + c rounded once. The product is exact in float64; a sum that
// float64's rounding has put halfway between two float32 goes to the side where
// the exact sum lies.
func fma32(a, b, c float32) float32 {
	p, q := float64(a)*float64(b), float64(c)
	s := p + q
	if bits := math.Float64bits(s); bits&(1<<29-1) == 1<<28 {
		return float32(unround(s, p, q))
	}
	return float32(s)
}

// unround moves s = p + q one float64 towards the exact sum (Knuth's two-sum finds
// on which side it lies).
func unround(s, p, q float64) float64 {
	t := s - p
	rest := (p - (s - t)) + (q - t)
	switch {
	case rest > 0:
		return math.Nextafter(s, math.Inf(1))
	case rest < 0:
		return math.Nextafter(s, math.Inf(-1))
	}
	return s
}
