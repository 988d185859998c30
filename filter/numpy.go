package filter

import (
	"math"
	"math/bits"
)

// permutation returns numpy's default_rng(seed).permutation(n), which datasets shuffle
// by: PCG64 (O'Neill 2014, XSL-RR 128/64) behind a SeedSequence.
func permutation(seed uint32, n int) []int {
	p := make([]int, n)
	for i := range p {
		p[i] = i
	}
	g := newPCG(seed)
	for i := n - 1; i > 0; i-- {
		j := g.upTo(uint64(i))
		p[i], p[j] = p[j], p[i]
	}
	return p
}

// pcg is numpy's PCG64. A 64-bit draw serves two calls of next32.
type pcg struct {
	hi, lo, incHi, incLo uint64
	kept                 uint32
	has                  bool
}

func newPCG(seed uint32) *pcg {
	s := seedSequence(seed)
	g := &pcg{incHi: s[2]<<1 | s[3]>>63, incLo: s[3]<<1 | 1}
	g.step()
	var carry uint64
	g.lo, carry = bits.Add64(g.lo, s[1], 0)
	g.hi, _ = bits.Add64(g.hi, s[0], carry)
	g.step()
	return g
}

func (g *pcg) step() {
	const mulHi, mulLo = 2549297995355413924, 4865540595714422341
	hi, lo := bits.Mul64(g.lo, mulLo)
	hi += g.hi*mulLo + g.lo*mulHi
	var carry uint64
	g.lo, carry = bits.Add64(lo, g.incLo, 0)
	g.hi, _ = bits.Add64(hi, g.incHi, carry)
}

func (g *pcg) next64() uint64 {
	g.step()
	return bits.RotateLeft64(g.hi^g.lo, -int(g.hi>>58))
}

func (g *pcg) next32() uint32 {
	if g.has {
		g.has = false
		return g.kept
	}
	x := g.next64()
	g.kept, g.has = uint32(x>>32), true
	return uint32(x)
}

// upTo draws from 0 to most, by masking and rejecting.
func (g *pcg) upTo(most uint64) uint64 {
	mask := ^uint64(0) >> bits.LeadingZeros64(most)
	for {
		v := uint64(0)
		if most <= math.MaxUint32 {
			v = uint64(g.next32()) & mask
		} else {
			v = g.next64() & mask
		}
		if v <= most {
			return v
		}
	}
}

// seedSequence is numpy's SeedSequence(seed).generate_state(4, uint64).
func seedSequence(seed uint32) (state [4]uint64) {
	const multL, multR, shift = 0xca01f9dd, 0x4973f715, 16
	pool := [4]uint32{seed}
	k := uint32(0x43b0d7e5)
	hash := func(v uint32) uint32 {
		v ^= k
		k *= 0x931e8875
		v *= k
		return v ^ v>>shift
	}
	for i := range pool {
		pool[i] = hash(pool[i])
	}
	for i := range pool {
		for j := range pool {
			if i != j {
				x := multL*pool[j] - multR*hash(pool[i])
				pool[j] = x ^ x>>shift
			}
		}
	}
	k = 0x8b51f9dd
	for i := range 8 {
		v := pool[i%4] ^ k
		k *= 0x58f38ded
		v *= k
		v ^= v >> shift
		state[i/2] |= uint64(v) << (32 * (i % 2))
	}
	return state
}

// legacyRandom is numpy's RandomState: MT19937 (Matsumoto and Nishimura 1998).
type legacyRandom struct {
	state [624]uint32
	at    int
}

func newLegacyRandom(seed uint32) *legacyRandom {
	g := &legacyRandom{at: 624}
	g.state[0] = seed
	for i := uint32(1); i < 624; i++ {
		g.state[i] = 1812433253*(g.state[i-1]^g.state[i-1]>>30) + i
	}
	return g
}

func (g *legacyRandom) next() uint32 {
	if g.at == 624 {
		for i := range g.state {
			y := g.state[i]&0x80000000 | g.state[(i+1)%624]&0x7fffffff
			g.state[i] = g.state[(i+397)%624] ^ y>>1 ^ -(y&1)&0x9908b0df
		}
		g.at = 0
	}
	y := g.state[g.at]
	g.at++
	y ^= y >> 11
	y ^= y << 7 & 0x9d2c5680
	y ^= y << 15 & 0xefc60000
	return y ^ y>>18
}

// below draws from 0 to most by masking and rejecting, as randint does for 64 bits.
func (g *legacyRandom) below(most uint64) uint64 {
	mask := ^uint64(0) >> bits.LeadingZeros64(most)
	for {
		if v := (uint64(g.next())<<32 | uint64(g.next())) & mask; v <= most {
			return v
		}
	}
}
