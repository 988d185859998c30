package rng

import (
	"math"
	"strconv"

	"github.com/easel-go/easel/internal/fault"
)

// Torch draws what a torch.Generator on a CPU draws (PyTorch 2.13: MT19937RNGEngine.h,
// DistributionsHelper.h, cpu/DistributionTemplates.h). The zero value is a generator
// seeded with 0.
type Torch struct {
	// Legacy draws as torch 2.7 and older do where these differ: 16-bit normals and
	// uniforms from 11-bit (bfloat16: 8-bit) numbers with every operation rounded to
	// 16 bits, and integers from 64 bits only where the range is 2³² or more. A
	// float16 picture of 2024 that drew its noise on a CPU needs it.
	Legacy bool

	mt     mt19937
	seed   uint64
	seeded bool
	kept   float64 // second value of the last serial pair
	keeps  bool
}

// NewTorch returns a generator as after torch.Generator().manual_seed(seed). Only
// the low 32 bits of seed count.
func NewTorch(seed int64) *Torch {
	g := new(Torch)
	g.Seed(seed)
	return g
}

// Seed starts the generator over, as manual_seed.
func (g *Torch) Seed(seed int64) {
	g.seed, g.seeded, g.keeps = uint64(seed), true, false
	g.mt.seed(uint32(seed))
}

// InitialSeed returns the seed last given, as initial_seed.
func (g *Torch) InitialSeed() uint64 { return g.seed }

// engine returns the engine, seeded.
func (g *Torch) engine() *mt19937 {
	if !g.seeded {
		g.Seed(0)
	}
	return &g.mt
}

// Uint32 returns the next 32 random bits, which every other draw is made of.
func (g *Torch) Uint32() uint32 { return g.engine().uint32() }

// Int63 returns what torch.empty((), dtype=torch.int64).random_() holds: 63 bits.
func (g *Torch) Int63() int64 { return int64(g.engine().uint64() & math.MaxInt64) }

// Uniform fills dst with numbers in [0, 1) as torch.rand. Those of 16-bit precision
// are float32's rounded, and 0 where that rounding gives 1.
func (g *Torch) Uniform(dst []float32, p Precision) {
	m := g.engine()
	if g.Legacy && p != F32 {
		for i := range dst {
			dst[i] = legacyUniform(m, p)
		}
		return
	}
	for i := range dst {
		x := p.round(uniform32(m))
		if x == 1 {
			x = 0
		}
		dst[i] = x
	}
}

// Uniform64 fills dst with numbers in [0, 1) as torch.rand with dtype float64.
func (g *Torch) Uniform64(dst []float64) {
	m := g.engine()
	for i := range dst {
		dst[i] = uniform64(m)
	}
}

func uniform32(m *mt19937) float32 { return float32(m.uint32()&(1<<24-1)) * 0x1p-24 }
func uniform64(m *mt19937) float64 { return float64(m.uint64()&(1<<53-1)) * 0x1p-53 }

// Ints fills dst with integers in [lo, hi) as torch.randint.
func (g *Torch) Ints(dst []int64, lo, hi int64) error {
	if lo >= hi {
		return &fault.Error{Kind: fault.Invalid, Op: "rng", What: "range of integers",
			Have: "[" + strconv.FormatInt(lo, 10) + ", " + strconv.FormatInt(hi, 10) + ")", Want: "low < high"}
	}
	m, n := g.engine(), uint64(hi)-uint64(lo)
	wide := uint64(1 << 28)
	if g.Legacy {
		wide = 1 << 32
	}
	for i := range dst {
		var r uint64
		if n >= wide {
			r = m.uint64()
		} else {
			r = uint64(m.uint32())
		}
		dst[i] = int64(r%n + uint64(lo))
	}
	return nil
}

// Perm returns the numbers 0 … n−1 in random order, as torch.randperm; none for n < 1.
func (g *Torch) Perm(n int) []int {
	m, p := g.engine(), make([]int, max(n, 0))
	for i := range p {
		p[i] = i
	}
	draw := func() uint64 { return uint64(m.uint32()) }
	if n >= math.MaxUint32/20 {
		draw = m.uint64
	}
	for i := range max(n-1, 0) {
		j := i + int(draw()%uint64(n-i))
		p[i], p[j] = p[j], p[i]
	}
	return p
}

// EpochOrder returns the order in which the next epoch of a
// torch.utils.data.DataLoader(shuffle=True) visits n samples when g is torch's
// default generator. It takes two numbers: the loader's base seed, and the seed of
// a generator that RandomSampler makes for itself.
func (g *Torch) EpochOrder(n int) []int {
	g.Int63()
	return NewTorch(g.Int63()).Perm(n)
}
