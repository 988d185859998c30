package rng

import (
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/easel-go/easel/internal/fault"
)

// TestPublished compares with numbers that stand in torch's and cuRAND's public
// documentation, logs and discussions, to the digits printed there.
func TestPublished(t *testing.T) {
	normal := func(g Source, n int, p Precision) []float32 {
		x := make([]float32, n)
		g.Normal(x, p)
		return x
	}
	second := func(g Source, n, m int) []float32 { normal(g, n, F32); return normal(g, m, F32) }
	for _, c := range []struct {
		name string
		have []float32
		want []float32
		tol  float64
	}{
		{"cpu 6", normal(NewTorch(0), 6, F32), []float32{1.5409961, -0.2934289, -2.1787894, 0.5684313, -1.0845224, -1.3985955}, 1e-7},
		{"cpu 16", normal(NewTorch(0), 16, F32), []float32{-1.1258398, -1.1523602, -0.2505786, -0.4338788, 0.8487104, 0.6920092}, 1e-7},
		{"cpu 16 seed 42", normal(NewTorch(42), 16, F32), []float32{1.9269150, 1.4872842, 0.9007172, -2.1055214}, 5e-7},
		{"cpu 20", normal(NewTorch(0), 20, F32), []float32{-1.1258398, -1.1523602, -0.2505786, -0.4338788, 0.5988395, -1.5550951}, 1e-7},
		{"zero value", normal(new(Torch), 2, F32), []float32{1.5409961, -0.2934289}, 1e-7},
		{"cuda", normal(new(CUDA), 12, F32), []float32{-0.92466, -0.42534, -2.64385, 0.14518, -0.12087, -0.57973, -0.62285, -0.32839, -1.07454, -0.36314, -1.67105, 2.26550}, 6e-6},
		{"cuda second draw", second(new(CUDA), 12, 12), []float32{0.18083, -0.55226, 0.92381, -0.73497}, 6e-6},
		{"cuda seed 42", normal(&CUDA{Seed: 42}, 1024, F32), []float32{0.1940, 2.1614, -0.1721, 0.8491, -1.9244, 0.6530, -0.6494, -0.8175, 0.5280, -1.2753, -1.6621, -0.3033}, 6e-5},
		{"cuda seed 42 from 781", normal(&CUDA{Seed: 42}, 1024, F32)[781:], []float32{-0.1797, 0.9744, -2.0136}, 6e-5},
		{"cuda on 160 blocks", normal(&CUDA{Blocks: 160}, 65536, F32)[40960:], []float32{0.991138}, 1e-6},
		{"cuda on many blocks", normal(&CUDA{}, 65536, F32)[40960:], []float32{1.76639}, 6e-6},
	} {
		for i, want := range c.want {
			if d := math.Abs(float64(c.have[i] - want)); d > c.tol {
				t.Errorf("%s[%d] = %v, want %v", c.name, i, c.have[i], want)
			}
		}
	}
}

// TestLegacy compares with values computed from the source of torch 2.7.
func TestLegacy(t *testing.T) {
	g := &Torch{Legacy: true}
	x := make([]float32, 16)
	g.Normal(x, F16)
	for i, want := range []float32{-0.9014, 0.4814, 1.1982, 0.9063, 0.7998, -0.2549, -1.8877, -0.1833} {
		if math.Abs(float64(x[i]-want)) > 6e-5 {
			t.Errorf("float16[%d] = %v, want %v", i, x[i], want)
		}
	}
	g.Seed(0)
	g.Normal(x, BF16)
	for i, v := range x {
		if math.Abs(float64(v)) > 3.4 || BF16.round(v) != v {
			t.Errorf("bfloat16[%d] = %v", i, v)
		}
	}
	ints := make([]int64, 1)
	for _, legacy := range []bool{true, false} {
		g = &Torch{Legacy: legacy}
		_ = g.Ints(ints, 0, 1<<30)
		if narrow := ints[0] == 2357136044%(1<<30); narrow != legacy {
			t.Errorf("a range of 2³⁰: from 32 bits %v, want %v", narrow, legacy)
		}
	}
}

// TestCUDASeeds compares with float16 bits computed for the seeds of a known series
// of pictures; a GPU's approximations may change the last bit.
func TestCUDASeeds(t *testing.T) {
	for seed, c := range map[uint64]struct {
		bits [8]uint16
		sum  float64
	}{
		0: {[8]uint16{0xbb66, 0xb6ce, 0xc14a, 0x30a5, 0xafbc, 0xb8a3, 0xb8fc, 0xb541}, -250.98},
		1: {[8]uint16{0xb4be, 0x415a, 0xb082, 0xbac1, 0x34a6, 0xb48b, 0xbdd0, 0x40bf}, 150.86},
		2: {[8]uint16{0x25b8, 0xb89f, 0x39a4, 0xa85b, 0x3363, 0x290a, 0xbf22, 0xb68b}, -703.14},
		5: {[8]uint16{0x34f4, 0x3cde, 0x3a31, 0x3eae, 0x3669, 0xbc2a, 0xc0c4, 0x3b8a}, -207.95},
		7: {[8]uint16{0xb4e1, 0x3c2e, 0xb475, 0x39be, 0xba5b, 0xbc7e, 0xba6d, 0xbc0a}, 384.21},
	} {
		x := make([]float32, 65536)
		(&CUDA{Seed: seed}).Normal(x, F16)
		sum := 0.0
		for i, v := range x {
			sum += float64(v)
			if i < 8 {
				if d := int(bitsF16(float64(v))) - int(c.bits[i]); d < -1 || d > 1 {
					t.Errorf("seed %d[%d] = %#04x, want %#04x", seed, i, bitsF16(float64(v)), c.bits[i])
				}
			}
		}
		if math.Abs(sum-c.sum) > 0.1 {
			t.Errorf("seed %d: sum %v, want %v", seed, sum, c.sum)
		}
	}
}

// TestPolynomials holds log32 and sincos32 against package math over every
// argument that a 24-bit uniform can make (each 37th of them).
func TestPolynomials(t *testing.T) {
	worst := [3]float64{}
	for k := uint32(0); k < 1<<24; k += 37 {
		u := float32(k) * 0x1p-24
		x, a := 1-u, float32(2*math.Pi)*u
		s, c := sincos32(a)
		worst[0] = max(worst[0], math.Abs(float64(log32(x))-math.Log(float64(x))))
		worst[1] = max(worst[1], math.Abs(float64(s)-math.Sin(float64(a))))
		worst[2] = max(worst[2], math.Abs(float64(c)-math.Cos(float64(a))))
	}
	// half a unit in the last place of 17 is 9.5e-7; of 1, 6e-8, and the reduction adds some
	if worst[0] > 1e-6 || worst[1] > 2e-7 || worst[2] > 2e-7 {
		t.Errorf("log, sin, cos are off by %.3g", worst)
	}
}

// TestFMA32 holds fma32 against exact arithmetic, on sums that lie close to halfway
// between two float32 too.
func TestFMA32(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	float := func() float32 {
		return math.Float32frombits(r.Uint32()&0x80ffffff | (100+r.Uint32N(50))<<23)
	}
	for range 200_000 {
		a, b, c := float(), float(), float()
		if r.IntN(2) == 0 { // halfway, and a product far below it
			c = math.Float32frombits(math.Float32bits(c) &^ 0xfff)
			a, b = math.Float32frombits(math.Float32bits(c)&0xff800000)*0x1p-24*(1+float32(r.IntN(2))*0x1p-23), 1+float32(r.IntN(3)-1)*0x1p-23
		}
		exact := new(big.Float).SetPrec(300).SetFloat64(float64(a))
		exact.Mul(exact, new(big.Float).SetPrec(300).SetFloat64(float64(b)))
		exact.Add(exact, new(big.Float).SetPrec(300).SetFloat64(float64(c)))
		if want, _ := exact.Float32(); fma32(a, b, c) != want {
			t.Fatalf("fma32(%g, %g, %g) = %g, want %g", a, b, c, fma32(a, b, c), want)
		}
	}
}

// TestPrecision checks rounding: values of the grid stay, the middle of two goes to
// the even one, its neighbours to the nearer.
func TestPrecision(t *testing.T) {
	for p, step := range map[Precision]uint32{F16: 1 << 13, BF16: 1 << 16} {
		for _, lo := range []uint32{0x38800000, 0x3f800000, 0x3f800000 + step, 0xc0490000, 0x477fc000 &^ (step - 1)} {
			hi, middle := lo+step, math.Float32frombits(lo+step/2)
			even := lo
			if lo/step%2 == 1 {
				even = hi
			}
			for x, want := range map[float32]uint32{math.Float32frombits(lo): lo, middle: even,
				math.Float32frombits(lo + step/2 - 1): lo, math.Float32frombits(lo + step/2 + 1): hi} {
				if have := math.Float32bits(p.round(x)); have != want {
					t.Errorf("%v of %x = %x, want %x", p, math.Float32bits(x), have, want)
				}
			}
		}
	}
	for x, want := range map[float32]float32{0x1p-25: 0, 0x1.8p-25: 0x1p-24, 0x3p-25: 0x2p-24, -0x1p-24: -0x1p-24, 65519: 65504, 65520: float32(math.Inf(1)), 1e-9: 0} {
		if have := F16.round(x); have != want {
			t.Errorf("float16 of %g = %g, want %g", x, have, want)
		}
	}
	if x := F16.round(float32(math.NaN())); x == x {
		t.Errorf("float16 of NaN = %v", x)
	}
}

// TestPieces: what successive draws share, and what they do not.
func TestPieces(t *testing.T) {
	whole, pieces := make([]float64, 101), make([]float64, 101)
	NewNumPy(3).Normal(whole)
	g := NewNumPy(3)
	for i := 0; i < len(pieces); i += 7 {
		g.Normal(pieces[i:min(i+7, len(pieces))])
	}
	if !slices.Equal(whole, pieces) {
		t.Error("numpy: pieces differ from the whole")
	}
	if len(NewTorch(1).Perm(-3)) != 0 || len(NewTorch(1).Perm(0)) != 0 {
		t.Error("a permutation of nothing has elements")
	}
	new(CUDA).Normal(nil, F32)
	NewTorch(0).Normal(nil, F16)
}

func TestIntsOfNoRange(t *testing.T) {
	for _, r := range [][2]int64{{0, 0}, {3, 2}, {math.MaxInt64, math.MinInt64}} {
		if err := NewTorch(0).Ints(make([]int64, 1), r[0], r[1]); fault.KindOf(err) != fault.Invalid {
			t.Errorf("range %v: %v", r, err)
		}
	}
}

func BenchmarkNormal(b *testing.B) {
	x := make([]float32, 1*4*128*128)
	for name, g := range map[string]Source{"torch/float32": NewTorch(0), "cuda/float32": new(CUDA)} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				g.Normal(x, F32)
			}
			b.ReportMetric(float64(len(x))*float64(b.N)/b.Elapsed().Seconds()/1e6, "Mnormals/s")
		})
	}
	b.Run("torch/float16", func(b *testing.B) {
		g := NewTorch(0)
		for b.Loop() {
			g.Normal(x, F16)
		}
		b.ReportMetric(float64(len(x))*float64(b.N)/b.Elapsed().Seconds()/1e6, "Mnormals/s")
	})
}
