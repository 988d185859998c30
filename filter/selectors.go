package filter

import (
	"cmp"
	"context"
	"iter"
	"math"
	"slices"
	"strconv"

	"github.com/easel-go/easel/dataset"
)

func init() {
	Register("random_selector", func() Op { return &randomSelector{} })
	Register("topk_specified_field_selector", func() Op { return &topK{topOf: topOf{Reverse: true}} })
	Register("range_specified_field_selector", func() Op { return &rangeSelector{} })
	Register("frequency_specified_field_selector", func() Op { return &frequency{topOf: topOf{Reverse: true}} })
	Register("tags_specified_field_selector", func() Op { return &tags{} })
}

// randomSelector draws samples, always the same ones from as many. More than there are
// repeats them.
type randomSelector struct {
	Ratio *float64 `param:"select_ratio"`
	Num   *int     `param:"select_num"`
}

func (s *randomSelector) check() error {
	if s.Ratio != nil && !(*s.Ratio >= 0 && *s.Ratio <= 1) || s.Num != nil && *s.Num < 1 {
		return as("parser", fail(Invalid, "random_selector: want select_ratio from 0 to 1 and select_num of at least 1"))
	}
	return nil
}

func (s *randomSelector) Select(_ context.Context, of int, _ iter.Seq[*Row]) ([]int, error) {
	n := 0
	switch {
	case s.Ratio == nil && s.Num == nil:
		return all(of), nil
	case s.Ratio == nil || *s.Ratio == 0:
		if s.Num == nil {
			return nil, as("TypeError", fail(Invalid, "random_selector: select_ratio 0 without select_num"))
		}
		n = *s.Num
	default:
		n = int(*s.Ratio * float64(of))
		if s.Num != nil {
			n = min(n, *s.Num)
		}
	}
	return randomSample(of, n), nil
}

func all(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

// randomSample is Data-Juicer's: k of n in random order, the whole set over and over if
// k is larger, all in order if k is n, and all in random order if k is not positive.
func randomSample(n, k int) []int {
	if k <= 0 {
		k = n
	}
	if k == n {
		return all(n)
	}
	p := permutation(42, n)
	out := make([]int, k)
	for i := range out {
		out[i] = p[i%n]
	}
	return out
}

// topOf is a share or a number of something, whichever is less.
type topOf struct {
	Field   string   `param:"field_key"`
	Ratio   *float64 `param:"top_ratio"`
	K       *int     `param:"topk"`
	Reverse bool     `param:"reverse"`
}

func (s *topOf) check() error {
	if s.Ratio != nil && !(*s.Ratio >= 0 && *s.Ratio <= 1) || s.K != nil && *s.K < 1 {
		return as("parser", fail(Invalid, "want top_ratio from 0 to 1 and topk of at least 1"))
	}
	return nil
}

// count returns how many of n, ok false if nothing says so.
func (s *topOf) count(n int) (k int, ok bool) {
	if s.Ratio == nil || *s.Ratio == 0 {
		if s.K == nil {
			return 0, false
		}
		return *s.K, true
	}
	x := *s.Ratio * float64(n)
	if s.K != nil {
		x = min(x, float64(*s.K))
	}
	return int(x), true
}

// topK keeps the samples with the greatest values of a field, greatest first; with
// Reverse off the least, least first. Of equal values the first sample comes first.
type topK struct{ topOf }

func (s *topK) Select(_ context.Context, n int, rows iter.Seq[*Row]) ([]int, error) {
	k, ok := s.count(n)
	if s.Field == "" || !ok {
		return all(n), nil
	}
	values, nested, err := fieldValues(n, rows, s.Field)
	if err != nil {
		return nil, err
	}
	if !nested {
		return sortedIndices(values, k, s.Reverse)
	}
	return byNumber(toNumbers(values, s.Reverse), k, s.Reverse), nil
}

// fieldValues returns the values of a field; nested says that it lies within a column.
func fieldValues(n int, rows iter.Seq[*Row], name string) (values []any, nested bool, err error) {
	values = make([]any, 0, n)
	for r := range rows {
		if _, whole := r.Sample.Get(name); !whole {
			nested = true
		}
		v, ok := r.Get(name)
		if !ok {
			return nil, nested, as("AssertionError", &Error{Kind: Missing, Op: "filter", What: "field " + strconv.Quote(name), Where: r.String()})
		}
		if j, isJSON := v.(dataset.JSON); isJSON {
			v = j.Value()
		}
		values = append(values, v)
	}
	return values, nested, nil
}

// sortedIndices orders plain values, which must be comparable with each other.
func sortedIndices(values []any, k int, reverse bool) ([]int, error) {
	order := all(len(values))
	var bad error
	slices.SortStableFunc(order, func(i, j int) int {
		c, err := order2(values[i], values[j])
		if err != nil && bad == nil {
			bad = err
		}
		if reverse {
			return -c
		}
		return c
	})
	return order[:min(max(k, 0), len(order))], bad
}

func order2(a, b any) (int, error) {
	if less, err := compare("<", a, b); err != nil || less {
		return -1, err
	}
	more, err := compare(">", a, b)
	if more {
		return 1, err
	}
	return 0, err
}

// toNumbers makes numbers of values as Data-Juicer's stats_to_number does: texts that
// spell one, means of lists; everything else goes to the end of the order.
func toNumbers(values []any, reverse bool) []float64 {
	out := make([]float64, len(values))
	for i, v := range values {
		x, ok := meanOf(v)
		if !ok {
			x = math.MaxInt64
			if reverse {
				x = -x
			}
		}
		out[i] = x
	}
	return out
}

func meanOf(v any) (float64, bool) {
	switch v := v.(type) {
	case string:
		return pyFloat(v)
	case []any:
		sum := 0.0
		for _, e := range v {
			x, ok := meanOf(e)
			if !ok {
				return 0, false
			}
			sum += x
		}
		return sum / float64(len(v)), len(v) > 0
	}
	return number(v)
}

func byNumber(values []float64, k int, reverse bool) []int {
	order := all(len(values))
	slices.SortStableFunc(order, func(i, j int) int {
		if reverse {
			i, j = j, i
		}
		return cmp.Compare(values[i], values[j])
	})
	return order[:min(max(k, 0), len(order))]
}

// rangeSelector keeps the samples whose values of a field have a rank in range.
type rangeSelector struct {
	Field     string   `param:"field_key"`
	LowShare  *float64 `param:"lower_percentile"`
	HighShare *float64 `param:"upper_percentile"`
	LowRank   *int     `param:"lower_rank"`
	HighRank  *int     `param:"upper_rank"`
}

func (s *rangeSelector) check() error {
	for _, p := range []*float64{s.LowShare, s.HighShare} {
		if p != nil && !(*p >= 0 && *p <= 1) {
			return as("parser", fail(Invalid, "range_specified_field_selector: percentile %v, want 0 to 1", *p))
		}
	}
	for _, p := range []*int{s.LowRank, s.HighRank} {
		if p != nil && *p < 1 {
			return as("parser", fail(Invalid, "range_specified_field_selector: rank %d, want at least 1", *p))
		}
	}
	return nil
}

func (s *rangeSelector) Select(_ context.Context, n int, rows iter.Seq[*Row]) ([]int, error) {
	if s.Field == "" || s.LowShare == nil && s.LowRank == nil || s.HighShare == nil && s.HighRank == nil {
		return all(n), nil
	}
	low, high := 0, n
	if s.LowShare != nil {
		low = int(*s.LowShare * float64(n))
	}
	if s.LowRank != nil {
		low = max(low, *s.LowRank)
	}
	if s.HighShare != nil {
		high = int(*s.HighShare * float64(n))
	}
	if s.HighRank != nil {
		high = min(high, *s.HighRank)
	}
	high = max(low, high)
	values, _, err := fieldValues(n, rows, s.Field)
	if err != nil {
		return nil, err
	}
	nums := toNumbers(values, true)
	least := byNumber(nums, high, false)
	sub := make([]float64, len(least))
	for i, at := range least {
		sub[i] = nums[at]
	}
	var out []int
	for _, at := range byNumber(sub, high-low, true) {
		out = append(out, least[at])
	}
	return out, nil
}

// frequency keeps the samples with the most frequent values of a field.
type frequency struct{ topOf }

func (s *frequency) Select(_ context.Context, n int, rows iter.Seq[*Row]) ([]int, error) {
	if s.Field == "" {
		return all(n), nil
	}
	groups, err := groupBy(n, rows, s.Field)
	if err != nil {
		return nil, err
	}
	k, ok := s.count(len(groups))
	if !ok {
		return all(n), nil
	}
	slices.SortStableFunc(groups, func(a, b []int) int {
		if s.Reverse {
			a, b = b, a
		}
		return cmp.Compare(len(a), len(b))
	})
	return slices.Concat(groups[:min(k, len(groups))]...), nil
}

// groupBy gathers the rows of equal values, in the order in which values first come up.
func groupBy(n int, rows iter.Seq[*Row], field string) (groups [][]int, err error) {
	values, _, err := fieldValues(n, rows, field)
	if err != nil {
		return nil, err
	}
	at := map[any]int{}
	for i, v := range values {
		key, err := tagKey(i, v)
		if err != nil {
			return nil, err
		}
		g, ok := at[key]
		if !ok {
			g = len(groups)
			at[key] = g
			groups = append(groups, nil)
		}
		groups[g] = append(groups[g], i)
	}
	return groups, nil
}

// tagKey makes equal what Python takes for equal: 1, 1.0 and True.
func tagKey(i int, v any) (any, error) {
	if x, ok := number(v); ok {
		return x, nil
	}
	switch v.(type) {
	case nil, string:
		return v, nil
	}
	return nil, as("AssertionError", fail(Invalid, "item %d of the field is a %s, want text, a number or null", i, pyTypeOf(v)))
}

// tags keeps the samples whose field has one of some values.
type tags struct {
	Field string   `param:"field_key"`
	Tags  []string `param:"target_tags"`
}

func (s *tags) check() error {
	if s.Field != "" && s.Tags == nil {
		return as("TypeError", fail(Invalid, "tags_specified_field_selector: no target_tags, want a list"))
	}
	return nil
}

func (s *tags) Select(_ context.Context, n int, rows iter.Seq[*Row]) ([]int, error) {
	if s.Field == "" {
		return all(n), nil
	}
	values, _, err := fieldValues(n, rows, s.Field)
	if err != nil {
		return nil, err
	}
	out := []int{}
	for i, v := range values {
		if _, err := tagKey(i, v); err != nil {
			return nil, err
		}
		if t, ok := v.(string); ok && slices.Contains(s.Tags, t) {
			out = append(out, i)
		}
	}
	return out, nil
}
