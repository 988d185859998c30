package filter

import "math"

// Interval says how the bounds of a filter count. The zero value is Data-Juicer's
// default: a number stays if min ≤ number ≤ max.
type Interval struct {
	MinOpen  bool `param:"min_closed_interval,not"` // the lower bound itself is outside
	MaxOpen  bool `param:"max_closed_interval,not"` // the upper bound itself is outside
	Reversed bool `param:"reversed_range"`          // what lies between the bounds goes
}

// holds reports whether x is within. Reversing turns closed bounds into open ones
// first, as Data-Juicer does, so a bound itself stays either way. NaN is within
// nothing, and so stays if reversed.
func (i Interval) holds(x, min, max float64) bool {
	minOpen, maxOpen := i.MinOpen != i.Reversed, i.MaxOpen != i.Reversed
	in := (x > min || !minOpen && x == min) && (x < max || !maxOpen && x == max)
	return in != i.Reversed
}

// Bound is one range that a filter holds a statistic against, for reports.
type Bound struct {
	Stat             string  // the statistic's name
	Min, Max         float64 // infinite where there is none
	MinName, MaxName string  // the op's parameters, "" where there is none
	Interval
	All bool // every number of a sample's list must be within, instead of any
}

// bounded is implemented by filters whose decision is a range of numbers.
type bounded interface {
	Bounds() []Bound
}

// Holds reports whether x is within the bound.
func (b Bound) Holds(x float64) bool { return b.holds(x, b.Min, b.Max) }

// maxSize is Python's sys.maxsize, the default of many upper bounds.
const maxSize = math.MaxInt

// quorum is the parameter any_or_all.
type quorum string

func (q quorum) check() error {
	if q == "any" || q == "all" {
		return nil
	}
	return as("ValueError", &Error{Kind: Invalid, Op: "filter", What: "any_or_all", Have: string(q), Want: "any or all"})
}

// of reports whether enough of n things hold. Of nothing, enough do.
func (q quorum) of(n int, holds func(i int) bool) bool {
	if n == 0 {
		return true
	}
	for i := range n {
		if holds(i) != (q == "all") {
			return q != "all"
		}
	}
	return q == "all"
}

// keepList decides by a statistic that is a list of numbers.
func (b Bound) keepList(st *Stats, q quorum) (bool, error) {
	var few [4]float64
	nums, ok := st.numbers(few[:0], b.Stat)
	if !ok {
		return false, badStat(st, b.Stat, "a list of numbers")
	}
	return q.of(len(nums), func(i int) bool { return b.Holds(nums[i]) }), nil
}

// keepOne decides by a statistic that is a number.
func (b Bound) keepOne(st *Stats) (bool, error) {
	var few [4]float64
	nums, ok := st.numbers(few[:0], b.Stat)
	if !ok || len(nums) != 1 {
		return false, badStat(st, b.Stat, "a number")
	}
	return b.Holds(nums[0]), nil
}

func badStat(st *Stats, name, want string) error {
	v, ok := st.Get(name)
	if !ok {
		return &Error{Kind: Missing, Op: "filter", What: "statistic " + name, Want: want}
	}
	return &Error{Kind: Invalid, Op: "filter", What: "statistic " + name, Have: pyTypeOf(v), Want: want}
}
