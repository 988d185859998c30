package sampler

import (
	"math"
	"slices"
)

// clipping is the part of a config that bounds the guess of the picture.
type clipping struct {
	Clip         bool    `json:"clip_sample"`
	ClipRange    float64 `json:"clip_sample_range"`
	Threshold    bool    `json:"thresholding"`
	Quantile     float64 `json:"dynamic_thresholding_ratio"`
	ThresholdMax float64 `json:"sample_max_value"`
}

var clippingDefaults = clipping{ClipRange: 1, Quantile: 0.995, ThresholdMax: 1}

func (c clipping) check() error {
	switch {
	case c.Threshold && !(c.Quantile >= 0 && c.Quantile <= 1):
		return invalid("dynamic_thresholding_ratio", c.Quantile, "0 to 1")
	case c.Clip && !(c.ClipRange > 0):
		return invalid("clip_sample_range", c.ClipRange, "a positive number")
	}
	return nil
}

func (c clipping) bound() bound {
	b := bound{dynamic: c.Threshold, quantile: c.Quantile, most: c.ThresholdMax}
	if c.Clip {
		b.clip = c.ClipRange
	}
	return b
}

// bound keeps the guess of the clean picture within what pixels can be.
type bound struct {
	clip     float64 // to ±clip, unless dynamic; 0 is no clipping
	dynamic  bool
	quantile float64
	most     float64
}

// boundPicture clips one picture. Dynamic thresholding (Saharia et al. 2022, section
// 2.3; _threshold_sample of diffusers) clips to ±s and divides by s, the given
// quantile of the absolute values, at least 1 and at most b.most.
func boundPicture[T Float](b bound, x []T) {
	switch {
	case b.dynamic:
		size := make([]float64, len(x))
		for i, v := range x {
			size[i] = math.Abs(float64(v))
		}
		s := min(max(quantile(size, b.quantile), 1), b.most)
		for i, v := range x {
			x[i] = T(min(max(float64(v), -s), s) / s)
		}
	case b.clip != 0:
		c := T(b.clip)
		for i, v := range x {
			x[i] = min(max(v, -c), c)
		}
	}
}

// quantile interpolates between the neighbours of rank q·(n−1). It sorts x.
func quantile(x []float64, q float64) float64 {
	slices.Sort(x)
	at := q * float64(len(x)-1)
	i := int(at)
	j := min(i+1, len(x)-1)
	return x[i] + (at-float64(i))*(x[j]-x[i])
}
