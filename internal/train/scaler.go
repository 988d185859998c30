package train

// LossScaler multiplies the loss so that small gradients do not vanish in 16 bits
// (Micikevicius and others 2018), as torch.amp.GradScaler does: a step whose gradients
// are not finite is left out and the scale halved; after Interval good steps in a row
// it is doubled. Where arithmetic is float32 a scale by powers of two changes no number.
type LossScaler struct {
	Scale    float64 // 65536 to begin with
	Interval int     // 2000
	Good     int     // steps since the last change
}

// NewLossScaler returns torch's defaults.
func NewLossScaler() *LossScaler { return &LossScaler{Scale: 65536, Interval: 2000} }

// Update tells whether the gradients of a step were finite.
func (s *LossScaler) Update(finite bool) {
	if !finite {
		s.Scale, s.Good = s.Scale/2, 0
		return
	}
	if s.Good++; s.Good == s.Interval {
		s.Scale, s.Good = s.Scale*2, 0
	}
}
