package filter

import (
	"cmp"
	"context"
	"math"
	"slices"
	"unicode/utf8"
)

func init() {
	Register("character_repetition_filter", func() Op { return &charRepetition{N: 10, Max: 0.5} })
}

// charRepetition keeps texts by how much of them the most frequent runs of N code
// points make up. Of the runs that occur more than once, at most the square root of
// the number of distinct runs count.
type charRepetition struct {
	N   int     `param:"rep_len"`
	Min float64 `param:"min_ratio"`
	Max float64 `param:"max_ratio"`
	Interval
}

func (f *charRepetition) check() error { return positive("rep_len", f.N) }

func (f *charRepetition) Measure(_ context.Context, r *Row) error {
	return r.measureText("char_rep_ratio", func(text string) any { return repetition(charGrams(text, f.N)) })
}

// charGrams counts the runs of n code points.
func charGrams(text string, n int) []int {
	starts := make([]int, 0, len(text)+1)
	for i := range text {
		starts = append(starts, i)
	}
	starts = append(starts, len(text))
	if len(starts) <= n {
		return nil
	}
	seen := make(map[string]int32, len(starts)-n)
	var counts []int
	for i := 0; i+n < len(starts); i++ {
		gram := text[starts[i]:starts[i+n]]
		at, ok := seen[gram]
		if !ok {
			at = int32(len(counts))
			seen[gram] = at
			counts = append(counts, 0)
		}
		counts[at]++
	}
	return counts
}

func repetition(counts []int) float64 {
	if len(counts) == 0 {
		return 0
	}
	slices.SortFunc(counts, func(a, b int) int { return cmp.Compare(b, a) })
	once, total, sum := 0, 0, 0
	for _, c := range counts {
		total += c
		if c == 1 {
			once++
		}
	}
	for _, c := range counts[:min(int(math.Sqrt(float64(len(counts)))), len(counts)-once)] {
		sum += c
	}
	return ratio(sum, total)
}

func (f *charRepetition) Keep(r *Row) (bool, error) { return f.Bounds()[0].keepOne(r.Stats) }

func (f *charRepetition) Bounds() []Bound {
	return []Bound{{Stat: "char_rep_ratio", Min: f.Min, Max: f.Max, MinName: "min_ratio", MaxName: "max_ratio", Interval: f.Interval}}
}

func positive(name string, n int) error {
	if n > 0 && n < utf8.MaxRune {
		return nil
	}
	return as("parser", fail(Invalid, "%s %d, want a positive number", name, n))
}
