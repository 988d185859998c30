package filter

import (
	"context"
	"crypto/md5"
	"iter"
	"slices"
	"strconv"
	"sync"

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
	bounds  [][]Bound
}

// all joins the stages: runs of ops that see one row at a time, worked on in parallel,
// and between them the ops that must see rows in order, or all at once.
func (p *pipeline) all(rows iter.Seq[*Row]) iter.Seq[*Row] {
	p.bounds = boundsOf(p.steps)
	from := 0
	for i, s := range p.steps {
		switch op := s.Op.(type) {
		case exact:
			rows = p.firsts(p.parallel(rows, from, i+1), i, op)
		case Deduplicator:
			rows = p.barrier(p.parallel(rows, from, i+1), i, p.reduce)
		case Selector:
			rows = p.barrier(p.parallel(rows, from, i), i, p.choose)
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

type job struct {
	rows []*Row
	done chan []*Row
}

// parallel runs steps from up to to, each row by itself, and keeps the order.
func (p *pipeline) parallel(rows iter.Seq[*Row], from, to int) iter.Seq[*Row] {
	if from == to {
		return rows
	}
	return func(yield func(*Row) bool) {
		quit := make(chan struct{})
		queue, order := make(chan job), make(chan job, 2*p.workers)
		var wg sync.WaitGroup
		defer wg.Wait()
		defer close(quit)
		wg.Go(func() { p.feed(rows, queue, order, quit) })
		for range p.workers {
			wg.Go(func() {
				for j := range queue {
					j.done <- p.through(j.rows, from, to)
				}
			})
		}
		for j := range order {
			for _, r := range <-j.done {
				if !yield(r) {
					return
				}
			}
		}
	}
}

// feed cuts rows into jobs, until there are no more or nobody wants them.
func (p *pipeline) feed(rows iter.Seq[*Row], queue, order chan<- job, quit <-chan struct{}) {
	defer close(queue)
	defer close(order)
	var batch []*Row
	send := func() bool {
		j := job{batch, make(chan []*Row, 1)}
		batch = nil
		for _, to := range []chan<- job{order, queue} {
			select {
			case to <- j:
			case <-quit:
				j.done <- nil
				return false
			case <-p.ctx.Done():
				j.done <- nil
				return false
			}
		}
		return true
	}
	for r := range rows {
		if batch = append(batch, r); len(batch) == chunk && !send() {
			return
		}
	}
	if len(batch) > 0 {
		send()
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
		if v.Bounds = p.bounds[i]; v.Bounds != nil && len(v.Numbers) == 0 {
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
		seen := map[[16]byte]int{}
		for r := range rows {
			if !r.dropped {
				r.keys = &p.steps[i].Keys
				v := Verdict{Op: p.steps[i].Name, Step: i, Kept: true}
				if key, ok := op.key(r); ok {
					h := shortHash(key)
					if first, twice := seen[h]; twice {
						v.Kept, v.Like = p.measure, "row "+strconv.Itoa(first)
					} else {
						seen[h] = r.Index
					}
				}
				r.rule(v)
			}
			if !yield(r) {
				return
			}
		}
	}
}

// barrier gathers all rows and lets decide rule about those that are left. What a
// selector chose comes behind what was dropped.
func (p *pipeline) barrier(rows iter.Seq[*Row], i int, decide func(i int, alive []*Row) (chosen []*Row, err error)) iter.Seq[*Row] {
	return func(yield func(*Row) bool) {
		var all, alive []*Row
		for r := range rows {
			all = append(all, r)
			if !r.dropped {
				r.keys = &p.steps[i].Keys
				alive = append(alive, r)
			}
		}
		if p.ctx.Err() != nil {
			return
		}
		chosen, err := decide(i, alive)
		if err != nil {
			p.stop(err)
			return
		}
		if _, ok := p.steps[i].Op.(Selector); ok {
			all = slices.DeleteFunc(all, func(r *Row) bool { return !r.dropped })
			all = append(all, chosen...)
		}
		for _, r := range all {
			if !yield(r) {
				return
			}
		}
	}
}

func (p *pipeline) reduce(i int, alive []*Row) ([]*Row, error) {
	s, op := p.steps[i], p.steps[i].Op.(Deduplicator)
	like := all(len(alive))
	if len(alive) > 1 {
		var err error
		if like, err = op.Reduce(p.ctx, alive); err != nil {
			return nil, err
		}
	}
	for k, r := range alive {
		v := Verdict{Op: s.Name, Step: i, Kept: like[k] == k}
		if !v.Kept {
			v.Like = alive[like[k]].String()
		}
		r.rule(v)
	}
	return alive, nil
}

func (p *pipeline) choose(i int, alive []*Row) ([]*Row, error) {
	s := p.steps[i]
	kept, err := pick(p.ctx, s.Op.(Selector), alive)
	if err != nil {
		return nil, err
	}
	chosen := map[*Row]bool{}
	for _, r := range kept {
		chosen[r] = true
		r.rule(Verdict{Op: s.Name, Step: i, Kept: true})
	}
	for _, r := range alive {
		if !chosen[r] {
			r.rule(Verdict{Op: s.Name, Step: i})
		}
	}
	return kept, nil
}

// shortHash is enough of a key to tell it from others.
func shortHash(key string) (h [16]byte) { return md5.Sum([]byte(key)) }
