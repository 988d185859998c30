package asm

import (
	"math"
	"math/rand/v2"
	"testing"
	"unsafe"
)

// TestProduct holds every shape of product to float64 sums within (K+2)·ε·Σ|terms|,
// and looks for writes outside.
func TestProduct(t *testing.T) {
	atLevel(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(1, 3))
		for _, n := range []int{16, 32, 48, 64, 80, 96, 128} {
			for m := 1; m <= 20; m++ {
				for _, k := range []int{0, 1, 3, 4, 5, 8, 40} {
					checkProduct(t, r, m, n, k, r.IntN(6))
				}
			}
		}
	})
}

func checkProduct(t *testing.T, r *rand.Rand, m, n, k, choice int) {
	t.Helper()
	turned, how := choice%2 == 1, choice/2
	lda, ldb, ldc := max(m, k)+3, n+5, n+7
	a, b := randoms(r, (max(m, k)+1)*lda), randoms(r, (k+1)*ldb)
	keep, c := randoms(r, n), randoms(r, m*ldc)
	before := append([]float32(nil), c...)
	p := Product{A: ptr(a), LdA: lda, Turned: turned, B: ptr(b), LdB: ldb, C: ptr(c), LdC: ldc, M: m, N: n, K: k}
	switch how {
	case 1:
		p.Keep = ptr(keep)
	case 2:
		p.Add = true
	}
	p.Run()
	for i := range m {
		for j := range ldc {
			was := float64(before[i*ldc+j])
			want := was
			if j < n {
				want = [...]float64{0, was * float64(keep[j]), was}[how]
			}
			size := math.Abs(want)
			for q := range k {
				x := a[i*lda+q]
				if turned {
					x = a[q*lda+i]
				}
				if j < n {
					want += float64(x) * float64(b[q*ldb+j])
					size += math.Abs(float64(x) * float64(b[q*ldb+j]))
				}
			}
			if have := float64(c[i*ldc+j]); math.Abs(have-want) > float64(k+2)*0x1p-24*size {
				t.Fatalf("%dx%dx%d choice %d [%d][%d]: have %v, want %v", m, n, k, choice, i, j, have, want)
			}
		}
	}
}

// widths are the numbers of columns that ColumnSoftmax takes on this level.
func widths() []int {
	if level >= AVX512 {
		return []int{32, 48}
	}
	return []int{16}
}

// TestColumnSoftmax runs several blocks, some of −Inf alone, and compares with the
// definition; exponentials may be off by 1.2 units in the last place each.
func TestColumnSoftmax(t *testing.T) {
	atLevel(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(2, 3))
		for _, w := range widths() {
			fast, slow := make([]float32, 3*w), make([]float32, 3*w)
			for j := range w {
				fast[j], slow[j] = float32(math.Inf(-1)), float32(math.Inf(-1))
			}
			for rows := 1; rows <= 40; rows++ {
				s := randoms(r, rows*w)
				for i := range s {
					s[i] *= 10
					if i%w == 3 || rows == 1 || i%7 == 0 {
						s[i] = float32(math.Inf(-1))
					}
				}
				d := append([]float32(nil), s...)
				ColumnSoftmax(s, fast[:w], fast[w:2*w], fast[2*w:])
				columnSoftmaxGo(d, rows, slow[:w], slow[w:2*w], slow[2*w:])
				near(t, "scores", s, d, 1e-6)
				near(t, "state", fast, slow, 1e-5)
			}
		}
	})
}

// near compares within a relative bound.
func near(t *testing.T, name string, have, want []float32, bound float64) {
	t.Helper()
	for i, x := range have {
		if x != want[i] && !(math.Abs(float64(x)-float64(want[i])) <= bound*math.Abs(float64(want[i]))+0x1p-126) {
			t.Fatalf("%s[%d] is %v, want %v", name, i, x, want[i])
		}
	}
}

func TestSoftmaxGrad(t *testing.T) {
	atLevel(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(4, 3))
		for n := 16; n <= 96; n += 16 {
			const rows, ld = 5, 100
			s, g, lse, mean := randoms(r, rows*ld), randoms(r, rows*ld), randoms(r, rows), randoms(r, rows)
			lse[1] = float32(math.Inf(1)) // a row that sees nothing
			p, q := append([]float32(nil), s...), append([]float32(nil), g...)
			SoftmaxGrad(s, g, ld, n, lse, mean)
			for i := range rows {
				softmaxGradGo(p[i*ld:][:n], q[i*ld:][:n], lse[i], mean[i])
			}
			near(t, "probabilities", s, p, 2e-7)
			near(t, "gradients", g, q, 4e-7)
		}
	})
}

// TestTurnAndCopy checks what is written, where, and that nothing else is.
func TestTurnAndCopy(t *testing.T) {
	atLevel(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(4, 4))
		for range 300 {
			rows, cols := 1+r.IntN(40), 1+r.IntN(40)
			src, f := randoms(r, 40*45), randoms(r, 40)
			dst := fenced(r, 1, 45*45)
			clear(dst.out[0])
			TurnScaled(ptr(dst.out[0]), 4*45, ptr(src), 4*45, rows, cols, f)
			for i, have := range dst.out[0] {
				want := float32(0)
				if j := i / 45; j < cols && i%45 < rows {
					want = src[i%45*45+j] * f[j]
				}
				if have != want {
					t.Fatalf("%dx%d turned: [%d] is %v, want %v", rows, cols, i, have, want)
				}
			}
			clear(dst.out[0])
			CopyRows(ptr(dst.out[0]), 4*45, ptr(src), 4*43, rows, cols, 1.5)
			for i, have := range dst.out[0] {
				want := float32(0)
				if row := i / 45; row < rows && i%45 < cols {
					want = src[row*43+i%45] * 1.5
				}
				if have != want {
					t.Fatalf("%dx%d copied: [%d] is %v, want %v", rows, cols, i, have, want)
				}
			}
			dst.check(t, "Turn", 45*45)
			checkRowDots(t, src, rows, cols)
		}
	})
}

func checkRowDots(t *testing.T, v []float32, rows, n int) {
	t.Helper()
	dots := make([]float32, rows)
	RowDots(dots, unsafe.Pointer(&v[0]), unsafe.Pointer(&v[7]), 4*43, n)
	for i, have := range dots {
		want, size := 0.0, 0.0
		for j := range n {
			x := float64(v[i*43+j]) * float64(v[i*43+j+7])
			want, size = want+x, size+math.Abs(x)
		}
		if math.Abs(float64(have)-want) > float64(n+1)*0x1p-24*size {
			t.Fatalf("row %d of %d: %v, want %v", i, n, have, want)
		}
	}
}
