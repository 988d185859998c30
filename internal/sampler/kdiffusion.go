package sampler

import (
	"math"
	"slices"
)

// kLevels returns the timesteps and noise levels of n steps as the samplers descended
// from k-diffusion have them (Euler, LMS, Heun, DPM2): evenly spaced timesteps and σ
// between training steps; or, spread out, σ between the two ends of those, and the
// timesteps that belong to it.
func kLevels(s *Schedule, space spacing, spread spread, n int) (t, sigma []float64) {
	t = each(space.descending(s.Len(), n), f32)
	sigma = each(t, s.sigmaAt)
	if spread.on() {
		sigma = spread.between(sigma[0], sigma[len(sigma)-1], n)
		t = each(sigma, s.timestepOf)
	}
	return t, sigma
}

// withFinal appends the level where the run ends and rounds to float32, as the
// reference stores the levels of a run.
func withFinal(sigma []float64, final float64) []float64 {
	return each(append(slices.Clone(sigma), final), f32)
}

// finals is the part of a config that says where a run ends.
type finals struct {
	Final string `json:"final_sigmas_type"`
}

const (
	zero     = "zero"
	sigmaMin = "sigma_min"
)

func (c finals) check() error {
	if c.Final != zero && c.Final != sigmaMin {
		return unsupported("final_sigmas_type", c.Final, "zero or sigma_min")
	}
	return nil
}

// level is the final σ, low being what sigma_min stands for.
func (c finals) level(low float64) float64 {
	if c.Final == sigmaMin {
		return low
	}
	return 0
}

// kInit is the first noise's scale for samplers whose x is picture + σ·noise: the
// highest level, or, where the run starts below the schedule's end (leading), that of
// an x whose picture has variance 1.
func kInit(space spacing, sigma []float64) float64 {
	top := slices.Max(sigma)
	if space.Spacing == leading {
		return f32(math.Sqrt(f32(f32(top*top) + 1)))
	}
	return top
}

// kScale is the network's view of picture + σ·noise: 1/√(σ²+1) of it.
func kScale(sigma float64) float64 { return 1 / math.Sqrt(sigma*sigma+1) }

// kLevel is picture + σ·noise.
func kLevel(sigma float64) Level { return Level{1, sigma} }

// ancestral splits the way from one level to the next in a part to walk (down) and
// fresh noise (up), so that down² + up² = to² (sample_euler_ancestral of k-diffusion).
//
// Some algebra turns down into to²/from. The reference takes the difference of squares
// in float32, and where from is far above to, little is left of down's digits: DPM2's
// timesteps move by up to 1e-4, as the network is told. So the float32 steps are taken
// here as well, and the algebra's result only where they leave nothing.
func ancestral(from, to float64) (down, up float64) {
	from2, to2 := f32(from*from), f32(to*to)
	up = f32(math.Sqrt(f32(f32(to2*f32(from2-to2)) / from2)))
	down = f32(math.Sqrt(f32(to2 - f32(up*up))))
	if !(down > 0) {
		down = to * to / from
		up = math.Sqrt(to*to - down*down)
	}
	return down, up
}

// doubled lists each value twice.
func doubled(x []float64) []float64 {
	y := make([]float64, 0, 2*len(x))
	for _, v := range x {
		y = append(y, v, v)
	}
	return y
}
