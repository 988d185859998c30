package filter

import (
	"context"
	"runtime"
	"sync"
)

// strictly runs steps as Data-Juicer 1.6.1 does, an op over all rows after the other,
// and loses what it loses: where a row fails on an op that works in batches, all rows
// of its batch are gone. It holds all rows in memory.
type strictly struct {
	workers int // np, already bounded by the number of CPUs
	trace   *tracer
	journal *journal
	stats   bool // a filter has measured something, so the statistics column exists
}

// step runs one op over all rows.
func (x *strictly) step(ctx context.Context, n int, s Step, rows []*Row) (kept []*Row, err error) {
	for _, r := range rows {
		r.keys, r.Strict = &s.Keys, true
	}
	switch op := s.Op.(type) {
	case Filter:
		kept, err = x.filter(ctx, n, s, op, rows)
	case Mapper:
		kept, err = x.mapper(ctx, n, s, op, rows)
		for _, r := range kept {
			for _, c := range r.changes {
				x.trace.mapped(s, c)
			}
			r.changes = nil
		}
	case Deduplicator:
		kept, err = x.dedup(ctx, n, s, op, rows)
	case Selector:
		kept, err = pick(ctx, op, rows)
		chosen := map[*Row]bool{}
		for _, r := range kept {
			chosen[r] = true
		}
		for _, r := range rows {
			if err == nil && !chosen[r] {
				r.rule(Verdict{Op: s.Name, Step: n})
			}
		}
	}
	return kept, err
}

func pick(ctx context.Context, op Selector, rows []*Row) ([]*Row, error) {
	if len(rows) <= 1 {
		return rows, nil
	}
	indices, err := op.Select(ctx, rows)
	if err != nil {
		return nil, err
	}
	kept := make([]*Row, len(indices))
	seen := make([]bool, len(rows))
	for i, at := range indices {
		kept[i] = rows[at]
		if seen[at] {
			kept[i] = rows[at].Copy()
		}
		seen[at] = true
	}
	return kept, nil
}

func (x *strictly) filter(ctx context.Context, n int, s Step, op Filter, rows []*Row) ([]*Row, error) {
	rows, err := x.measure(ctx, n, s, op, rows)
	if err != nil {
		return nil, err
	}
	var kept []*Row
	for _, r := range rows {
		keep, err := op.Keep(r)
		if err != nil && s.StopOnError {
			return nil, err
		}
		v := Verdict{Op: s.Name, Step: n, Kept: keep && err == nil, Err: err, Numbers: r.Stats.fields}
		if b, ok := op.(bounded); ok {
			v.Bounds = b.Bounds()
			v.Numbers = r.Stats.of(v.Bounds)
		}
		r.rule(v)
		if v.Kept {
			kept = append(kept, r)
		} else {
			x.trace.dropped(s, r)
		}
	}
	return kept, nil
}

// measure returns the rows that came through, with their statistics rounded.
func (x *strictly) measure(ctx context.Context, n int, s Step, op Filter, rows []*Row) ([]*Row, error) {
	if _, none := op.(statless); !none && len(rows) > 0 {
		x.stats = true
		for _, r := range rows {
			r.addStatsColumn()
		}
	}
	return x.batches(ctx, n, s, rows, func(r *Row) ([]*Row, error) {
		return []*Row{r}, x.journal.measure(ctx, n, op, r)
	})
}

func (x *strictly) mapper(ctx context.Context, n int, s Step, op Mapper, rows []*Row) ([]*Row, error) {
	return x.batches(ctx, n, s, rows, func(r *Row) ([]*Row, error) {
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
	})
}

func (x *strictly) dedup(ctx context.Context, n int, s Step, op Deduplicator, rows []*Row) ([]*Row, error) {
	one := s
	one.BatchSize = 1
	rows, err := x.batches(ctx, n, one, rows, func(r *Row) ([]*Row, error) { return []*Row{r}, x.journal.hash(ctx, n, op, r) })
	if err != nil || len(rows) <= 1 {
		return rows, err
	}
	like, err := op.Reduce(ctx, rows)
	if err != nil {
		return nil, err
	}
	x.trace.twins(s, rows, like)
	var kept []*Row
	for i, r := range rows {
		v := Verdict{Op: s.Name, Step: n, Kept: like[i] == i}
		if v.Kept {
			kept = append(kept, r)
		} else {
			v.Like = rows[like[i]].String()
		}
		r.rule(v)
	}
	return kept, nil
}

// batches calls fn for every row, in parallel. np contiguous shards are cut into
// batches; the rows of a batch in which one fails are lost together.
func (x *strictly) batches(ctx context.Context, n int, s Step, rows []*Row, fn func(*Row) ([]*Row, error)) ([]*Row, error) {
	cuts := s.cuts(len(rows), x.workers)
	out := make([][]*Row, len(cuts))
	errs := make([]error, len(cuts))
	var wg sync.WaitGroup
	slots := make(chan struct{}, max(1, runtime.GOMAXPROCS(0)))
	for i, c := range cuts {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			out[i], errs[i] = batch(ctx, rows[c[0]:c[1]], fn)
		})
	}
	wg.Wait()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var kept []*Row
	for i := range cuts {
		if errs[i] == nil {
			kept = append(kept, out[i]...)
			continue
		}
		if s.StopOnError {
			return nil, errs[i]
		}
		for _, r := range rows[cuts[i][0]:cuts[i][1]] {
			r.rule(Verdict{Op: s.Name, Step: n, Err: errs[i]})
		}
	}
	return kept, nil
}

func batch(ctx context.Context, rows []*Row, fn func(*Row) ([]*Row, error)) (out []*Row, err error) {
	for _, r := range rows {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		got, err := safely(r, fn)
		if err != nil {
			return nil, err
		}
		out = append(out, got...)
	}
	return out, nil
}

// cuts returns the bounds of the batches of n rows in np contiguous shards.
func (s Step) cuts(n, np int) (cuts [][2]int) {
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
	for i, from := 0, 0; i < np; i++ {
		to := from + n/np
		if i < n%np {
			to++
		}
		for ; from < to; from += size {
			cuts = append(cuts, [2]int{from, min(from+size, to)})
		}
		from = to
	}
	return cuts
}
