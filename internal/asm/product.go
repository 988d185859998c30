package asm

import "unsafe"

// Product is a small matrix product whose left factor is read where it lies, along
// its rows or, Turned, along its columns, as attention needs it:
//
//	C[i][j] = Keep[j]·C[i][j] + Σₖ A[i][k]·B[k][j]    i < M, j < N
//
// The sum runs in order of k. A number of A is at i·LdA + k, of Turned A at k·LdA + i;
// strides are in numbers. N is a multiple of 16. Without Keep, C is overwritten, or
// with Add added to.
type Product struct {
	A       unsafe.Pointer
	LdA     int
	Turned  bool
	B       unsafe.Pointer
	LdB     int
	C       unsafe.Pointer
	LdC     int
	Keep    unsafe.Pointer
	Add     bool
	M, N, K int
}

// panelArgs is a panel of columns of a Product for a loop in assembly, strides in
// bytes; the loop moves a and c on.
type panelArgs struct {
	a    unsafe.Pointer
	ldA  int
	b    unsafe.Pointer
	ldB  int
	c    unsafe.Pointer
	ldC  int
	keep unsafe.Pointer
	m, k int
}

// ones keeps what C holds.
var ones = func() (v [48]float32) {
	for i := range v {
		v[i] = 1
	}
	return v
}()

// Run computes the product.
func (p *Product) Run() {
	if level == PureGo {
		p.runGo()
		return
	}
	for j, width := 0, 0; j < p.N; j += width {
		a := panelArgs{p.A, 4 * p.LdA, unsafe.Add(p.B, 4*j), 4 * p.LdB, unsafe.Add(p.C, 4*j), 4 * p.LdC, nil, p.M, p.K}
		switch {
		case p.Keep != nil:
			a.keep = unsafe.Add(p.Keep, 4*j)
		case p.Add:
			a.keep = unsafe.Pointer(&ones)
		}
		width = panelWidth(p.N - j)
		a.run(width, p.Turned)
	}
}

// panelWidth returns how many of the columns that are left a loop takes.
func panelWidth(left int) int {
	switch {
	case level < AVX512 || left < 32:
		return 16
	case left < 48 || left == 64:
		return 32
	}
	return 48
}

// run picks the loop.
func (a *panelArgs) run(width int, turned bool) {
	switch {
	case level == AVX2 && turned:
		columns256x16(a)
	case level == AVX2:
		rows256x16(a)
	case width == 48 && turned:
		columns512x48(a)
	case width == 48:
		rows512x48(a)
	case width == 32 && turned:
		columns512x32(a)
	case width == 32:
		rows512x32(a)
	case turned:
		columns512x16(a)
	default:
		rows512x16(a)
	}
}

// runGo is the definition of Run.
func (p *Product) runGo() {
	row, col := p.LdA, 1
	if p.Turned {
		row, col = 1, p.LdA
	}
	for j := 0; j < p.N; j += 16 {
		for i := range p.M {
			c := (*[16]float32)(unsafe.Add(p.C, 4*(i*p.LdC+j)))
			sum := p.kept(c, j)
			for k := range p.K {
				a := *(*float32)(unsafe.Add(p.A, 4*(i*row+k*col)))
				b := (*[16]float32)(unsafe.Add(p.B, 4*(k*p.LdB+j)))
				for l := range sum {
					sum[l] += a * b[l]
				}
			}
			*c = sum
		}
	}
}

// kept is what the sums begin with.
func (p *Product) kept(c *[16]float32, j int) (sum [16]float32) {
	switch {
	case p.Keep != nil:
		keep := (*[16]float32)(unsafe.Add(p.Keep, 4*j))
		for l := range sum {
			sum[l] = keep[l] * c[l]
		}
	case p.Add:
		sum = *c
	}
	return sum
}
