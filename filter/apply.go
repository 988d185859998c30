package filter

import (
	"context"
	"iter"
	"runtime"

	"github.com/easel-go/easel/dataset"
)

// Options say how ops are run.
type Options struct {
	// Workers is the number of samples that are worked on at a time; 0 means one for
	// each CPU. The results are the same for any number.
	Workers int

	// Strict does what Data-Juicer 1.6.1 does to the letter, samples that it loses
	// included: see Rules. All samples go to disk between one op and the next.
	Strict bool

	// CPUs bounds Workers in strict mode, where the number decides which samples share a
	// failing one's fate; 0 means those of this machine.
	CPUs int

	// Models opens the models that ops name. It may be nil if none does.
	Models Models

	// TempDir is where samples wait for an op that must see all of them, such as a
	// selector; "" is os.TempDir. Nothing is left there.
	TempDir string

	spools  spools // where rows wait, for a run that has a better place than TempDir
	trace   *tracer
	tokens  *tokens
	measure bool // ops measure, and drop nothing
	journal *journal
}

// Apply runs steps over src and yields a result for each sample, dropped ones too, in
// the order of src. Before an op that must see all samples, a selector or a deduplicator
// of near duplicates, those that are dropped already come first; after a selector the
// others come in the order that it chose. A sample on which an op fails is dropped, and
// its result says why.
//
// An error that ends the run (of the steps' parameters, of a model, of ctx, or of an op
// with StopOnError) is yielded last, beside a nil result. Breaking off the loop ends all
// work before it returns.
func Apply(ctx context.Context, src iter.Seq2[*dataset.Sample, error], o Options, steps ...Step) iter.Seq2[*Result, error] {
	return func(yield func(*Result, error) bool) {
		err := o.run(ctx, src, steps, func(r *Row) bool { return yield(r.result(), nil) })
		if err != nil {
			yield(nil, err)
		}
	}
}

// prepare checks the parameters of steps and opens their models. Apply and Run do it
// themselves.
func prepare(ctx context.Context, steps []Step, m Models) error {
	for i, s := range steps {
		if kindOf(s.Op) == "" {
			return fail(Invalid, "step %d (%s) is a %T, want a Filter, Mapper, Deduplicator or Selector", i, s.Name, s.Op)
		}
		if err := s.check(); err != nil {
			return err
		}
		if op, ok := s.Op.(modelled); ok {
			if err := op.prepare(ctx, m); err != nil {
				return err
			}
		}
	}
	return nil
}

// run sends every row through the steps and hands it to out, until out says no more.
func (o Options) run(ctx context.Context, src iter.Seq2[*dataset.Sample, error], steps []Step, out func(*Row) bool) error {
	steps = withKeys(steps)
	if err := prepare(ctx, steps, o.Models); err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	rows := o.rowsOf(src, len(steps))
	if waiting := o.waiting(steps); o.Strict {
		rows = o.strictly(ctx, cancel, rows, waiting)
	} else {
		p := &pipeline{ctx: ctx, stop: cancel, workers: o.workers(), steps: steps, trace: o.trace, measure: o.measure, journal: o.journal, spools: waiting}
		rows = p.all(rows)
	}
	for r := range rows {
		if ctx.Err() != nil {
			break
		}
		if !out(r) {
			return nil
		}
	}
	return context.Cause(ctx)
}

func (o Options) workers() int {
	if o.Workers > 0 {
		return o.Workers
	}
	return runtime.GOMAXPROCS(0)
}

func withKeys(steps []Step) []Step {
	out := make([]Step, len(steps))
	for i, s := range steps {
		s.Keys = s.Keys.withDefaults()
		out[i] = s
	}
	return out
}

// rowsOf numbers the samples, each with room for the verdicts of the steps. One that could
// not be read is dropped already.
func (o Options) rowsOf(src iter.Seq2[*dataset.Sample, error], steps int) iter.Seq[*Row] {
	return func(yield func(*Row) bool) {
		n := 0
		for s, err := range src {
			if s == nil {
				s = &dataset.Sample{Err: err}
			}
			r := newRow(s, n)
			r.tokens = o.tokens
			r.verdicts = make([]Verdict, 0, steps)
			if err != nil {
				r.rule(Verdict{Op: "load", Step: -1, Err: err})
			}
			n++
			if !yield(r) {
				return
			}
		}
	}
}

// strictly runs op after op over all rows, and yields the lost and dropped ones of an op
// before those of the next.
func (o Options) strictly(ctx context.Context, stop context.CancelCauseFunc, src iter.Seq[*Row], waiting *spools) iter.Seq[*Row] {
	return func(yield func(*Row) bool) {
		cpus := o.CPUs
		if cpus == 0 {
			cpus = runtime.NumCPU()
		}
		out := func(r *Row) error {
			if !yield(r) {
				return errEnough
			}
			return nil
		}
		x := &strictly{workers: min(max(1, o.Workers), cpus), trace: o.trace, journal: o.journal, spools: waiting, gone: out}
		if err := x.all(ctx, src, out); err != nil && err != errEnough {
			stop(err)
		}
	}
}

// waiting says where and how rows wait.
func (o Options) waiting(steps []Step) *spools {
	p := o.spools
	if p.dir == "" {
		p.dir, p.pattern = o.TempDir, "easel-rows-*"
	}
	if p.create == nil {
		p.create = tempFile
	}
	p.steps, p.bounds, p.tokens, p.strict = steps, boundsOf(steps), o.tokens, o.Strict
	return &p
}
