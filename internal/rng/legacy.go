package rng

import "math"

// What torch up to 2.7 draws into 16-bit tensors (TransformationHelper.h and
// normal_fill of that time): uniforms of as many bits as the type has, and each
// operation of the transform rounded to the type.

// legacyUniform returns a multiple of 2⁻¹¹ (float16) or 2⁻⁸ (bfloat16) in [0, 1).
func legacyUniform(m *mt19937, p Precision) float32 {
	if p == BF16 {
		return float32(m.uint32()&(1<<8-1)) * 0x1p-8
	}
	return float32(m.uint32()&(1<<11-1)) * 0x1p-11
}

// legacyNormal fills dst, 16 or more elements.
func legacyNormal(m *mt19937, dst []float32, p Precision) {
	for i := range dst {
		dst[i] = legacyUniform(m, p)
	}
	for i := 0; i+block <= len(dst); i += block {
		legacyBoxMuller(dst[i:], p)
	}
	if len(dst)%block != 0 {
		last := dst[len(dst)-block:]
		for i := range last {
			last[i] = legacyUniform(m, p)
		}
		legacyBoxMuller(last, p)
	}
}

func legacyBoxMuller(d []float32, p Precision) {
	for i := range block / 2 {
		u := p.round(1 - d[i])
		log := p.round(float32(math.Log(float64(u))))
		radius := p.round(float32(math.Sqrt(float64(p.round(-2 * log)))))
		angle := p.round(float32(2 * math.Pi * float64(d[i+8])))
		sin, cos := math.Sincos(float64(angle))
		d[i] = p.round(radius*p.round(float32(cos))) + 0
		d[i+8] = p.round(radius*p.round(float32(sin))) + 0
	}
}
