package asm

import (
	"hash/fnv"
	"math"
	"math/rand/v2"
	"testing"
	"unsafe"
)

// vectorBits are sums over the bits of what loops compute on level AVX2, and on NEON,
// whose loops add in the same order.
var vectorBits = map[string]uint32{
	"AdamW": 0x90efe724, "Add": 0x6c4552e6, "AddSquaredDiff": 0x1431cc90, "Affine": 0x99a24204,
	"AddWithProduct": 0xcd215b3f, "Affine2": 0xe3ef1069, "AffineSlope": 0x41c97766, "AffineSiLU": 0xdb7028ac, "Apply0": 0xadc628de, "Apply1": 0xb051d9d3, "Apply2": 0x09eca544,
	"Apply3": 0xb6c740e2, "Apply4": 0xacc5caf5, "Apply5": 0xd4357edf, "Apply6": 0x9b55fcab,
	"Apply7": 0x195a2218, "ApplyMul1": 0x887c1de5, "ApplyMul2": 0x1e47cb92,
	"ApplyMulSlope1": 0xb355dd78, "ApplyMulSlope2": 0xae069b9b, "ApplySlope0": 0x8d4251e5,
	"ApplySlope1": 0x26df843f, "ApplySlope2": 0x8494b8ab, "ApplySlope3": 0x2172a484,
	"ApplySlope4": 0xd815fea8, "ApplySlope5": 0x08c6a336, "ApplySlope6": 0x51614638,
	"ApplySlope7": 0x153e8d1d, "Axpy": 0x5ef79cf3, "Blend": 0x205ccfde, "Centre": 0xf14649d6,
	"Comb": 0x2d757a14, "Diff": 0xf7007f71, "Dot": 0x381251df, "Dots": 0x0d5eb0f7,
	"ExpSum": 0x2ea1aced, "Max": 0x6b18ae20, "Mul": 0xecedb1f7, "MulAdd": 0x6c1b4876,
	"MulAddTo": 0xd87d9858, "MulShifted": 0x6c2acc18, "Normalise": 0x1319160e, "Product": 0x58c18e0f,
	"Rope": 0x7376695c, "RowDots": 0x8899ca8d, "Scale": 0xc35fee9a, "Shift": 0x2000d3c6,
	"Softmax": 0x114fb666, "Sub": 0x613ec6d6, "Sum": 0x3971e8b5, "SumSquaredDiff": 0x1490fdaf,
	"SumSquaredFrom": 0xc6a17db4, "SumSquares64": 0x94914f39, "Tile": 0x49b088d8,
	"Winograd": 0xe12b4107,
}

// TestAVX2AndNEONAgree: the two give the same bits. Who changes the order in which one
// adds changes the other, and the sums above.
func TestAVX2AndNEONAgree(t *testing.T) {
	if level < AVX2 {
		t.Skip("no vectors")
	}
	was := level
	defer func() { level = was }()
	level = AVX2
	for name, compute := range bitLoops() {
		r := rand.New(rand.NewPCG(1, 2))
		h := fnv.New32a()
		for i, v := range compute(func(n int) []float32 { return exactly(r, n) }) {
			if v != v {
				t.Fatalf("%s: number %d is NaN", name, i)
			}
			b := math.Float32bits(v)
			h.Write([]byte{byte(b), byte(b >> 8), byte(b >> 16), byte(b >> 24)})
		}
		if want, ok := vectorBits[name]; !ok || h.Sum32() != want {
			t.Errorf("%s: have %#08x, want %#08x", name, h.Sum32(), want)
		}
	}
}

// exactly returns n numbers between −4 and 4 that need no rounding to make.
func exactly(r *rand.Rand, n int) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(int32(r.Uint32())>>8) * 0x1p-21
	}
	return v
}

// bitLoops are loops with the numbers they make from those that a function draws.
func bitLoops() map[string]func(draw func(n int) []float32) []float32 {
	const n = 77
	all := map[string]func(draw func(n int) []float32) []float32{
		"Tile": tileBits, "Product": productBits, "Softmax": softmaxBits, "Dots": dotBits, "Winograd": winogradBits,
		"RowDots": func(draw func(n int) []float32) []float32 {
			y := make([]float32, 3)
			RowDots(y, ptr(draw(3*n)), ptr(draw(3*n)), 4*n, n)
			return y
		},
		"Rope": func(draw func(n int) []float32) []float32 {
			y, back := make([]float32, n-1), make([]float32, n-1)
			Rope(y, draw(n-1), draw(n-1), false)
			Rope(back, draw(n-1), draw(n-1), true)
			return append(y, back...)
		},
	}
	for _, l := range loops() {
		all[l.name] = func(draw func(n int) []float32) (bits []float32) {
			out, in := make([][]float32, l.out), make([][]float32, l.in)
			for i := range out {
				out[i] = make([]float32, n)
			}
			for i := range in {
				in[i] = draw(n)
			}
			bits = append(bits, float32(l.call(out, in)))
			for _, o := range out {
				bits = append(bits, o...)
			}
			return bits
		}
	}
	return all
}

func tileBits(draw func(n int) []float32) (c []float32) {
	const k, n, ld = 37, 41, 48
	var table [MaxRows]unsafe.Pointer
	for i := range table {
		table[i] = ptr(draw(k))
	}
	for m := 1; m <= 6; m++ {
		y := make([]float32, m*ld)
		tile := Tile{Rows: unsafe.Pointer(&table), Segs: 1, K: k, B: ptr(draw(k * ld)), C: ptr(y), LdC: 4 * ld, M: m, N: n}
		tile.Add, tile.LdAdd, tile.Res, tile.LdRes = ptr(draw(m*ld)), 4*ld, ptr(draw(m*ld)), 4*ld
		tile.Bias, tile.Item = ptr(draw(ld)), ptr(draw(ld))
		tile.Run()
		c = append(c, y...)
	}
	return c
}

func productBits(draw func(n int) []float32) (c []float32) {
	const k, n = 21, 48
	for m := 1; m <= 13; m++ {
		for _, turned := range []bool{false, true} {
			y := draw(m * n)
			p := Product{A: ptr(draw(64 * 64)), LdA: 64, Turned: turned, B: ptr(draw(k * n)), LdB: n, C: ptr(y), LdC: n, Keep: ptr(draw(n)), M: m, N: n, K: k}
			p.Run()
			c = append(c, y...)
		}
	}
	return c
}

func softmaxBits(draw func(n int) []float32) []float32 {
	const rows = 21
	s, top, sum, keep := draw(rows*16), draw(16), draw(16), make([]float32, 16)
	ColumnSoftmax(s, top, sum, keep)
	p, g := draw(3*32), draw(3*32)
	SoftmaxGrad(p, g, 32, 32, draw(3), draw(3))
	return append(append(append(append(append(s, top...), sum...), keep...), p...), g...)
}

// dotBits has whole vectors: what is left of a row is up to Go's compiler, which joins
// products with sums on some processors.
func dotBits(draw func(n int) []float32) (c []float32) {
	const k, n = 48, 5
	for _, kind := range []Kind{F32, F16, BF16} {
		for m := 1; m <= 4; m++ {
			var table [MaxRows]unsafe.Pointer
			for i := range table {
				table[i] = ptr(draw(k))
			}
			w := ptr(draw(n * k))
			switch kind {
			case F16:
				half := make([]uint16, n*k)
				NarrowF16(half, draw(n*k))
				w = ptr(half)
			case BF16:
				half := make([]uint16, n*k)
				NarrowBF16(half, draw(n*k))
				w = ptr(half)
			}
			y := make([]float32, m*n)
			Dots(&table, m, k, kind, w, k*kind.Size(), n, ptr(y), 4*n)
			c = append(c, y...)
		}
	}
	return c
}

func winogradBits(draw func(n int) []float32) []float32 {
	const channels = 32
	w := Columns()
	var pixels [36][MaxRows]unsafe.Pointer
	for i := range pixels {
		pixels[i][0] = ptr(draw(channels))
	}
	var scratch Scratch
	v, u, y := make([]float32, 36*channels), make([]float32, 36*channels*w), make([]float32, 16*w)
	WinogradInput(unsafe.Pointer(&pixels), ptr(v), 4*channels, &scratch, channels)
	WinogradWeights(ptr(draw(9*channels*w)), 4*w, 36*w, ptr(u), 4*channels*w, &scratch, channels)
	WinogradOutput(ptr(draw(36*w)), 4*w, ptr(y), 4*w, ptr(draw(w)), &scratch, w)
	return append(append(v, u...), y...)
}
