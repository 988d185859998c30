package asm

import "unsafe"

// Product is a small matrix product whose left factor is read where it lies, along
// its rows or along its columns, as attention needs it:
//
//	C[i][j] = Keep[j]·C[i][j] + Σₖ A[i·RowA + k·ColA]·B[k·LdB + j]    i < M, j < N
//
// The sum runs in order of k. Strides are in numbers. N is a multiple of 16. Without
// Keep, C is overwritten, or with Add added to.
type Product struct {
	A          unsafe.Pointer
	RowA, ColA int
	B          unsafe.Pointer
	LdB        int
	C          unsafe.Pointer
	LdC        int
	Keep       unsafe.Pointer
	Add        bool
	M, N, K    int
}

// Run computes the product.
func (p *Product) Run() { p.runGo() }

// runGo is the definition of Run.
func (p *Product) runGo() {
	for j := 0; j < p.N; j += 16 {
		for i := range p.M {
			c := (*[16]float32)(unsafe.Add(p.C, 4*(i*p.LdC+j)))
			sum := p.kept(c, j)
			for k := range p.K {
				a := *(*float32)(unsafe.Add(p.A, 4*(i*p.RowA+k*p.ColA)))
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

// Turn transposes: dst[j][i] = src[i][j] for i < rows, j < cols. Strides are bytes.
func Turn(dst unsafe.Pointer, ldDst int, src unsafe.Pointer, ldSrc, rows, cols int) {
	turnGo(dst, ldDst, src, ldSrc, rows, cols)
}

// turnGo is the definition of Turn.
func turnGo(dst unsafe.Pointer, ldDst int, src unsafe.Pointer, ldSrc, rows, cols int) {
	for j := range cols {
		to := unsafe.Slice((*float32)(unsafe.Add(dst, j*ldDst)), rows)
		for i := range to {
			to[i] = *(*float32)(unsafe.Add(src, i*ldSrc+4*j))
		}
	}
}
