package asm

import (
	"math"
	"math/rand/v2"
	"testing"
	"unsafe"
)

func TestDots(t *testing.T) {
	atLevel(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(17, 18))
		for K := 1; K <= 300; K += 1 + K/40 {
			for m := 1; m <= DotRows(); m++ {
				checkDots(t, r, Kind(K%3), m, K, 1+(K+m)%5)
			}
		}
	})
}

func checkDots(t *testing.T, r *rand.Rand, kind Kind, m, K, n int) {
	t.Helper()
	ld := K + 3
	w := make([]uint16, n*ld)
	full := randoms(r, n*ld)
	src := ptr(full)
	for i := range w {
		w[i] = uint16(r.Uint32()&0x83ff | (12+r.Uint32N(4))<<10)
		if kind == BF16 {
			w[i] = RoundBF16(full[i])
		}
	}
	if kind != F32 {
		src = ptr(w)
	}
	x := randoms(r, m*K)
	var rows [MaxRows]unsafe.Pointer
	for i := range m {
		rows[i] = ptr(x[i*K:])
	}
	ldOut := n + 2
	out := make([]float32, m*ldOut)
	for i := range out {
		out[i] = guard
	}
	Dots(&rows, m, K, kind, src, ld*kind.Size(), n, ptr(out), 4*ldOut)
	for i, have := range out {
		if i%ldOut >= n {
			if have != guard {
				t.Fatal("wrote past a row")
			}
			continue
		}
		want, size := 0.0, 0.0
		for k := range K {
			v := float64(x[i/ldOut*K+k]) * float64(kind.load(src, i%ldOut*ld+k))
			want, size = want+v, size+math.Abs(v)
		}
		if math.Abs(float64(have)-want) > float64(K+4)*0x1p-24*size {
			t.Fatalf("kind %d m=%d K=%d [%d]: have %v, want %v", kind, m, K, i, have, want)
		}
	}
}
