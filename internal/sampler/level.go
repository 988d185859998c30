package sampler

// Level is a mixture of picture and noise: Signal·picture + Noise·noise.
type Level struct{ Signal, Noise float64 }

// AddNoise writes the mixture into dst. The slices have one length; dst may be
// picture or noise.
func AddNoise[T Float](dst, picture, noise []T, l Level) {
	for i := range dst {
		dst[i] = T(l.Signal*float64(picture[i]) + l.Noise*float64(noise[i]))
	}
}

// Velocity writes what a v-prediction network is trained to answer at level l:
// Signal·noise − Noise·picture (Salimans and Ho 2022, section 4, "v"; get_velocity of
// diffusers, training_target of DiffSynth).
func Velocity[T Float](dst, picture, noise []T, l Level) {
	for i := range dst {
		dst[i] = T(l.Signal*float64(noise[i]) - l.Noise*float64(picture[i]))
	}
}

// SNR returns the signal-to-noise ratio ᾱ/(1−ᾱ) of the level.
func (l Level) SNR() float64 { return l.Signal * l.Signal / (l.Noise * l.Noise) }

// Target writes what a network of prediction p is trained to answer at level l: the
// noise, the velocity or the picture (training_target of DiffSynth). An unknown
// prediction is an error of kind Unsupported.
func Target[T Float](dst, picture, noise []T, l Level, p Prediction) error {
	switch p {
	case Epsilon:
		copy(dst, noise)
	case VPrediction:
		Velocity(dst, picture, noise, l)
	case SamplePrediction:
		copy(dst, picture)
	default:
		return p.check(Epsilon, VPrediction, SamplePrediction)
	}
	return nil
}

// MinSNRWeight returns the weight of a training loss at level l that caps the
// signal-to-noise ratio at gamma, 5 in the paper (Hang et al. 2023, section 3.4):
// min(SNR,γ)/SNR for a network that predicts noise, min(SNR,γ)/(SNR+1) for velocity,
// min(SNR,γ) for the picture itself.
func (l Level) MinSNRWeight(gamma float64, p Prediction) (float64, error) {
	snr := l.SNR()
	switch p {
	case Epsilon:
		if snr == 0 { // the limit: min(snr,γ) = snr
			return 1, nil
		}
		return min(snr, gamma) / snr, nil
	case VPrediction:
		return min(snr, gamma) / (snr + 1), nil
	case SamplePrediction:
		return min(snr, gamma), nil
	}
	return 0, p.check(Epsilon, VPrediction, SamplePrediction)
}
