package rng

import "math"

// CUDA draws what a torch.Generator on an NVIDIA GPU draws: Philox4x32-10 (Salmon
// and others 2011) as cuRAND and PyTorch's cuda/DistributionTemplates.h use it. The
// zero value is a generator seeded with 0.
//
// A GPU computes logarithm, sine and cosine with its own approximations: values lie
// within about 1e-6 of these, and of a thousand rounded to float16 one or two differ
// in the last bit.
type CUDA struct {
	// Seed is the 64-bit seed, as given to manual_seed.
	Seed uint64
	// Offset counts the numbers that earlier draws have taken per thread; manual_seed
	// sets it to 0.
	Offset uint64
	// Blocks is how many blocks of 256 threads the GPU runs at once: 8 (on older and
	// the largest GPUs) or 6 a multiprocessor, or fewer. A tensor of more than
	// 256·Blocks elements takes several numbers per thread and so depends on the GPU:
	// a T4 (160 blocks) paints another 1024×1024 picture than an RTX 3090. 0 means
	// as many as needed, which is what every GPU does for tensors that fit.
	Blocks int
}

// Normal fills dst as torch.randn with device="cuda" fills a tensor of len(dst)
// elements. The stream does not depend on p: 16-bit values are float32's rounded.
func (g *CUDA) Normal(dst []float32, p Precision) {
	if len(dst) == 0 {
		return
	}
	threads := g.threads(len(dst))
	for i := range dst {
		turn := uint64(i / threads) // which of its numbers the thread puts here
		c := g.Offset/4 + turn/4
		o := philox(g.Seed, [4]uint32{uint32(c), uint32(c >> 32), uint32(i % threads)})
		x, y := o[turn%4&^1], o[turn%4|1]
		sin, cos := boxMullerCUDA(x, y)
		if turn%2 == 0 {
			dst[i] = p.round(sin)
		} else {
			dst[i] = p.round(cos)
		}
	}
	g.Offset += (uint64(len(dst)-1)/uint64(4*threads) + 1) * 4
}

// threads returns how many threads share n elements.
func (g *CUDA) threads(n int) int {
	blocks := (n-1)/256 + 1
	if g.Blocks > 0 {
		blocks = min(blocks, g.Blocks)
	}
	return 256 * blocks
}

// boxMullerCUDA is cuRAND's _curand_box_muller: the sine first.
func boxMullerCUDA(x, y uint32) (sin, cos float32) {
	const inv, inv2Pi float32 = 2.3283064e-10, 2.3283064e-10 * 6.2831855 // 2⁻³², 2π·2⁻³²
	u := fma32(float32(x), inv, inv/2)
	v := fma32(float32(y), inv2Pi, inv2Pi/2)
	log := float32(math.Log(float64(u)))
	radius := float32(math.Sqrt(float64(-2 * log)))
	s, c := math.Sincos(float64(v))
	return radius * float32(s), radius * float32(c)
}

// philox returns the block of four words at counter c: ten rounds.
func philox(key uint64, c [4]uint32) [4]uint32 {
	k0, k1 := uint32(key), uint32(key>>32)
	for range 10 {
		p0, p1 := uint64(c[0])*0xd2511f53, uint64(c[2])*0xcd9e8d57
		c = [4]uint32{uint32(p1>>32) ^ c[1] ^ k0, uint32(p1), uint32(p0>>32) ^ c[3] ^ k1, uint32(p0)}
		k0, k1 = k0+0x9e3779b9, k1+0xbb67ae85
	}
	return c
}
