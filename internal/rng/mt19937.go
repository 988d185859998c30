package rng

import "math/bits"

const (
	mtN = 624
	mtM = 397
)

// mt19937 is the Mersenne Twister (Matsumoto and Nishimura 1998), 32-bit form,
// seeded by init_genrand of 2002. Its zero value is not seeded.
type mt19937 struct {
	state [mtN]uint32
	next  int // index of the next word; mtN when the block is used up
}

func (m *mt19937) seed(s uint32) {
	m.state[0] = s
	for j := 1; j < mtN; j++ {
		prev := m.state[j-1]
		m.state[j] = 1812433253*(prev^prev>>30) + uint32(j)
	}
	m.next = mtN
}

// uint32 returns the next 32 bits.
func (m *mt19937) uint32() uint32 {
	if m.next >= mtN {
		m.twist()
	}
	y := m.state[m.next]
	m.next++
	y ^= y >> 11
	y ^= y << 7 & 0x9d2c5680
	y ^= y << 15 & 0xefc60000
	return y ^ y>>18
}

// uint64 returns the next 64 bits, the high word first, as torch's random64.
func (m *mt19937) uint64() uint64 {
	hi := m.uint32()
	return uint64(hi)<<32 | uint64(m.uint32())
}

// twist makes the next 624 words.
func (m *mt19937) twist() {
	s := &m.state
	for k := range mtN - mtM {
		s[k] = s[k+mtM] ^ twisted(s[k], s[k+1])
	}
	for k := mtN - mtM; k < mtN-1; k++ {
		s[k] = s[k+mtM-mtN] ^ twisted(s[k], s[k+1])
	}
	s[mtN-1] = s[mtM-1] ^ twisted(s[mtN-1], s[0])
	m.next = 0
}

func twisted(u, v uint32) uint32 {
	_, odd := bits.Sub32(0, v&1, 0) // 1 where v is odd
	return (u&0x80000000|v&0x7fffffff)>>1 ^ -odd&0x9908b0df
}

// stuck reports whether the engine gives zeros for ever, which no seed leads to. Of
// the first word only the top bit is part of the state.
func (m *mt19937) stuck() bool {
	or := m.state[0] & 0x80000000
	for _, v := range m.state[1:] {
		or |= v
	}
	return or == 0
}
