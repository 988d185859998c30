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
		PairRow(ptr(pairs), ptr(x), n)
		for i, v := range x {
			want := math.Float32frombits(uint32(RoundBF16(v)) << 16)
			if !sameBits(y[i], want) || !sameBits(BF16.load(ptr(pairs), i), want) {
				t.Fatalf("n=%d [%d]: %v became %v and %v, want %v", n, i, v, y[i], BF16.load(ptr(pairs), i), want)
			}
		}
		if y[n] != guard || pairs[n] != 77 {
			t.Fatal("wrote past the row")
		}
	}
}

// TestPairing holds PairRow and PairPanel to their definitions, subnormals included.
func TestPairing(t *testing.T) {
	r := rand.New(rand.NewPCG(15, 16))
	for pairs := 1; pairs < 40; pairs++ {
		x := randoms(r, 2*pairs*dotColumns)
		for i := range x {
			if r.IntN(5) == 0 {
				x[i] = math.Float32frombits(r.Uint32() & 0x80ffffff)
			}
		}
		panel, row := append([]float32(nil), x...), make([]uint16, len(x)+1)
		PairPanel(ptr(panel), pairs)
		row[len(x)] = 77
		PairRow(ptr(row), ptr(x), len(x)-pairs)
		for i, v := range x {
			want := RoundBF16(flush(v))
			k, j := i/dotColumns, i%dotColumns
			if have := BF16.load(ptr(panel), k/2*64+2*j+k%2); have != math.Float32frombits(uint32(want)<<16) {
				t.Fatalf("row %d column %d: %v became %v", k, j, v, have)
			}
			if i < len(x)-pairs && row[i] != want {
				t.Fatalf("[%d]: %v became %#04x, want %#04x", i, v, row[i], want)
			}
		}
		if row[len(x)] != 77 {
			t.Fatal("wrote past the row")
		}
	}
}
