package asm

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
	"unsafe"
)

// pairInputs are kinds of bfloat16 that sums of products treat differently.
var pairInputs = map[string]func(r *rand.Rand) uint16{
	"normal":    func(r *rand.Rand) uint16 { return RoundBF16(float32(r.NormFloat64())) },
	"wide":      func(r *rand.Rand) uint16 { return uint16(r.Uint32()&0x807f | (87+r.Uint32N(80))<<7) },
	"cancel":    func(r *rand.Rand) uint16 { return uint16(r.Uint32()&0x8003 | (126+r.Uint32N(2))<<7) },
	"tiny":      func(r *rand.Rand) uint16 { return uint16(r.Uint32()&0x807f | (60+r.Uint32N(8))<<7) },
	"subnormal": func(r *rand.Rand) uint16 { return uint16(r.Uint32()&0x807f | r.Uint32N(2)*127<<7) },
	"huge":      func(r *rand.Rand) uint16 { return uint16(r.Uint32()&0x807f | (185+r.Uint32N(8))<<7) },
}

func pairsOf(r *rand.Rand, n int, draw func(r *rand.Rand) uint16) []uint16 {
	v := make([]uint16, n)
	for i := range v {
		v[i] = draw(r)
	}
	return v
}

func sameNumbers(t *testing.T, name string, have, want []float32) {
	t.Helper()
	for i, v := range have {
		if !sameBits(v, want[i]) && !(v != v && want[i] != want[i]) {
			t.Fatalf("%s: [%d] is %v (%#08x), want %v (%#08x)", name, i, v, math.Float32bits(v), want[i], math.Float32bits(want[i]))
		}
	}
}

// TestTileBF16IsItsDefinition holds VDPBF16PS to the bit.
func TestTileBF16IsItsDefinition(t *testing.T) {
	if level < AVX512BF16 {
		t.Skip("no AVX512-BF16")
	}
	r := rand.New(rand.NewPCG(15, 6))
	for name, draw := range pairInputs {
		for m := 1; m <= MaxRows; m++ {
			const k, segs, n = 21, 2, 40
			b := pairsOf(r, 2*segs*k*2*dotColumns, draw)
			table := make([][MaxRows]unsafe.Pointer, segs)
			for s := range table {
				for i := range table[s] {
					table[s][i] = ptr(pairsOf(r, 2*k, draw))
				}
			}
			have, want := make([]float32, m*n), make([]float32, m*n)
			tile := Tile{Rows: ptr(table), Segs: segs, K: k, B: ptr(b), C: ptr(have), LdC: 4 * n, M: m, N: n, Bias: ptr(randoms(r, n))}
			tile.RunBF16()
			tile.C = ptr(want)
			tileBF16Go(&tile)
			sameNumbers(t, name, have, want)
		}
	}
}

// TestAMXIsItsDefinition holds TDPBF16PS to the bit.
func TestAMXIsItsDefinition(t *testing.T) {
	if !HasAMX() {
		t.Skip("no AMX")
	}
	r := rand.New(rand.NewPCG(16, 6))
	for name, draw := range pairInputs {
		for _, panels := range []int{1, 3} {
			const pairs = 2 * AMXPairs
			a, b := pairsOf(r, AMXRows*2*pairs, draw), pairsOf(r, panels*pairs*2*dotColumns, draw)
			have := randoms(r, AMXRows*panels*dotColumns)
			want := append([]float32(nil), have...)
			AMXProduct(ptr(a), 4*pairs, ptr(b), ptr(have), 4*dotColumns*panels, pairs, panels, panels > 1)
			def := amx{a: ptr(a), ldA: 4 * pairs, b: ptr(b), c: ptr(want), ldC: 4 * dotColumns * panels, steps: pairs / AMXPairs, panels: panels}
			if panels > 1 {
				def.add = 1
			}
			amxGo(&def)
			sameNumbers(t, name, have, want)
		}
	}
}

// TestRoundedSum holds the one rounding to math/big's.
func TestRoundedSum(t *testing.T) {
	r := rand.New(rand.NewPCG(17, 6))
	for range 200000 {
		a := math.Ldexp(float64(int64(r.Uint32N(1<<17))-1<<16), int(r.Int32N(60))-40)
		b := float64(math.Float32frombits(r.Uint32()&0x807fffff | (100+r.Uint32N(60))<<23))
		exact := new(big.Float).SetPrec(300).SetFloat64(a)
		want, _ := exact.Add(exact, big.NewFloat(b)).Float32()
		if have := roundedSum(a, b); have != want {
			t.Fatalf("%v + %v is %v, want %v", a, b, have, want)
		}
	}
}
