package sampler

import (
	"math"
	"slices"
	"strings"
)

// Prediction is what a network was trained to answer.
type Prediction string

// The predictions, as prediction_type in a scheduler_config.json spells them.
const (
	Epsilon          Prediction = "epsilon"      // the noise
	VPrediction      Prediction = "v_prediction" // Signal·noise − Noise·picture
	SamplePrediction Prediction = "sample"       // the picture
)

// check refuses a prediction that is none of those given.
func (p Prediction) check(known ...Prediction) error {
	if slices.Contains(known, p) {
		return nil
	}
	names := make([]string, len(known))
	for i, k := range known {
		names[i] = string(k)
	}
	return unsupported("prediction_type", p, strings.Join(names, " or "))
}

// mix is x·first + y·second.
type mix struct{ x, y float64 }

// picture returns the clean picture in terms of (sample, answer) for a sample at
// level l.
func (p Prediction) picture(l Level) mix {
	switch p {
	case VPrediction:
		return mix{l.Signal, -l.Noise}
	case SamplePrediction:
		return mix{0, 1}
	}
	return mix{1 / l.Signal, -l.Noise / l.Signal}
}

// noise returns the noise in terms of (sample, answer).
func (p Prediction) noise(l Level) mix {
	switch p {
	case VPrediction:
		return mix{l.Noise, l.Signal}
	case SamplePrediction:
		return mix{1 / l.Noise, -l.Signal / l.Noise}
	}
	return mix{0, 1}
}

// pictureAt returns the clean picture in terms of (sample, answer) for a sample that
// is picture + sigma·noise, of which the network saw 1/√(σ²+1) (Karras et al. 2022 in
// the terms of k-diffusion).
func (p Prediction) pictureAt(sigma float64) mix {
	v := sigma*sigma + 1
	switch p {
	case VPrediction:
		return mix{1 / v, -sigma / math.Sqrt(v)}
	case SamplePrediction:
		return mix{0, 1}
	}
	return mix{1, -sigma}
}

// noiseOfPicture returns the noise in terms of (sample, picture).
func noiseOfPicture(l Level) mix { return mix{1 / l.Noise, -l.Signal / l.Noise} }

// slope returns (sample − picture)/σ, the derivative of the sample by σ, in terms of
// (sample, picture).
func slope(sigma float64) mix { return mix{1 / sigma, -1 / sigma} }
