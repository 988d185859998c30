package asm

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// loop is a function of slices: outs are written, ins read, and the result, if any,
// returned.
type loop struct {
	name     string
	out, in  int
	call     func(out, in [][]float32) float64
	rounding float64 // units in the last place that two forms may differ by, of the terms' size
}

func loops() []loop {
	var all []loop
	add := func(name string, out, in int, rounding float64, f func(o, i [][]float32)) {
		all = append(all, loop{name, out, in, func(o, i [][]float32) float64 { f(o, i); return 0 }, rounding})
	}
	sum := func(name string, out, in int, rounding float64, f func(o, i [][]float32) float64) {
		all = append(all, loop{name, out, in, f, rounding})
	}
	for fn := Identity; fn <= ReLU; fn++ {
		add(fmt.Sprint("Apply", fn), 1, 1, 16, func(o, i [][]float32) { Apply(fn, o[0], i[0]) })
		add(fmt.Sprint("ApplySlope", fn), 1, 2, 32, func(o, i [][]float32) { ApplySlope(fn, o[0], i[0], i[1]) })
	}
	for _, fn := range []Func{SiLU, GELU} {
		add(fmt.Sprint("ApplyMul", fn), 1, 2, 16, func(o, i [][]float32) { ApplyMul(fn, o[0], i[0], i[1]) })
		add(fmt.Sprint("ApplyMulSlope", fn), 2, 3, 40, func(o, i [][]float32) { ApplyMulSlope(fn, o[0], o[1], i[0], i[1], i[2]) })
	}
	add("Add", 1, 2, 0, func(o, i [][]float32) { Add(o[0], i[0], i[1]) })
	add("Sub", 1, 2, 0, func(o, i [][]float32) { Sub(o[0], i[0], i[1]) })
	add("Mul", 1, 2, 0, func(o, i [][]float32) { Mul(o[0], i[0], i[1]) })
	add("Scale", 1, 1, 0, func(o, i [][]float32) { Scale(o[0], 1.7, i[0]) })
	add("Shift", 1, 1, 0, func(o, i [][]float32) { Shift(o[0], 1.7, i[0]) })
	add("Axpy", 1, 1, 4, func(o, i [][]float32) { clear(o[0]); Axpy(o[0], 1.5, i[0]); Axpy(o[0], 1.7, i[0]) })
	add("Comb", 1, 2, 4, func(o, i [][]float32) { Comb(o[0], 1.7, i[0], -0.3, i[1]) })
	add("Affine", 1, 3, 4, func(o, i [][]float32) { Affine(Identity, o[0], i[0], i[1], i[2]) })
	add("AffineSiLU", 1, 3, 40, func(o, i [][]float32) { Affine(SiLU, o[0], i[0], i[1], i[2]) })
	add("Affine2", 1, 5, 40, func(o, i [][]float32) { Affine2(o[0], i[0], i[1], i[2], i[3], i[4]) })
	add("AffineSlope", 1, 4, 60, func(o, i [][]float32) { AffineSlope(o[0], i[0], i[1], i[2], i[3]) })
	add("Centre", 1, 1, 2, func(o, i [][]float32) { Centre(o[0], i[0], 0.3, 1.7) })
	add("Diff", 1, 2, 2, func(o, i [][]float32) { Diff(o[0], i[0], i[1], 0.7) })
	add("Blend", 1, 2, 6, func(o, i [][]float32) { Blend(o[0], 1.7, i[0], -0.3, i[1], 0.2) })
	add("MulAddTo", 1, 2, 4, func(o, i [][]float32) { copy(o[0], i[0]); MulAddTo(o[0], i[0], i[1]) })
	add("AddWithProduct", 2, 2, 4, func(o, i [][]float32) {
		copy(o[0], i[1])
		copy(o[1], i[0])
		AddWithProduct(o[0], o[1], i[0], i[1])
	})
	add("AddSquaredDiff", 1, 2, 6, func(o, i [][]float32) { copy(o[0], i[0]); AddSquaredDiff(o[0], i[0], i[1]) })
	add("MulShifted", 1, 2, 2, func(o, i [][]float32) { MulShifted(o[0], i[0], i[1], 0.3) })
	add("Normalise", 1, 3, 8, func(o, i [][]float32) { Normalise(o[0], i[0], i[1], i[2], 0.3, 1.7) })
	add("AdamW", 3, 2, 64, func(o, i [][]float32) {
		copy(o[0], i[0])
		clear(o[1])
		clear(o[2])
		step := AdamW{Beta1: 0.9, Beta2: 0.99, Eps: 1e-8, Factor: 0.5, Shrink: 0.999, Step: 1e-3, Root: 2}
		step.Run(o[0], o[1], o[2], i[1])
		step.Run(o[0], o[1], o[2], i[0])
	})
	sum("Sum", 0, 1, 300, func(_, i [][]float32) float64 { return Sum(i[0]) })
	sum("Dot", 0, 2, 300, func(_, i [][]float32) float64 { return Dot(i[0], i[1]) })
	sum("SumSquaredFrom", 0, 1, 300, func(_, i [][]float32) float64 { return SumSquaredFrom(i[0], 0.3) })
	sum("SumSquaredDiff", 0, 2, 300, func(_, i [][]float32) float64 { return SumSquaredDiff(i[0], i[1]) })
	sum("SumSquares64", 0, 1, 1e-6, func(_, i [][]float32) float64 { return SumSquares64(i[0]) })
	sum("Max", 0, 1, 0, func(_, i [][]float32) float64 { return float64(Max(i[0])) })
	sum("ExpSum", 1, 1, 300, func(o, i [][]float32) float64 { return ExpSum(o[0], i[0], 1) })
	return all
}

// TestLoopsMatchTheirDefinitions runs every loop on every level against its
// definition: all lengths to 300, odd alignments, numbers around.
func TestLoopsMatchTheirDefinitions(t *testing.T) {
	atLevel(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(5, 6))
		for _, l := range loops() {
			for n := range 301 {
				checkLoop(t, r, l, n)
			}
		}
	})
}

func checkLoop(t *testing.T, r *rand.Rand, l loop, n int) {
	t.Helper()
	in := make([][]float32, l.in)
	for i := range in {
		off := r.IntN(4)
		in[i] = randoms(r, n+off)[off:]
	}
	fast, slow := fenced(r, l.out, n), fenced(r, l.out, n)
	have := l.call(fast.out, in)
	want := atPureGo(func() float64 { return l.call(slow.out, in) })
	size := float64(1 + n)
	if d := math.Abs(have - want); d > l.rounding*0x1p-24*size*4 {
		t.Fatalf("%s of %d: have %v, want %v", l.name, n, have, want)
	}
	for o := range fast.out {
		for i, x := range fast.out[o] {
			y := slow.out[o][i]
			if d := math.Abs(float64(x) - float64(y)); d > l.rounding*0x1p-24*max(math.Abs(float64(y)), 1) {
				t.Fatalf("%s of %d: [%d] is %v, want %v", l.name, n, i, x, y)
			}
		}
		fast.check(t, l.name, n)
	}
}

// atPureGo computes f with the definitions.
func atPureGo(f func() float64) float64 {
	was := level
	defer func() { level = was }()
	level = PureGo
	return f()
}

// fences are slices with numbers around that must stay.
type fences struct{ whole, out [][]float32 }

func fenced(r *rand.Rand, n, length int) (f fences) {
	for range n {
		off := 20 + r.IntN(4)
		w := make([]float32, off+length+20)
		for i := range w {
			w[i] = guard
		}
		f.whole, f.out = append(f.whole, w), append(f.out, w[off:off+length:off+length])
	}
	return f
}

func (f fences) check(t *testing.T, name string, n int) {
	t.Helper()
	for i, w := range f.whole {
		off := cap(w) - 20 - len(f.out[i])
		for j, v := range w {
			if (j < off || j >= off+n) && v != guard {
				t.Fatalf("%s of %d: wrote [%d]", name, n, j-off)
			}
		}
	}
}

// TestPlaceDoesNotMatter: a number's result has the same bits wherever it stands.
func TestPlaceDoesNotMatter(t *testing.T) {
	atLevel(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(8, 8))
		for _, l := range loops() {
			if l.name == "ExpSum" || l.out == 0 {
				continue
			}
			in := make([][]float32, l.in)
			for i := range in {
				in[i] = randoms(r, 70)
			}
			whole := fenced(r, l.out, 70).out
			l.call(whole, in)
			for i := range 70 {
				alone := make([][]float32, l.in)
				for k := range alone {
					alone[k] = in[k][i : i+1]
				}
				one := fenced(r, l.out, 1).out
				l.call(one, alone)
				for o := range one {
					if !sameBits(one[o][0], whole[o][i]) {
						t.Fatalf("%s: [%d] is %v, alone %v", l.name, i, whole[o][i], one[o][0])
					}
				}
			}
		}
	})
}

// TestFunctions walks float32 in steps of a prime number of bit patterns and holds the
// functions to their definitions: eight roundings, and two of what the exponential is
// taken of.
func TestFunctions(t *testing.T) {
	const step = 9973
	var x []float32
	for b := uint64(0); b < 1<<32; b += step {
		if v := math.Float32frombits(uint32(b)); !math.IsInf(float64(v), 0) {
			x = append(x, v)
		}
	}
	y := make([]float32, len(x))
	atLevel(t, func(t *testing.T) {
		for fn := Identity; fn <= ReLU; fn++ {
			Apply(fn, y, x)
			for i, v := range x {
				have, want := float64(y[i]), float64(apply(fn, v))
				// An exponential that overflows makes 0 of what is smaller than 2⁻¹¹⁸.
				bound := (8+2*exponent(fn, float64(v)))*0x1p-24*math.Abs(want) + 0x1p-118
				if math.Abs(have-want) > bound || math.IsNaN(have) != math.IsNaN(want) {
					t.Fatalf("function %d of %v is %v, want %v ± %.3g", fn, v, have, want, bound)
				}
			}
		}
	})
}

// exponent is the size of what fn takes the exponential of.
func exponent(fn Func, x float64) float64 {
	switch fn {
	case SiLU, Sigmoid:
		return math.Abs(x)
	case QuickGELU:
		return math.Abs(1.702 * x)
	case GELU:
		return x * x / 2
	case GELUTanh:
		return math.Abs(twiceTanhArg(x))
	}
	return 0
}

// TestRope checks both directions, at even lengths.
func TestRope(t *testing.T) {
	atLevel(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(9, 6))
		for n := 0; n <= 300; n += 2 {
			for _, back := range []bool{false, true} {
				checkLoop(t, r, loop{"Rope", 1, 2, func(o, i [][]float32) float64 { Rope(o[0], i[0], i[1], back); return 0 }, 4}, n)
			}
		}
	})
}

// TestHalves takes all 65536 patterns up and back, and float32 numbers in steps down,
// on every level, against the functions of one number.
func TestHalves(t *testing.T) {
	all, wide, back := make([]uint16, 1<<16+5), make([]float32, 1<<16+5), make([]uint16, 1<<16+5)
	for i := range all {
		all[i] = uint16(i)
	}
	var steps []float32
	for b := uint64(0); b < 1<<32; b += 9973 {
		steps = append(steps, math.Float32frombits(uint32(b)))
	}
	low := make([]uint16, len(steps))
	atLevel(t, func(t *testing.T) {
		WidenF16(wide, all)
		for i, v := range wide {
			if !sameBits(v, Float16(all[i])) {
				t.Fatalf("binary16 %#x is %v, want %v", all[i], v, Float16(all[i]))
			}
		}
		NarrowF16(back, wide)
		for i, h := range back {
			if h != RoundF16(wide[i]) || (wide[i] == wide[i] && h != all[i]) {
				t.Fatalf("%v is binary16 %#x, want %#x", wide[i], h, all[i])
			}
		}
		WidenBF16(wide, all)
		for i, v := range wide {
			if math.Float32bits(v) != uint32(all[i])<<16 {
				t.Fatalf("bfloat16 %#x is %v", all[i], v)
			}
		}
		NarrowF16(low, steps)
		for i, v := range steps {
			if low[i] != RoundF16(v) {
				t.Fatalf("%v is binary16 %#x, want %#x", v, low[i], RoundF16(v))
			}
		}
		NarrowBF16(low, steps)
		for i, v := range steps {
			if low[i] != RoundBF16(v) {
				t.Fatalf("%v is bfloat16 %#x, want %#x", v, low[i], RoundBF16(v))
			}
		}
	})
}
