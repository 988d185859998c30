package sampler

import "math"

// edm is what the EDM samplers share: networks whose input, output and time are scaled
// by σ and the spread of the data (Karras et al. 2022, table 1, "Ours").
type edm struct {
	SigmaMin  float64 `json:"sigma_min"`
	SigmaMax  float64 `json:"sigma_max"`
	SigmaData float64 `json:"sigma_data"`
	Layout    string  `json:"sigma_schedule"`
	Steps     int     `json:"num_train_timesteps"` // read, without effect: σ is the time
	Rho       float64 `json:"rho"`
	finals
}

var edmDefaults = edm{SigmaMin: 0.002, SigmaMax: 80, SigmaData: 0.5, Layout: "karras", Steps: 1000, Rho: 7, finals: finals{zero}}

func (c *edm) check() error {
	switch {
	case !(c.SigmaMin > 0 && c.SigmaMax >= c.SigmaMin && !math.IsInf(c.SigmaMax, 0)):
		return invalid("sigma_min and sigma_max", []float64{c.SigmaMin, c.SigmaMax}, "0 < sigma_min ≤ sigma_max")
	case !(c.SigmaData > 0):
		return invalid("sigma_data", c.SigmaData, "a positive number")
	case !(c.Rho > 0):
		return invalid("rho", c.Rho, "a positive number")
	case c.Layout != "karras" && c.Layout != "exponential":
		return unsupported("sigma_schedule", c.Layout, "karras or exponential")
	}
	return c.finals.check()
}

// levels returns n levels from SigmaMax to SigmaMin at float32 positions ramp.
func (c *edm) levels(ramp []float64) []float64 {
	if c.Layout == "exponential" {
		x := linspace32(math.Log(c.SigmaMin), math.Log(c.SigmaMax), len(ramp))
		return reversed(each(x, func(l float64) float64 { return f32(math.Exp(l)) }))
	}
	return each(karras(c.SigmaMax, c.SigmaMin, c.Rho, ramp), f32)
}

// timestep is what the network is told: c_noise of the paper.
func (c *edm) timestep(sigma float64) float64 { return f32(0.25 * f32(math.Log(sigma))) }

// scale is c_in.
func (c *edm) scale(sigma float64) float64 {
	return 1 / math.Sqrt(sigma*sigma+c.SigmaData*c.SigmaData)
}

// guess is the picture in terms of (sample, answer): c_skip and c_out.
func (c *edm) guess(p Prediction, sigma float64) mix {
	v := sigma*sigma + c.SigmaData*c.SigmaData
	out := sigma * c.SigmaData / math.Sqrt(v)
	if p == VPrediction {
		out = -out
	}
	return mix{c.SigmaData * c.SigmaData / v, out}
}

func (c *edm) init() float64 { return math.Sqrt(c.SigmaMax*c.SigmaMax + 1) }

// edmPoint is a level of an x that is picture + σ·noise.
func edmPoint(sigma float64) point { return point{1, sigma, -math.Log(sigma)} }
