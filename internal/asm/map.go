package asm

// The loops of this file do one thing to every number of a slice; what happens to a
// number does not depend on where in the slice it stands. All slices of a call are as
// long as the first.

// Apply is y = fn(x); y may be x.
func Apply(fn Func, y, x []float32) {
	for i, v := range x[:len(y)] {
		y[i] = apply(fn, v)
	}
}

// ApplySlope is dx = dy·fn′(x); dx may be x or dy.
func ApplySlope(fn Func, dx, x, dy []float32) {
	for i, v := range x[:len(dx)] {
		dx[i] = float32(float64(dy[i]) * slope(fn, v))
	}
}

// ApplyMul is y = v·fn(g).
func ApplyMul(fn Func, y, v, g []float32) {
	for i := range y {
		y[i] = v[i] * apply(fn, g[i])
	}
}

// ApplyMulSlope is the gradient of ApplyMul: dv = dy·fn(g), dg = dy·v·fn′(g).
func ApplyMulSlope(fn Func, dv, dg, v, g, dy []float32) {
	for i := range dv {
		x := g[i]
		dv[i] = dy[i] * apply(fn, x)
		dg[i] = float32(float64(dy[i]) * float64(v[i]) * slope(fn, x))
	}
}

// Add is y = a + b; y may be either.
func Add(y, a, b []float32) {
	for i := range y {
		y[i] = a[i] + b[i]
	}
}

// Sub is y = a − b; y may be either.
func Sub(y, a, b []float32) {
	for i := range y {
		y[i] = a[i] - b[i]
	}
}

// Mul is y = a·b; y may be either.
func Mul(y, a, b []float32) {
	for i := range y {
		y[i] = a[i] * b[i]
	}
}

// Scale is y = a·x; y may be x.
func Scale(y []float32, a float32, x []float32) {
	for i := range y {
		y[i] = a * x[i]
	}
}

// Shift is y = x + a; y may be x.
func Shift(y []float32, a float32, x []float32) {
	for i := range y {
		y[i] = x[i] + a
	}
}

// Axpy is y = y + a·x.
func Axpy(y []float32, a float32, x []float32) {
	for i := range y {
		y[i] += a * x[i]
	}
}

// Comb is y = a·x + b·z; y may be either.
func Comb(y []float32, a float32, x []float32, b float32, z []float32) {
	for i := range y {
		y[i] = a*x[i] + b*z[i]
	}
}

// Affine is y = fn(x·scale + shift), fn Identity or SiLU; y may be x.
func Affine(fn Func, y, x, scale, shift []float32) {
	for i := range y {
		y[i] = apply(fn, x[i]*scale[i]+shift[i])
	}
}

// Centre is y = (x − mean)·scale, what normalising a row does; y may be x.
func Centre(y, x []float32, mean, scale float32) {
	for i := range y {
		y[i] = (x[i] - mean) * scale
	}
}

// MulAdd is y = y·a + b.
func MulAdd(y, a, b []float32) {
	for i := range y {
		y[i] = y[i]*a[i] + b[i]
	}
}

// Diff is y = (a − b)·scale.
func Diff(y, a, b []float32, scale float32) {
	for i := range y {
		y[i] = (a[i] - b[i]) * scale
	}
}

// Blend is y = a·x + b·z + c, what gradients of normalised numbers are made of.
func Blend(y []float32, a float32, x []float32, b float32, z []float32, c float32) {
	for i := range y {
		y[i] = a*x[i] + b*z[i] + c
	}
}

// MulAddTo is y = y + a·b.
func MulAddTo(y, a, b []float32) {
	for i := range y {
		y[i] += a[i] * b[i]
	}
}

// AddSquaredDiff is y = y + (a − b)².
func AddSquaredDiff(y, a, b []float32) {
	for i := range y {
		d := a[i] - b[i]
		y[i] += d * d
	}
}

// MulShifted is y = a·(b − c); y may be a or b.
func MulShifted(y, a, b []float32, c float32) {
	for i := range y {
		y[i] = a[i] * (b[i] - c)
	}
}
