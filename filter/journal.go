package filter

import "context"

type journal struct{}

func (j *journal) measure(ctx context.Context, step int, op Filter, r *Row) error {
	err := op.Measure(ctx, r)
	r.Stats.round()
	return err
}

func (j *journal) hash(ctx context.Context, step int, op Deduplicator, r *Row) error {
	return op.Hash(ctx, r)
}
