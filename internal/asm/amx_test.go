package asm

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestAMX(t *testing.T) {
	r := rand.New(rand.NewPCG(19, 20))
	for _, pairs := range []int{16, 48, 160} {
		for panels := 1; panels <= 3; panels++ {
			const pad = 6
			ldA, ldC := 2*pairs+pad, 32*panels+pad
			a, b := make([]uint16, AMXRows*ldA), make([]uint16, panels*pairs*64)
			for i := range a {
				a[i] = RoundBF16(float32(r.NormFloat64()))
			}
			for i := range b {
				b[i] = RoundBF16(float32(r.NormFloat64()))
			}
			c := randoms(r, AMXRows*ldC)
			before := append([]float32(nil), c...)
			add := panels%2 == 0
			AMXProduct(ptr(a), 2*ldA, ptr(b), ptr(c), 4*ldC, pairs, panels, add)
			for i, have := range c {
				row, col := i/ldC, i%ldC
				if col >= 32*panels {
					if have != before[i] {
						t.Fatal("wrote past a row")
					}
					continue
				}
				want, size := 0.0, 0.0
				if add {
					want, size = float64(before[i]), math.Abs(float64(before[i]))
				}
				for k := range 2 * pairs {
					v := float64(BF16.load(ptr(a), row*ldA+k)) * float64(BF16.load(ptr(b), (col/32*pairs+k/2)*64+2*(col%32)+k%2))
					want, size = want+v, size+math.Abs(v)
				}
				if math.Abs(float64(have)-want) > float64(2*pairs+4)*0x1p-23*size {
					t.Fatalf("pairs %d panels %d [%d][%d]: have %v, want %v", pairs, panels, row, col, have, want)
				}
			}
		}
	}
}

func BenchmarkAMX(b *testing.B) {
	if !HasAMX() {
		b.Skip("no AMX")
	}
	const pairs, panels = 640, 10
	x, w, c := make([]float32, AMXRows*pairs), make([]float32, panels*pairs*32), make([]float32, AMXRows*panels*32)
	for b.Loop() {
		AMXProduct(ptr(x), 4*pairs, ptr(w), ptr(c), 4*32*panels, pairs, panels, false)
	}
	b.ReportMetric(float64(b.N)*2*AMXRows*32*panels*2*pairs/b.Elapsed().Seconds()/1e9, "GFLOPS")
}

func BenchmarkPeakBF16(b *testing.B) {
	flops := 0
	for b.Loop() {
		flops += PeakBF16(1000)
	}
	b.ReportMetric(float64(flops)/b.Elapsed().Seconds()/1e9, "GFLOPS")
}
