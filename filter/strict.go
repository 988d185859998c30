package filter

import (
	"context"
	"iter"
	"runtime"
)

// strictly runs steps as Data-Juicer 1.6.1 does, an op over all rows after the other,
// and loses what it loses: where a row fails on an op that works in batches, all rows
// of its batch are gone. Between ops the rows are on disk.
type strictly struct {
	workers int // np, already bounded by the number of CPUs
	trace   *tracer
	journal *journal
	spools  *spools
	gone    func(*Row) error // gets the rows that are lost or dropped
}

// all runs the steps over rows and hands those that are left to out.
func (x *strictly) all(ctx context.Context, rows iter.Seq[*Row], out func(*Row) error) error {
	left := x.spools.open()
	defer func() { left.close() }()
	for r := range rows {
		if r.err != nil {
			return as("DatasetGenerationError", r.err)
		}
		if err := left.add(r); err != nil {
			return err
		}
	}
	steps := x.spools.steps
	for i, s := range steps {
		next := x.spools.open()
		to := next.add
		if i == len(steps)-1 {
			to = out
		}
		err := x.step(ctx, i, s, left, to)
		left.close()
		if left = next; err != nil {
			return err
		}
	}
	if len(steps) > 0 {
		return nil
	}
	return x.copy(ctx, left, out)
}

// copy hands all rows to out.
func (x *strictly) copy(ctx context.Context, rows *spool, out func(*Row) error) error {
	if err := rows.seal(); err != nil {
		return err
	}
	keys := Keys{}.withDefaults()
	for r := range rows.all(ctx, &keys) {
		if err := out(r); err != nil {
			return err
		}
	}
	return rows.err
}

// step runs one op over all rows and hands those that are left to out.
func (x *strictly) step(ctx context.Context, n int, s Step, rows *spool, out func(*Row) error) (err error) {
	if err := rows.seal(); err != nil {
		return err
	}
	switch op := s.Op.(type) {
	case Filter:
		err = x.filter(ctx, n, s, op, rows, out)
	case Mapper:
		err = x.mapper(ctx, n, s, op, rows, out)
	case Deduplicator:
		err = x.dedup(ctx, n, s, op, rows, out)
	case Selector:
		err = together{trace: x.trace}.rule(ctx, n, s, rows, x.sort(out))
	}
	if err == nil {
		err = rows.err
	}
	if err == nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return err
}

// sort hands rows that are left to out, and the others to gone.
func (x *strictly) sort(out func(*Row) error) func(*Row) error {
	return func(r *Row) error {
		if r.dropped {
			return x.gone(r)
		}
		return out(r)
	}
}

// filter measures rows, rounds their statistics, and decides.
func (x *strictly) filter(ctx context.Context, n int, s Step, op Filter, rows *spool, out func(*Row) error) error {
	_, none := op.(statless)
	_, single := op.(alone) // Data-Juicer's trace takes their list of one verdict for a yes
	measure := func(r *Row) ([]*Row, error) {
		if !none {
			r.addStatsColumn()
		}
		return []*Row{r}, x.journal.measure(ctx, n, op, r)
	}
	return x.batches(ctx, n, s, rows, measure, func(r *Row) error {
		keep, err := op.Keep(r)
		if err != nil && s.StopOnError {
			return err
		}
		v := Verdict{Op: s.Name, Step: n, Kept: keep && err == nil, Err: err, Numbers: r.Stats.fields, Bounds: x.spools.bounds[n]}
		if v.Bounds != nil {
			v.Numbers = r.Stats.of(v.Bounds)
		}
		if r.rule(v); !v.Kept && !single {
			x.trace.dropped(s, r)
		}
		return x.sort(out)(r)
	})
}

func (x *strictly) mapper(ctx context.Context, n int, s Step, op Mapper, rows *spool, out func(*Row) error) error {
	change := func(r *Row) ([]*Row, error) {
		var c change
		if x.trace != nil {
			c = x.trace.before(n, s, r)
		}
		got, err := op.Map(ctx, r)
		for _, g := range got {
			if x.trace != nil {
				c.after, _ = g.Get(s.Keys.Text)
				g.changes = append(g.changes, c)
			}
		}
		return got, err
	}
	return x.batches(ctx, n, s, rows, change, func(r *Row) error {
		x.trace.changed(x.spools.steps, r)
		return out(r)
	})
}

func (x *strictly) dedup(ctx context.Context, n int, s Step, op Deduplicator, rows *spool, out func(*Row) error) error {
	one := s
	one.BatchSize = 1
	hash := func(r *Row) ([]*Row, error) { return []*Row{r}, x.journal.hash(ctx, n, op, r) }
	if op, ok := op.(exact); ok && !x.trace.wants(s, 0) {
		seen := firsts{}
		return x.batches(ctx, n, one, rows, hash, func(r *Row) error {
			r.rule(seen.rule(n, s, op, r))
			return x.sort(out)(r)
		})
	}
	hashed := x.spools.open()
	defer hashed.close()
	if err := x.batches(ctx, n, one, rows, hash, hashed.add); err != nil {
		return err
	}
	return together{trace: x.trace}.rule(ctx, n, s, hashed, x.sort(out))
}

// batch is what fails together: rows, what an op makes of each, and all of that.
type batch struct {
	rows, out []*Row
	made      []int
	err       error
}

// batches calls work for every row, in parallel, and hands what it makes of them to out in
// order. The rows of a batch in which one fails are lost together.
func (x *strictly) batches(ctx context.Context, n int, s Step, rows *spool, work func(*Row) ([]*Row, error), out func(*Row) error) error {
	_, isMapper := s.Op.(Mapper)
	run := func(all []batch) []batch {
		for i := range all {
			all[i].run(ctx, work)
			if x.trace != nil && isMapper {
				all[i].pair()
			}
		}
		return all
	}
	for done := range inOrder(ctx, runtime.GOMAXPROCS(0), s.cut(rows.n, x.workers, rows.all(ctx, &s.Keys)), run) {
		for _, b := range done {
			if b.err == nil {
				for _, r := range b.out {
					if err := out(r); err != nil {
						return err
					}
				}
				continue
			}
			if s.StopOnError || ctx.Err() != nil {
				return b.err
			}
			for _, r := range b.rows {
				r.rule(Verdict{Op: s.Name, Step: n, Err: b.err})
				if err := x.gone(r); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (b *batch) run(ctx context.Context, work func(*Row) ([]*Row, error)) {
	b.out = make([]*Row, 0, len(b.rows))
	for _, r := range b.rows {
		if b.err = ctx.Err(); b.err != nil {
			return
		}
		got, err := safely(r, work)
		if b.err = err; err != nil {
			return
		}
		b.out, b.made = append(b.out, got...), append(b.made, len(got))
	}
}

// pair holds the i-th text that went into a batch against the i-th that came out,
// which where rows multiply are not each other's: what Data-Juicer's trace shows.
func (b *batch) pair() {
	var before []change
	at := 0
	for _, n := range b.made {
		if n > 0 {
			before = append(before, b.out[at].changes...)
		}
		at += n
	}
	for i, r := range b.out {
		var after any
		if len(r.changes) > 0 {
			after = r.changes[0].after
		}
		if r.changes = nil; i < len(before) {
			before[i].after = after
			r.changes = before[i : i+1]
		}
	}
}

// cut yields the batches of n rows in np contiguous shards, small ones several at a time.
func (s Step) cut(n, np int, rows iter.Seq[*Row]) iter.Seq[[]batch] {
	size := 1000
	if s.BatchSize > 0 {
		size = s.BatchSize
	}
	if _, single := s.Op.(alone); single {
		size = 1
	}
	if s.Workers > 0 {
		np = min(np, s.Workers)
	}
	np = max(1, min(np, n))
	return func(yield func([]batch) bool) {
		var list []batch
		var b batch
		held, shard, left := 0, 0, shardSize(n, np, 0)
		for r := range rows {
			r.process = shard
			b.rows = append(b.rows, r)
			held++
			if left--; left > 0 && len(b.rows) < size {
				continue
			}
			if list, b = append(list, b), (batch{}); held >= chunk {
				if !yield(list) {
					return
				}
				list, held = nil, 0
			}
			if left == 0 {
				shard++
				left = shardSize(n, np, shard)
			}
		}
		if len(list) > 0 {
			yield(list)
		}
	}
}

// shardSize is the length of one of np contiguous shards of n rows: the first ones have
// one more where n is no multiple of np.
func shardSize(n, np, shard int) int {
	if shard < n%np {
		return n/np + 1
	}
	return n / np
}
