package asm

import "unsafe"

// The loops of this file do one thing to every number of a slice; what happens to a
// number does not depend on where in the slice it stands. All slices of a call are as
// long as the first.

//
// Each loop has a definition in plain Go below, which level PureGo runs.

// mapArgs is what a loop in assembly gets: how many numbers, the slices, outputs
// first, and scalars. A sum comes back in lanes.
type mapArgs struct {
	n     int
	p     [7]unsafe.Pointer
	s     [8]float32
	lanes [16]float32
}

// on2 puts a loop's slices in their places; all must be as long as the first. So do its
// siblings. (One function for any number of slices would cost more than a short loop.)
func (m *mapArgs) on2(a, b []float32) {
	m.n = len(a)
	m.p[0], m.p[1] = first(a, m.n), first(b, m.n)
}

func (m *mapArgs) on3(a, b, c []float32) {
	m.on2(a, b)
	m.p[2] = first(c, m.n)
}

func (m *mapArgs) on4(a, b, c, d []float32) {
	m.on3(a, b, c)
	m.p[3] = first(d, m.n)
}

func (m *mapArgs) on5(a, b, c, d, e []float32) {
	m.on4(a, b, c, d)
	m.p[4] = first(e, m.n)
}

// first is where the first n numbers of s are.
func first(s []float32, n int) unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(s[:n])) }

// run computes the loop in assembly.
func (m *mapArgs) run(op mapOp) {
	if level >= AVX512 {
		map512(op, m)
		return
	}
	map256(op, m)
}

// Apply is y = fn(x); y may be x.
func Apply(fn Func, y, x []float32) {
	if level > PureGo && fn != Identity {
		var m mapArgs
		m.on2(y, x)
		m.run(mapSiLU + mapOp(fn-SiLU))
		return
	}
	for i, v := range x[:len(y)] {
		y[i] = apply(fn, v)
	}
}

// ApplySlope is dx = dy·fn′(x); dx may be x or dy.
func ApplySlope(fn Func, dx, x, dy []float32) {
	if level > PureGo && fn != Identity {
		var m mapArgs
		m.on3(dx, x, dy)
		m.run(mapSlopeSiLU + mapOp(fn-SiLU))
		return
	}
	for i, v := range x[:len(dx)] {
		dx[i] = float32(float64(dy[i]) * slope(fn, v))
	}
}

// mulOp picks the loop of a gate's function.
func mulOp(fn Func, silu, gelu mapOp) mapOp {
	if fn == GELU {
		return gelu
	}
	return silu
}

// ApplyMul is y = v·fn(g), fn SiLU or GELU.
func ApplyMul(fn Func, y, v, g []float32) {
	if level > PureGo {
		var m mapArgs
		m.on3(y, v, g)
		m.run(mulOp(fn, mapMulSiLU, mapMulGELU))
		return
	}
	for i := range y {
		y[i] = v[i] * apply(fn, g[i])
	}
}

// ApplyMulSlope is the gradient of ApplyMul: dv = dy·fn(g), dg = dy·v·fn′(g).
func ApplyMulSlope(fn Func, dv, dg, v, g, dy []float32) {
	if level > PureGo {
		var m mapArgs
		m.on5(dv, dg, v, g, dy)
		m.run(mulOp(fn, mapMulSlopeSiLU, mapMulSlopeGELU))
		return
	}
	for i := range dv {
		x := g[i]
		dv[i] = dy[i] * apply(fn, x)
		dg[i] = float32(float64(dy[i]) * float64(v[i]) * slope(fn, x))
	}
}

// Add is y = a + b; y may be either.
func Add(y, a, b []float32) {
	if level > PureGo {
		var m mapArgs
		m.on3(y, a, b)
		m.run(mapAdd)
		return
	}
	for i := range y {
		y[i] = a[i] + b[i]
	}
}

// Sub is y = a − b; y may be either.
func Sub(y, a, b []float32) {
	if level > PureGo {
		var m mapArgs
		m.on3(y, a, b)
		m.run(mapSub)
		return
	}
	for i := range y {
		y[i] = a[i] - b[i]
	}
}

// Mul is y = a·b; y may be either.
func Mul(y, a, b []float32) {
	if level > PureGo {
		var m mapArgs
		m.on3(y, a, b)
		m.run(mapMul)
		return
	}
	for i := range y {
		y[i] = a[i] * b[i]
	}
}

// Scale is y = a·x; y may be x.
func Scale(y []float32, a float32, x []float32) {
	if level > PureGo {
		var m mapArgs
		m.on2(y, x)
		m.s[0] = a
		m.run(mapScale)
		return
	}
	for i := range y {
		y[i] = a * x[i]
	}
}

// Shift is y = x + a; y may be x.
func Shift(y []float32, a float32, x []float32) {
	if level > PureGo {
		var m mapArgs
		m.on2(y, x)
		m.s[0] = a
		m.run(mapShift)
		return
	}
	for i := range y {
		y[i] = x[i] + a
	}
}

// Axpy is y = y + a·x.
func Axpy(y []float32, a float32, x []float32) {
	if level > PureGo {
		var m mapArgs
		m.on3(y, y, x)
		m.s[0] = a
		m.run(mapAxpy)
		return
	}
	for i := range y {
		y[i] += a * x[i]
	}
}

// Comb is y = a·x + b·z; y may be either.
func Comb(y []float32, a float32, x []float32, b float32, z []float32) {
	if level > PureGo {
		var m mapArgs
		m.on3(y, x, z)
		m.s = [8]float32{a, b}
		m.run(mapComb)
		return
	}
	for i := range y {
		y[i] = a*x[i] + b*z[i]
	}
}

// Affine is y = fn(x·scale + shift), fn Identity or SiLU; y may be x.
func Affine(fn Func, y, x, scale, shift []float32) {
	if level > PureGo {
		op := mapAffine
		if fn == SiLU {
			op = mapAffineSiLU
		}
		var m mapArgs
		m.on4(y, x, scale, shift)
		m.run(op)
		return
	}
	for i := range y {
		y[i] = apply(fn, x[i]*scale[i]+shift[i])
	}
}

// Affine2 is y = a·b + c·d + e.
func Affine2(y, a, b, c, d, e []float32) {
	if level > PureGo {
		var m mapArgs
		m.on5(y, a, b, c, d)
		m.p[5] = first(e, m.n)
		m.run(mapAffine2)
		return
	}
	for i := range y {
		y[i] = a[i]*b[i] + e[i] + c[i]*d[i]
	}
}

// AffineSlope is dx = dy·SiLU′(x·scale + shift).
func AffineSlope(dx, x, scale, shift, dy []float32) {
	if level > PureGo {
		var m mapArgs
		m.on5(dx, x, scale, shift, dy)
		m.run(mapAffineSlopeSiLU)
		return
	}
	for i := range dx {
		dx[i] = float32(float64(dy[i]) * slope(SiLU, x[i]*scale[i]+shift[i]))
	}
}

// Centre is y = (x − mean)·scale, what normalising a row does; y may be x.
func Centre(y, x []float32, mean, scale float32) {
	if level > PureGo {
		var m mapArgs
		m.on2(y, x)
		m.s = [8]float32{mean, scale}
		m.run(mapCentre)
		return
	}
	for i := range y {
		y[i] = (x[i] - mean) * scale
	}
}

// Diff is y = (a − b)·scale.
func Diff(y, a, b []float32, scale float32) {
	if level > PureGo {
		var m mapArgs
		m.on3(y, a, b)
		m.s[0] = scale
		m.run(mapDiff)
		return
	}
	for i := range y {
		y[i] = (a[i] - b[i]) * scale
	}
}

// Blend is y = a·x + b·z + c, what gradients of normalised numbers are made of.
func Blend(y []float32, a float32, x []float32, b float32, z []float32, c float32) {
	if level > PureGo {
		var m mapArgs
		m.on3(y, x, z)
		m.s = [8]float32{a, b, c}
		m.run(mapBlend)
		return
	}
	for i := range y {
		y[i] = a*x[i] + b*z[i] + c
	}
}

// MulAddTo is y = y + a·b.
func MulAddTo(y, a, b []float32) {
	if level > PureGo {
		var m mapArgs
		m.on4(y, y, a, b)
		m.run(mapMulAddTo)
		return
	}
	for i := range y {
		y[i] += a[i] * b[i]
	}
}

// AddWithProduct is p = p + a and q = q + a·b.
func AddWithProduct(p, q, a, b []float32) {
	if level > PureGo {
		var m mapArgs
		m.on5(p, q, p, q, a)
		m.p[5] = first(b, m.n)
		m.run(mapAddWithProduct)
		return
	}
	for i := range p {
		p[i] += a[i]
		q[i] += a[i] * b[i]
	}
}

// AddSquaredDiff is y = y + (a − b)².
func AddSquaredDiff(y, a, b []float32) {
	if level > PureGo {
		var m mapArgs
		m.on4(y, y, a, b)
		m.run(mapAddSquaredDiff)
		return
	}
	for i := range y {
		d := a[i] - b[i]
		y[i] += d * d
	}
}

// MulShifted is y = a·(b − c); y may be a or b.
func MulShifted(y, a, b []float32, c float32) {
	if level > PureGo {
		var m mapArgs
		m.on3(y, a, b)
		m.s[0] = c
		m.run(mapMulShifted)
		return
	}
	for i := range y {
		y[i] = a[i] * (b[i] - c)
	}
}

// Rope turns pairs of numbers by the cosines and sines that alternate in table, or
// back; y may be x. Lengths are even.
func Rope(y, x, table []float32, back bool) {
	if level > PureGo {
		op := mapRope
		if back {
			op = mapRopeBack
		}
		var m mapArgs
		m.on3(y, x, table)
		m.run(op)
		return
	}
	for i := 0; i+1 < len(y); i += 2 {
		cos, sin := table[i], table[i+1]
		if back {
			sin = -sin
		}
		a, b := x[i], x[i+1]
		y[i], y[i+1] = a*cos-b*sin, b*cos+a*sin
	}
}

// Normalise is y = (x − mean)·r·gamma + beta; y may be x.
func Normalise(y, x, gamma, beta []float32, mean, r float32) {
	if level > PureGo {
		var m mapArgs
		m.on4(y, x, gamma, beta)
		m.s = [8]float32{mean, r}
		m.run(mapCentreAffine)
		return
	}
	for i := range y {
		y[i] = (x[i]-mean)*r*gamma[i] + beta[i]
	}
}
