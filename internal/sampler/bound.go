package sampler

import (
	"math"
	"slices"
)

// thresholding is the part of a config that bounds the guess of the picture by its own
// values.
type thresholding struct {
	Dynamic  bool    `json:"thresholding"`
	Quantile float64 `json:"dynamic_thresholding_ratio"`
	Most     float64 `json:"sample_max_value"`
}

var noThresholding = thresholding{Quantile: 0.995, Most: 1}

func (c thresholding) check() error {
	switch {
	case !c.Dynamic:
	case !(c.Quantile >= 0 && c.Quantile <= 1):
		return invalid("dynamic_thresholding_ratio", c.Quantile, "0 to 1")
	case !(c.Most > 0):
		return invalid("sample_max_value", c.Most, "a positive number")
	}
	return nil
}

func (c thresholding) bound() bound {
	return bound{dynamic: c.Dynamic, quantile: c.Quantile, most: c.Most}
}

// clipping is thresholding, or a fixed bound.
type clipping struct {
	thresholding
	Clip  bool    `json:"clip_sample"`
	Range float64 `json:"clip_sample_range"`
}

var (
	noClipping = clipping{thresholding: noThresholding, Range: 1}
	clipped    = clipping{thresholding: noThresholding, Range: 1, Clip: true}
)

func (c clipping) check() error {
	if c.Clip && !(c.Range > 0) {
		return invalid("clip_sample_range", c.Range, "a positive number")
	}
	return c.thresholding.check()
}

func (c clipping) bound() bound {
	b := c.thresholding.bound()
	if c.Clip {
		b.clip = c.Range
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
