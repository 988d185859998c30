package filter

import (
	"github.com/easel-go/easel/dataset"
)

// Stats holds what the ops of a recipe measured of one sample, under Data-Juicer's
// names and in the order in which they were added. A value is an int64, float64,
// bool or string, a list of such ([]any), or nil. The zero value is empty.
//
// Floats are what Data-Juicer's statistics column makes of them: rounded to ten
// decimals by a trip through JSON text, so that the numbers in a statistics file
// are the ones that were compared.
type Stats struct {
	fields dataset.Struct
}

// Get returns the statistic called name, and whether it was measured.
func (s *Stats) Get(name string) (any, bool) { return s.fields.Get(name) }

// Has reports whether the statistic called name was measured.
func (s *Stats) Has(name string) bool {
	_, ok := s.fields.Get(name)
	return ok
}

// Set adds a statistic, or replaces it. Ints, and slices of ints, floats, bools and
// strings, become the types that Stats holds.
func (s *Stats) Set(name string, v any) {
	v = statValue(v)
	for i := range s.fields {
		if s.fields[i].Name == name {
			s.fields[i].Value = v
			return
		}
	}
	if s.fields == nil {
		s.fields = make(dataset.Struct, 0, 4)
	}
	s.fields = append(s.fields, dataset.Field{Name: name, Value: v})
}

func statValue(v any) any {
	switch v := v.(type) {
	case int:
		return int64(v)
	case float32:
		return float64(v)
	case []int:
		return listOf(v)
	case []int64:
		return listOf(v)
	case []float64:
		return listOf(v)
	case []float32:
		return listOf(v)
	case []string:
		return listOf(v)
	case []bool:
		return listOf(v)
	}
	return v
}

func listOf[T any](v []T) []any {
	out := make([]any, len(v))
	for i := range v {
		out[i] = statValue(v[i])
	}
	return out
}

// Numbers returns the numbers of the statistic called name, a list or a single one.
// ok is false if it was not measured or holds anything else.
func (s *Stats) Numbers(name string) (nums []float64, ok bool) { return s.numbers(nil, name) }

// numbers appends them to nums.
func (s *Stats) numbers(nums []float64, name string) ([]float64, bool) {
	v, ok := s.Get(name)
	if !ok {
		return nil, false
	}
	list, isList := v.([]any)
	if !isList {
		x, ok := number(v)
		return append(nums, x), ok
	}
	if nums == nil {
		nums = make([]float64, 0, len(list)) // of no numbers too
	}
	for _, e := range list {
		x, ok := number(e)
		if !ok {
			return nil, false
		}
		nums = append(nums, x)
	}
	return nums, true
}

// number returns a value as Python would compare it with a float.
func number(v any) (float64, bool) {
	switch v := v.(type) {
	case int64:
		return float64(v), true
	case uint64:
		return float64(v), true
	case float64:
		return v, true
	case float32:
		return float64(v), true
	case bool:
		if v {
			return 1, true
		}
		return 0, true
	}
	return 0, false
}

// Fields returns the statistics in order. The caller does not change them.
func (s *Stats) Fields() dataset.Struct { return s.fields }

func (s *Stats) clone() *Stats {
	return &Stats{append(dataset.Struct(nil), s.fields...)}
}

// round takes every float on its way through the JSON text of the statistics column.
func (s *Stats) round() {
	for i := range s.fields {
		s.fields[i].Value = roundValue(s.fields[i].Value)
	}
}

func roundValue(v any) any {
	switch v := v.(type) {
	case float64:
		return roundTrip(v)
	case []any:
		for i := range v {
			v[i] = roundValue(v[i])
		}
	case dataset.Struct:
		for i := range v {
			v[i].Value = roundValue(v[i].Value)
		}
	}
	return v
}
