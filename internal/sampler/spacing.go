package sampler

import (
	"fmt"
	"math"
	"slices"

	"github.com/easel-go/easel/internal/fault"
)

// spacing is the part of a config that says which training steps a run visits.
type spacing struct {
	Spacing string `json:"timestep_spacing"`
	Offset  int    `json:"steps_offset"`
}

// The spacings (Lin et al. 2023, table 2).
const (
	leading  = "leading"  // multiples of ⌊T/n⌋ from 0, plus the offset
	trailing = "trailing" // from the last step down by T/n
	even     = "linspace" // from the last step to 0
)

func (c spacing) check() error {
	if c.Offset < -maxTrainSteps || c.Offset > maxTrainSteps {
		return invalid("steps_offset", c.Offset, "a small number of training steps")
	}
	if !slices.Contains([]string{leading, trailing, even}, c.Spacing) {
		return unsupported("timestep_spacing", c.Spacing, "leading, trailing or linspace")
	}
	return nil
}

// descending returns n of T training timesteps, as the samplers with n levels space
// them. linspace is fractional.
func (c spacing) descending(T, n int) []float64 {
	switch c.Spacing {
	case leading:
		return leadingSteps(T/n, n, c.Offset)
	case trailing:
		return trailingSteps(T, n, float64(T)/float64(n))
	}
	return reversed(linspace(0, float64(T-1), n))
}

// descendingTo0 returns n of the first `last` training timesteps, as the samplers
// with n+1 levels space them: the lowest is left to the final σ. T is the length of
// the whole schedule.
func (c spacing) descendingTo0(T, last, n int) []float64 {
	switch c.Spacing {
	case leading:
		return leadingSteps(last/(n+1), n+1, c.Offset)[:n]
	case trailing:
		return trailingSteps(last, n, float64(T)/float64(n))
	}
	return reversed(each(linspace(0, float64(last-1), n+1), math.RoundToEven))[:n]
}

func leadingSteps(stride, n, offset int) []float64 {
	t := make([]float64, n)
	for i := range t {
		t[i] = float64((n-1-i)*stride + offset)
	}
	return t
}

// trailingSteps counts as numpy.arange(T, 0, -stride) does. Where rounding makes
// arange yield one element more, whose timestep would be −1 (n = 61 of 1000), diffusers
// runs that step too; here a run has the n steps asked for.
func trailingSteps(T, n int, stride float64) []float64 {
	n = min(n, int(math.Ceil(float64(T)/stride)))
	delta := (float64(T) - stride) - float64(T)
	t := make([]float64, n)
	for i := range t {
		t[i] = math.RoundToEven(float64(T)+float64(i)*delta) - 1
	}
	return t
}

func reversed(x []float64) []float64 {
	slices.Reverse(x)
	return x
}

// count checks the number of steps, which at most is most.
func (s Steps) count(most int) error {
	if s.N < 1 || s.N > most {
		return invalid("number of steps", s.N, fmt.Sprintf("1 to %d", most))
	}
	return nil
}

// given checks timesteps that the caller chose: descending, within the schedule.
func (s Steps) given(T int) error {
	for i, t := range s.Timesteps {
		if !(t >= 0 && t < float64(T)) || i > 0 && t >= s.Timesteps[i-1] {
			return invalid(fmt.Sprintf("given timestep %d", i), t, fmt.Sprintf("descending numbers from at most %d to 0", T-1))
		}
	}
	return nil
}

// whole checks that given timesteps are integers, for samplers with tables per step.
func (s Steps) whole() error {
	for i, t := range s.Timesteps {
		if t != math.Trunc(t) {
			return invalid(fmt.Sprintf("given timestep %d", i), t, "a whole number")
		}
	}
	return nil
}

// start returns the index of the first step of n that is run, and an error where none is.
func (s Steps) start(n int) (int, error) {
	begin := s.Begin
	if s.Strength != 0 {
		begin = n - min(int(float64(n)*s.Strength), n)
	}
	if begin < 0 || begin >= n {
		return 0, &fault.Error{Kind: fault.Invalid, Op: "sampler", What: "image-to-image",
			Have: fmt.Sprintf("leaves out %d of %d steps", begin, n), Want: "at least one step to be run (more steps, or more strength)"}
	}
	return begin, nil
}
