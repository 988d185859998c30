package sampler

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/easel-go/easel/internal/fault"
)

// Sampler is a rule and its schedule, ready to plan runs. It is immutable and may be
// shared by goroutines.
type Sampler struct {
	class    string
	rule     rule
	schedule *Schedule
}

// rule is a sampler's options, whose fields' tags are the keys of its config, and what
// makes plans of them.
type rule interface {
	// table checks the options and works out the schedule; nil for the rules that
	// have no β (EDM).
	table() (*Schedule, error)
	// plan works out a run. Steps has been checked in what all rules share.
	plan(*Schedule, Steps) (*Plan, error)
}

// New makes the sampler that config describes. Errors are of kind Missing (no class),
// Unsupported (class or a value) and Invalid (a value that makes no sense).
func New(config Config) (*Sampler, error) {
	r, err := config.row()
	if err != nil {
		return nil, err
	}
	rule := r.rule()
	for _, key := range config.sortedKeys() {
		if err := set(rule, key, config.values[key]); err != nil {
			return nil, err
		}
	}
	s, err := rule.table()
	if err != nil {
		return nil, err
	}
	return &Sampler{class: r.class, rule: rule, schedule: s}, nil
}

// set decodes one value into the field of its key. A key that the rule does not know
// changes nothing, as in diffusers; so does null.
func set(rule rule, key string, value json.RawMessage) error {
	one, err := json.Marshal(map[string]json.RawMessage{key: value})
	if err == nil {
		err = json.Unmarshal(one, rule)
	}
	if err != nil {
		return &fault.Error{Kind: fault.Invalid, Op: "sampler", What: key, Have: shortened(value), Err: err}
	}
	return nil
}

func shortened(b []byte) string {
	if len(b) > 40 {
		return string(b[:40]) + "…"
	}
	return string(b)
}

// Class returns the name of the diffusers class.
func (s *Sampler) Class() string { return s.class }

// Schedule returns how the network was trained, for training it further; nil for the
// EDM samplers, which have no training steps.
func (s *Sampler) Schedule() *Schedule { return s.schedule }

// Plan works out a run. It costs microseconds to a few milliseconds, not a network
// call. Errors are of kind Invalid (a number out of its range) and Unsupported (a way
// of giving the steps that this sampler has not).
func (s *Sampler) Plan(st Steps) (*Plan, error) {
	if err := st.check(); err != nil {
		return nil, err
	}
	p, err := s.rule.plan(s.schedule, st)
	if err != nil {
		return nil, err
	}
	return p.finish(), nil
}

// maxSteps bounds a run: more steps than training steps are no better.
const maxSteps = 10_000

func (s Steps) check() error {
	ways := 0
	for _, given := range []bool{s.N != 0, s.Timesteps != nil, s.Sigmas != nil} {
		if given {
			ways++
		}
	}
	n := max(s.N, len(s.Timesteps), len(s.Sigmas)-1)
	switch {
	case ways != 1:
		return invalid("steps", fmt.Sprintf("given in %d ways", ways), "one of N, Timesteps and Sigmas")
	case n < 1 || n > maxSteps || s.N < 0:
		return invalid("number of steps", max(n, s.N), fmt.Sprintf("1 to %d", maxSteps))
	case !(s.Strength >= 0 && s.Strength <= 1):
		return invalid("strength", s.Strength, "above 0, at most 1")
	case !(s.Reach >= 0 && s.Reach <= 1):
		return invalid("reach", s.Reach, "above 0, at most 1")
	case s.Strength != 0 && s.Begin != 0:
		return invalid("begin", s.Begin, "0, since strength is given")
	case s.OriginalSteps < 0:
		return invalid("original steps", s.OriginalSteps, "a positive number")
	}
	return nil
}

// only refuses the ways of giving steps that a rule does not have. N is always one.
func (s Steps) only(ways ...way) error {
	refuse := func(what string) error {
		return &fault.Error{Kind: fault.Unsupported, Op: "sampler", What: what, Have: "given", Want: "none: this sampler does not take them"}
	}
	switch {
	case s.Timesteps != nil && !slices.Contains(ways, byTimesteps):
		return refuse("timesteps")
	case s.Sigmas != nil && !slices.Contains(ways, bySigmas):
		return refuse("sigmas")
	case (s.Reach != 0 || s.OriginalSteps != 0) && !slices.Contains(ways, byDistillation):
		return refuse("reach or original steps")
	}
	return nil
}

type way int

const (
	byTimesteps way = iota
	bySigmas
	byDistillation // Reach and OriginalSteps
)
