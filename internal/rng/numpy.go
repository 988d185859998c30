package rng

import "math"

// NumPy draws what numpy.random.RandomState draws: MT19937 and the polar method of
// Marsaglia (numpy 2.4: _mt19937.pyx, legacy-distributions.c). diffusers' own tests
// take their latents from it. The zero value is a generator seeded with 0.
type NumPy struct {
	mt     mt19937
	seeded bool
	kept   float64 // second value of the last pair
	keeps  bool
}

// NewNumPy returns a generator as RandomState(seed).
func NewNumPy(seed uint32) *NumPy {
	g := new(NumPy)
	g.Seed(seed)
	return g
}

// Seed starts the generator over.
func (g *NumPy) Seed(seed uint32) {
	g.mt.seed(seed)
	g.seeded, g.keeps = true, false
}

// Uint32 returns the next 32 random bits.
func (g *NumPy) Uint32() uint32 {
	if !g.seeded {
		g.Seed(0)
	}
	return g.mt.uint32()
}

// Float64 returns a number in [0, 1) of 53 bits, as random_sample.
func (g *NumPy) Float64() float64 {
	hi, lo := g.Uint32()>>5, g.Uint32()>>6
	return (float64(hi)*(1<<26) + float64(lo)) * 0x1p-53
}

// Normal fills dst as standard_normal(len(dst)). Successive calls give what one
// call for all would.
func (g *NumPy) Normal(dst []float64) {
	for i := range dst {
		dst[i] = g.nextNormal()
	}
}

func (g *NumPy) nextNormal() float64 {
	if g.keeps {
		g.keeps = false
		return g.kept
	}
	for {
		x, y := 2*g.Float64()-1, 2*g.Float64()-1
		r := float64(x*x) + float64(y*y)
		if r >= 1 || r == 0 {
			continue
		}
		f := math.Sqrt(-2 * math.Log(r) / r)
		g.kept, g.keeps = f*x, true
		return f * y
	}
}
