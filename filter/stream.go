package filter

import (
	"context"
	"iter"

	"github.com/easel-go/easel/dataset"
)

// Samples yields the recipe's data as its first op sees them: paths of pictures made
// absolute, samples without text left out. It is for programs that run the steps
// themselves, as package filter/beam does; Run needs no such help.
func (rec *Recipe) Samples(ctx context.Context) iter.Seq2[*dataset.Sample, error] {
	return func(yield func(*dataset.Sample, error) bool) {
		src, err := rec.open()
		if err != nil {
			yield(nil, err)
			return
		}
		defer src.close()
		for s, err := range src.samples(ctx) {
			if !yield(s, err) {
				return
			}
		}
		if err := src.truncated(); err != nil && ctx.Err() == nil {
			yield(nil, err)
		}
	}
}

// Split returns the columns of a sample that are part of the recipe's result, and those
// of its statistics file; stats is nil if there are none.
func (rec *Recipe) Split(s *dataset.Sample) (row, stats dataset.Struct) {
	x := &exporter{rec: rec}
	for _, f := range s.Fields {
		if f.Name == statsColumn || f.Name == metaColumn {
			stats = append(stats, f)
		}
		if x.keeps(f.Name) {
			row = append(row, f)
		}
	}
	return row, stats
}

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
