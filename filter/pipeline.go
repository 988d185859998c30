package filter

import (
	"context"
	"crypto/md5"
	"iter"

	"github.com/easel-go/easel/dataset"
)

// pipeline streams rows through steps. Rows that were dropped travel along, so that all
// come out in order; ops do not see them.
type pipeline struct {
	ctx     context.Context
	stop    context.CancelCauseFunc
	workers int
	steps   []Step
	journal *journal // of a run that may be resumed; nil otherwise
	trace   *tracer  // nil unless texts are to be compared
	measure bool     // nothing is dropped but what fails
	spools  *spools
}

// all joins the stages: runs of ops that see one row at a time, worked on in parallel,
// and between them the ops that must see rows in order, or all at once.
func (p *pipeline) all(rows iter.Seq[*Row]) iter.Seq[*Row] {
	from := 0
	for i, s := range p.steps {
		switch op := s.Op.(type) {
		case Deduplicator:
			rows = p.parallel(rows, from, i+1)
			if op, ok := op.(exact); ok && !p.trace.wants(s, 0) {
				rows = p.firsts(rows, i, op)
				break
			}
			rows = p.together(rows, i)
		case Selector:
			rows = p.together(p.parallel(rows, from, i), i)
		default:
			continue
		}
		from = i + 1
	}
	return p.parallel(rows, from, len(p.steps))
}

// boundsOf returns the ranges that each step decides by, nil for one that does not.
func boundsOf(steps []Step) [][]Bound {
	all := make([][]Bound, len(steps))
	for i, s := range steps {
		if b, ok := s.Op.(bounded); ok {
			all[i] = b.Bounds()
		}
	}
	return all
}

// chunk is the number of rows that go to a worker at once.
const chunk = 32

// parallel runs steps from up to to, each row by itself, and keeps the order.
func (p *pipeline) parallel(rows iter.Seq[*Row], from, to int) iter.Seq[*Row] {
	if from == to {
		return rows
	}
	return func(yield func(*Row) bool) {
		work := func(rows []*Row) []*Row { return p.through(rows, from, to) }
		for done := range inOrder(p.ctx, p.workers, chunks(rows), work) {
			for _, r := range done {
				if !yield(r) {
					return
				}
			}
		}
	}
}

// chunks gathers rows.
func chunks(rows iter.Seq[*Row]) iter.Seq[[]*Row] {
	return func(yield func([]*Row) bool) {
		var batch []*Row
		for r := range rows {
			if batch = append(batch, r); len(batch) == chunk {
				if !yield(batch) {
					return
				}
				batch = make([]*Row, 0, chunk)
			}
		}
		if len(batch) > 0 {
			yield(batch)
		}
	}
}

// through sends rows through the steps; mappers may make more or fewer of them.
func (p *pipeline) through(rows []*Row, from, to int) []*Row {
	for i := from; i < to && p.ctx.Err() == nil; i++ {
		s := &p.steps[i]
		if m, ok := s.Op.(Mapper); ok {
			rows = p.mapAll(i, s, m, rows)
			continue
		}
		for _, r := range rows {
			if !r.dropped {
				r.keys = &s.Keys
				p.one(i, s, r)
			}
		}
	}
	return rows
}

// one lets a filter decide about a row, or a deduplicator hash it.
func (p *pipeline) one(i int, s *Step, r *Row) {
	switch op := s.Op.(type) {
	case Filter:
		known := len(r.Stats.fields)
		keep, err := p.decide(i, op, r)
		keep = keep || p.measure
		v := Verdict{Op: s.Name, Step: i, Kept: keep && err == nil, Err: err, Numbers: r.Stats.fields[known:len(r.Stats.fields):len(r.Stats.fields)]}
		if v.Bounds = p.spools.bounds[i]; v.Bounds != nil && len(v.Numbers) == 0 {
			v.Numbers = r.Stats.of(v.Bounds)
		}
		r.rule(v)
	case Deduplicator:
		_, err := safely(r, func(r *Row) ([]*Row, error) { return nil, p.journal.hash(p.ctx, i, op, r) })
		if err != nil {
			r.rule(Verdict{Op: s.Name, Step: i, Err: err})
		}
	}
	if r.err != nil && s.StopOnError {
		p.stop(r.err)
	}
}

func (p *pipeline) decide(i int, op Filter, r *Row) (keep bool, err error) {
	if _, none := op.(statless); !none {
		r.addStatsColumn()
	}
	_, err = safely(r, func(r *Row) ([]*Row, error) {
		if err := p.journal.measure(p.ctx, i, op, r); err != nil {
			return nil, err
		}
		keep, err = op.Keep(r)
		return nil, err
	})
	return keep, err
}

// addStatsColumn keeps a place for the statistics among the columns.
func (r *Row) addStatsColumn() {
	if _, ok := r.Sample.Get(statsColumn); !ok {
		r.Sample.Set(statsColumn, dataset.Struct{})
	}
}

// of returns the statistics that bounds speak of.
func (s *Stats) of(bounds []Bound) (out dataset.Struct) {
	for _, b := range bounds {
		if v, ok := s.Get(b.Stat); ok {
			out = append(out, dataset.Field{Name: b.Stat, Value: v})
		}
	}
	return out
}

func (p *pipeline) mapAll(i int, s *Step, m Mapper, rows []*Row) []*Row {
	out := rows[:0:0]
	for _, r := range rows {
		if r.dropped {
			out = append(out, r)
			continue
		}
		r.keys = &s.Keys
		before := len(r.verdicts)
		var c change
		if p.trace != nil {
			c = p.trace.before(i, *s, r)
		}
		got, err := safely(r, func(r *Row) ([]*Row, error) { return m.Map(p.ctx, r) })
		switch {
		case err != nil:
			r.rule(Verdict{Op: s.Name, Step: i, Err: err})
			if s.StopOnError {
				p.stop(err)
			}
			got = []*Row{r}
		case len(got) == 0:
			r.rule(Verdict{Op: s.Name, Step: i})
			got = []*Row{r}
		}
		for _, g := range got {
			if len(g.verdicts) == before {
				g.rule(Verdict{Op: s.Name, Step: i, Kept: true})
			}
			if p.trace != nil {
				c.after, _ = g.Get(s.Keys.Text)
				g.changes = append(g.changes, c)
			}
		}
		out = append(out, got...)
	}
	return out
}

// firsts drops rows whose key came up before. It keeps 16 bytes of each key, and the
// row's number.
func (p *pipeline) firsts(rows iter.Seq[*Row], i int, op exact) iter.Seq[*Row] {
	return func(yield func(*Row) bool) {
		seen := firsts{}
		for r := range rows {
			if !r.dropped {
				r.keys = &p.steps[i].Keys
				v := seen.rule(i, p.steps[i], op, r)
				v.Kept = v.Kept || p.measure
				r.rule(v)
			}
			if !yield(r) {
				return
			}
		}
	}
}

// together lets a step rule about all rows that are left. Those that were dropped before
// do not wait for it.
func (p *pipeline) together(rows iter.Seq[*Row], i int) iter.Seq[*Row] {
	return func(yield func(*Row) bool) {
		waiting := p.spools.open()
		defer waiting.close()
		for r := range rows {
			p.trace.changed(p.steps, r)
			if r.dropped {
				if !yield(r) {
					return
				}
			} else if err := waiting.add(r); err != nil {
				p.stop(err)
				return
			}
		}
		if p.ctx.Err() != nil {
			return
		}
		err := together{p.trace, p.measure}.rule(p.ctx, i, p.steps[i], waiting, func(r *Row) error {
			if !yield(r) {
				return errEnough
			}
			return nil
		})
		if err != nil && err != errEnough {
			p.stop(err)
		}
	}
}

// shortHash is enough of a key to tell it from others.
func shortHash(key string) (h [16]byte) { return md5.Sum([]byte(key)) }
