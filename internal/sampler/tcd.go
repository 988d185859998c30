package sampler

import "math"

// tcd is trajectory consistency sampling: go along the trajectory to a cleaner step than
// the next, by a share eta, and up again with fresh noise (Zheng et al. 2024, algorithm
// 4, "strategic stochastic sampling"; TCDScheduler of diffusers, which reads options for
// clipping and never clips).
type tcd struct {
	distilled
	Eta float64 `json:"eta"` // gamma of the paper, an argument of step() in diffusers, whose pipelines say 0
}

func newTCD() rule { return &tcd{distilledDefaults, 0.3} }

func (c *tcd) table() (*Schedule, error) {
	if !(c.Eta >= 0 && c.Eta <= 1) {
		return nil, invalid("eta", c.Eta, "0 to 1")
	}
	return c.distilled.table()
}

func (c *tcd) plan(s *Schedule, st Steps) (*Plan, error) {
	t, err := c.timesteps(s, st)
	if err != nil {
		return nil, err
	}
	begin, err := st.start(len(t))
	if err != nil {
		return nil, err
	}
	p := &Plan{init: 1, order: 1}
	for i := begin; i < len(t); i++ {
		next := 0
		if i+1 < len(t) {
			next = t[i+1]
		}
		p.add(c.step(s, len(p.calls), t[i], next, i+1 == len(t)))
	}
	return p, nil
}

func (c *tcd) step(s *Schedule, n, t, next int, last bool) call {
	l := levelOf(s.alphaBar[t])
	clean := levelOf(s.alphaBar[int(math.Floor((1-c.Eta)*float64(next)))])
	e := c.Prediction.noise(l)
	u := update{from: n, sample: clean.Noise * e.x, out: clean.Noise * e.y, models: []weight{{n, clean.Signal}}}
	if c.Eta > 0 && !last {
		up := levelOf(s.alphaBar[next] / (clean.Signal * clean.Signal))
		u.sample, u.out, u.models[0].w = u.sample*up.Signal, u.out*up.Signal, u.models[0].w*up.Signal
		u.noise, u.draws = up.Noise, true
	}
	return call{timestep: float64(t), level: l, guess: c.Prediction.picture(l), keep: keepPicture, next: u}
}
