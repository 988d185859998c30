package beam

import (
	"context"
	"errors"
	"iter"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/easel-go/easel/dataset"
	"github.com/easel-go/easel/filter"
)

// batch is the number of samples that are gathered before ops see them: they are worked
// on together, np at a time.
const batch = 256

// stepsFn runs ops that see one sample at a time.
type stepsFn struct {
	Job      Job
	From, To int

	rec    *filter.Recipe
	models filter.Models
	rows   []Row // of a bundle, not yet worked on
}

// Setup parses the recipe and opens its models.
func (f *stepsFn) Setup() (err error) {
	if f.rec, err = f.Job.recipe(); err == nil {
		f.models, err = f.Job.openModels(f.rec.Steps[f.From:f.To])
	}
	return err
}

// StartBundle lets go of what a broken bundle left.
func (f *stepsFn) StartBundle(context.Context, func(Row)) error {
	f.rows = f.rows[:0]
	return nil
}

func (f *stepsFn) ProcessElement(ctx context.Context, r Row, emit func(Row)) error {
	if r.Failed != "" {
		emit(r)
		return nil
	}
	if f.rows = append(f.rows, r); len(f.rows) < batch {
		return nil
	}
	return f.FinishBundle(ctx, emit)
}

// FinishBundle works on the samples that were gathered.
func (f *stepsFn) FinishBundle(ctx context.Context, emit func(Row)) error {
	rows, piece, last := f.rows, int64(0), -1
	f.rows = f.rows[:0]
	if len(rows) == 0 {
		return nil
	}
	o := filter.Options{Workers: f.rec.Workers, Models: f.models, TempDir: f.rec.TempDir}
	for res, err := range filter.Apply(ctx, samples(rows), o, f.rec.Steps[f.From:f.To]...) {
		if err != nil {
			return err
		}
		count(ctx, res)
		if piece++; res.Index != last {
			piece, last = 0, res.Index
		}
		if res.Kept || res.Err != nil {
			r := rows[res.Index]
			emit(r.become(r.Index, piece, res))
		}
	}
	return nil
}

// count adds a sample to the counters of the op that it ended at.
func count(ctx context.Context, res *filter.Result) {
	name := "kept"
	if n := len(res.Verdicts); n > 0 && !res.Kept {
		if name = res.Verdicts[n-1].Op + " dropped"; res.Err != nil {
			name = res.Verdicts[n-1].Op + " failed"
		}
	}
	beam.NewCounter("easel", name).Inc(ctx, 1)
}

// globalFn runs ops that see all samples, and numbers these anew.
type globalFn struct {
	Job      Job
	From, To int
}

func (f *globalFn) ProcessElement(ctx context.Context, _ int, next func(*Row) bool, emit func(Row)) error {
	rec, err := f.Job.recipe()
	if err != nil {
		return err
	}
	strict := rec.Compat == "strict"
	var alive []Row
	for _, r := range sorted(next) {
		if r.Failed != "" && !strict {
			emit(r)
			continue
		}
		alive = append(alive, r)
	}
	steps := rec.Steps[f.From:f.To]
	models, err := f.Job.openModels(steps)
	if err != nil {
		return err
	}
	i := int64(0)
	o := filter.Options{Workers: rec.Workers, Strict: strict, CPUs: rec.CPUs, Models: models, TempDir: rec.TempDir}
	for res, err := range filter.Apply(ctx, samples(alive), o, steps...) {
		if err != nil {
			return err
		}
		count(ctx, res)
		if res.Kept || res.Err != nil && !strict {
			emit(alive[res.Index].become(i, 0, res))
			i++
		}
	}
	return nil
}

// samples yields rows as samples, and lets go of each row's bytes.
func samples(rows []Row) iter.Seq2[*dataset.Sample, error] {
	return func(yield func(*dataset.Sample, error) bool) {
		for i := range rows {
			s, err := rows[i].sample()
			if rows[i].Failed != "" {
				err = errors.New(rows[i].Reason)
			}
			rows[i].Fields = nil
			if !yield(s, err) {
				return
			}
		}
	}
}
