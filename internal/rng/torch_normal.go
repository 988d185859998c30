package rng

import "math"

// block is the number of values that torch transforms at a time: 8 radii, 8 angles.
const block = 16

// Normal fills dst as torch.randn fills a contiguous tensor of len(dst) elements,
// drawn at once: a tensor must not be drawn in pieces.
//
// From 16 elements on, blocks of 16 uniforms become normals by Box and Muller's
// transform; if the count is no multiple of 16, the last 16 elements are drawn
// again. The float32 arithmetic is that of torch's AVX2 code (which its AVX-512
// builds use too), bit for bit. Below 16 elements the values are those of
// [Torch.NextNormal].
func (g *Torch) Normal(dst []float32, p Precision) {
	m := g.engine()
	switch {
	case len(dst) < block:
		for i := range dst {
			dst[i] = p.round(float32(g.NextNormal()))
		}
	case p == F32:
		normalF32(m, dst)
	case g.Legacy:
		legacyNormal(m, dst, p)
	default:
		normalHalf(m, dst, p)
	}
}

// Normal64 is [Torch.Normal] for dtype float64, whose numbers are unrelated to
// float32's from 16 elements on. Logarithm, sine and cosine are Go's: the last bit
// may differ from torch's, which are the C library's.
func (g *Torch) Normal64(dst []float64) {
	if len(dst) < block {
		for i := range dst {
			dst[i] = g.NextNormal()
		}
		return
	}
	m := g.engine()
	g.Uniform64(dst)
	for i := 0; i+block <= len(dst); i += block {
		boxMuller64(dst[i:])
	}
	if len(dst)%block != 0 {
		last := dst[len(dst)-block:]
		for i := range last {
			last[i] = uniform64(m)
		}
		boxMuller64(last)
	}
}

// NextNormal returns the next value of torch's serial algorithm, which fills
// tensors of fewer than 16 elements and those that are not contiguous: Box and
// Muller's transform in float64, whose second value is kept for the next call,
// whatever that call's type. Draws of 16 or more neither use nor drop it.
func (g *Torch) NextNormal() float64 {
	m := g.engine()
	if g.keeps {
		g.keeps = false
		return g.kept
	}
	u1, u2 := uniform64(m), uniform64(m)
	radius := math.Sqrt(-2 * math.Log1p(-u2))
	sin, cos := math.Sincos(2 * math.Pi * u1)
	g.kept, g.keeps = radius*sin, true
	return radius * cos
}

// normalF32 fills dst, 16 or more elements, in place.
func normalF32(m *mt19937, dst []float32) {
	for i := range dst {
		dst[i] = uniform32(m)
	}
	for i := 0; i+block <= len(dst); i += block {
		boxMuller32((*[block]float32)(dst[i:]))
	}
	if len(dst)%block != 0 {
		last := (*[block]float32)(dst[len(dst)-block:])
		for i := range last {
			last[i] = uniform32(m)
		}
		boxMuller32(last)
	}
}

// normalHalf fills dst by blocks that take 16 uniforms each: where float32 draws
// all its uniforms first, the second draw of the last 16 elements comes here right
// after the whole blocks.
func normalHalf(m *mt19937, dst []float32, p Precision) {
	var b [block]float32
	next := func(to []float32) {
		for i := range b {
			b[i] = uniform32(m)
		}
		boxMuller32(&b)
		for i, x := range b {
			to[i] = p.round(x)
		}
	}
	for i := 0; i+block <= len(dst); i += block {
		next(dst[i:])
	}
	if len(dst)%block != 0 {
		next(dst[len(dst)-block:])
	}
}

// boxMuller32 turns 8 uniforms for radii and 8 for angles into 8 cosines and 8
// sines times a radius. Adding 0 makes −0 a 0, as torch's "· std + mean" does.
func boxMuller32(d *[block]float32) {
	for i := range block / 2 {
		log := log32(1 - d[i])
		radius := float32(math.Sqrt(float64(-2 * log)))
		sin, cos := sincos32(float32(2*math.Pi) * d[i+8])
		d[i] = float32(radius*cos) + 0
		d[i+8] = float32(radius*sin) + 0
	}
}

// boxMuller64 is boxMuller32 in float64.
func boxMuller64(d []float64) {
	for i := range block / 2 {
		radius := math.Sqrt(-2 * math.Log(1-d[i]))
		sin, cos := math.Sincos(2 * math.Pi * d[i+8])
		d[i] = float64(radius*cos) + 0
		d[i+8] = float64(radius*sin) + 0
	}
}
