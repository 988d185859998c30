package asm

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestRoundToBF16(t *testing.T) {
	r := rand.New(rand.NewPCG(13, 14))
	special := []float32{0, 1, -1, 0x1.01p0, 0x1.03p0, 0x1.0101p0, float32(math.Inf(1)), float32(math.Inf(-1)), float32(math.NaN()), math.MaxFloat32}
	for n := range 100 {
		x := randoms(r, n)
		for i := range x {
			if r.IntN(4) == 0 {
				x[i] = special[r.IntN(len(special))]
			}
		}
		y := make([]float32, n+1)
		y[n] = guard
		RoundRow(ptr(y), ptr(x), n)
		pairs := make([]uint16, n+1)
		pairs[n] = 77
		if level >= AVX512BF16 {
			PairRow(ptr(pairs), ptr(x), n)
		}
		for i, v := range x {
			want := math.Float32frombits(uint32(RoundBF16(v)) << 16)
			if !sameBits(y[i], want) || level >= AVX512BF16 && !sameBits(BF16.load(ptr(pairs), i), want) {
				t.Fatalf("n=%d [%d]: %v became %v and %v, want %v", n, i, v, y[i], BF16.load(ptr(pairs), i), want)
			}
		}
		if y[n] != guard || pairs[n] != 77 {
			t.Fatal("wrote past the row")
		}
	}
}

func TestPairPanel(t *testing.T) {
	if level < AVX512BF16 {
		t.Skip("no AVX512-BF16")
	}
	r := rand.New(rand.NewPCG(15, 16))
	const pairs = 7
	x := randoms(r, 2*pairs*32)
	y := append([]float32(nil), x...)
	PairPanel(ptr(y), pairs)
	for i, v := range x {
		k, j := i/32, i%32
		have, want := BF16.load(ptr(y), k/2*64+2*j+k%2), math.Float32frombits(uint32(RoundBF16(v))<<16)
		if have != want {
			t.Fatalf("row %d column %d: %v became %v, want %v", k, j, v, have, want)
		}
	}
}
