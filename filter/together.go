package filter

import (
	"context"
	"errors"
	"iter"
	"strconv"
)

// together lets the ops that must see all samples rule about them.
type together struct {
	trace   *tracer
	measure bool // nothing is dropped
}

// errEnough ends a pass over rows because nobody wants more of them.
var errEnough = errors.New("no more rows are wanted")

// rule lets step i rule about the rows in s and hands each of them to out: after a
// deduplicator in their order, after a selector first those that it left out, and then
// those that it chose in its own order.
func (t together) rule(ctx context.Context, i int, step Step, s *spool, out func(*Row) error) (err error) {
	if err := s.seal(); err != nil {
		return err
	}
	switch op := step.Op.(type) {
	case *lineDedup:
		err = t.cut(ctx, i, step, op, s, out)
	case Deduplicator:
		err = t.reduce(ctx, i, step, op, s, out)
	case Selector:
		err = t.choose(ctx, i, step, op, s, out)
	}
	switch {
	case err != nil:
		return err
	case ctx.Err() != nil:
		return context.Cause(ctx)
	}
	return s.err
}

func (t together) reduce(ctx context.Context, i int, step Step, op Deduplicator, s *spool, out func(*Row) error) error {
	like := all(s.n)
	if s.n > 1 {
		var err error
		if like, err = whole(ctx, s, &step.Keys, op.Reduce); err != nil {
			return err
		}
		if len(like) != s.n {
			return fail(Shape, "op %s: Reduce returned %d indices for %d rows", step.Name, len(like), s.n)
		}
		if err := inRange(step.Name, like, s.n); err != nil {
			return err
		}
	}
	if err := t.trace.twins(ctx, step, like, s); err != nil {
		return err
	}
	k := 0
	for r := range s.all(ctx, &step.Keys) {
		v := Verdict{Op: step.Name, Step: i, Kept: like[k] == k}
		if !v.Kept {
			first, err := s.at(like[k], &step.Keys)
			if err != nil {
				return err
			}
			v.Kept, v.Like = t.measure, first.String()
		}
		k++
		r.bands = nil
		r.rule(v)
		if err := out(r); err != nil {
			return err
		}
	}
	return nil
}

// whole calls an op with all rows, and makes sure that it saw them all.
func whole(ctx context.Context, s *spool, keys *Keys, see func(context.Context, int, iter.Seq[*Row]) ([]int, error)) (indices []int, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fail(Invalid, "the op panicked: %v", p)
		}
	}()
	indices, err = see(ctx, s.n, s.all(ctx, keys))
	switch {
	case s.err != nil:
		return nil, s.err
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	}
	return indices, err
}

func inRange(op string, indices []int, n int) error {
	for _, i := range indices {
		if i < 0 || i >= n {
			return fail(Invalid, "op %s: index %d, want 0 to %d", op, i, n-1)
		}
	}
	return nil
}

func (t together) choose(ctx context.Context, i int, step Step, op Selector, s *spool, out func(*Row) error) error {
	indices := all(s.n)
	if s.n > 1 && !t.measure {
		var err error
		if indices, err = whole(ctx, s, &step.Keys, op.Select); err != nil {
			return err
		}
		if err := inRange(step.Name, indices, s.n); err != nil {
			return err
		}
	}
	chosen := make([]bool, s.n)
	for _, k := range indices {
		chosen[k] = true
	}
	k := -1
	for r := range s.all(ctx, &step.Keys) {
		if k++; chosen[k] {
			continue
		}
		r.rule(Verdict{Op: step.Name, Step: i})
		if err := out(r); err != nil {
			return err
		}
	}
	for _, k := range indices {
		r, err := s.at(k, &step.Keys)
		if err != nil || ctx.Err() != nil {
			return err
		}
		r.rule(Verdict{Op: step.Name, Step: i, Kept: true})
		if err := out(r); err != nil {
			return err
		}
	}
	return nil
}

// cut lets a deduplicator of lines change the rows.
func (t together) cut(ctx context.Context, i int, step Step, op *lineDedup, s *spool, out func(*Row) error) error {
	var lines *lineCutter
	if s.n > 1 {
		lines = op.count(s.all(ctx, &step.Keys), t.trace.room(step, 0))
	}
	for r := range s.all(ctx, &step.Keys) {
		if lines != nil {
			if err := lines.cut(r); err != nil {
				return err
			}
		}
		r.rule(Verdict{Op: step.Name, Step: i, Kept: true})
		if err := out(r); err != nil {
			return err
		}
	}
	if lines == nil || s.err != nil || ctx.Err() != nil {
		return nil
	}
	return t.trace.lines(step, lines.pairs(), s.strict)
}

// firsts knows the rows whose key came up first, by 16 bytes of the key.
type firsts map[[16]byte]int

// rule returns the verdict of an exact deduplicator about the next row.
func (f firsts) rule(i int, step Step, op exact, r *Row) Verdict {
	v := Verdict{Op: step.Name, Step: i, Kept: true}
	if key, ok := op.key(r); ok {
		h := shortHash(key)
		if first, twice := f[h]; twice {
			v.Kept, v.Like = false, "row "+strconv.Itoa(first)
		} else {
			f[h] = r.Index
		}
	}
	return v
}
