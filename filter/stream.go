package filter

import "github.com/easel-go/easel/dataset"

// Whole returns the result's sample with its statistics among the columns, as they
// stand in a file; NewRow and Apply read them from there.
func (r *Result) Whole() *dataset.Sample {
	s := r.Sample.Clone()
	if _, ok := s.Get(statsColumn); ok {
		s.Set(statsColumn, r.Stats.Fields())
	}
	return s
}

// SamplesAtOnce reports whether the op must see all samples: deduplicators and
// selectors.
func (s Step) SamplesAtOnce() bool {
	kind := kindOf(s.Op)
	return kind == "deduplicator" || kind == "selector"
}
