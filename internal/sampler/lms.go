package sampler

import "fmt"

// lms integrates a polynomial through the slopes of the last four levels exactly
// (linear multistep, Adams–Bashforth for uneven steps; LMSDiscreteScheduler of
// diffusers, which integrates by quadrature).
type lms struct {
	training
	spacing
	spread
	Prediction Prediction `json:"prediction_type"`
	Order      int        `json:"order"` // slopes used, an argument of step() in diffusers
}

func newLMS() rule {
	return &lms{training: linearDefaults, spacing: spacing{Spacing: even}, Prediction: Epsilon, Order: 4}
}

// maxLMSOrder bounds the polynomial's degree: beyond, weights only amplify rounding.
const maxLMSOrder = 10

func (c *lms) table() (*Schedule, error) {
	if c.Order < 1 || c.Order > maxLMSOrder {
		return nil, invalid("order", c.Order, fmt.Sprintf("1 to %d", maxLMSOrder))
	}
	if err := firstError(c.spacing.check(), c.spread.check(), c.Prediction.check(Epsilon, VPrediction, SamplePrediction)); err != nil {
		return nil, err
	}
	return c.training.schedule(asTrained)
}

func (c *lms) plan(s *Schedule, st Steps) (*Plan, error) {
	if err := st.only(); err != nil {
		return nil, err
	}
	begin, err := st.start(st.N)
	if err != nil {
		return nil, err
	}
	t, sigma := kLevels(s, c.spacing, c.spread, st.N)
	t, sigma = each(t, f32), withFinal(sigma, 0)
	p := &Plan{sigmas: sigma, init: kInit(c.spacing, sigma), order: 1}
	for i := begin; i < len(t); i++ {
		n := len(p.calls)
		order := min(i+1, c.Order)
		u := update{from: n, sample: 1}
		// A run that began late has fewer slopes than weights; the reference lets the
		// surplus weights fall.
		for k := range min(order, n+1) {
			u.models = append(u.models, weight{n - k, lagrangeIntegral(sigma, i, order, k)})
		}
		p.add(call{timestep: t[i], scale: kScale(sigma[i]), level: kLevel(sigma[i]),
			guess: c.Prediction.pictureAt(sigma[i]), keep: slope(sigma[i]), next: u})
	}
	return p, nil
}

// lagrangeIntegral integrates, from level i to i+1, the polynomial that is 1 at level
// i−k and 0 at the other ones of the last `order`.
func lagrangeIntegral(sigma []float64, i, order, k int) float64 {
	poly := []float64{1} // in u = σ − sigma[i], constant first
	for j := range order {
		if j == k {
			continue
		}
		root, scale := sigma[i-j]-sigma[i], sigma[i-k]-sigma[i-j]
		next := make([]float64, len(poly)+1)
		for d, a := range poly {
			next[d+1] += a / scale
			next[d] -= a * root / scale
		}
		poly = next
	}
	end := sigma[i+1] - sigma[i]
	sum, power := 0.0, end
	for d, a := range poly {
		sum += a * power / float64(d+1)
		power *= end
	}
	return sum
}
