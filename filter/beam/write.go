package beam

import (
	"context"

	"github.com/easel-go/easel/dataset"
	"github.com/easel-go/easel/filter"
)

// writeFn writes one shard of the result, of the statistics and of the rejects.
type writeFn struct{ Job Job }

func (f *writeFn) ProcessElement(ctx context.Context, shard int, next func(*Row) bool, columns func(*[]byte) bool, first func(*Row) bool) error {
	rec, err := f.Job.recipe()
	if err != nil {
		return err
	}
	var head *dataset.Sample
	var r Row
	if first(&r) && r.Fields != nil && r.Failed == "" {
		if head, err = r.sample(); err != nil {
			return err
		}
	}
	var b []byte
	columns(&b)
	cols, err := parseColumns(b)
	if err != nil {
		return err
	}
	p, err := rec.CreatePart(shard, f.Job.Shards, cols, head)
	if err != nil {
		return err
	}
	for _, r := range sorted(next) {
		if err = ctx.Err(); err == nil {
			err = add(p, r)
		}
		if err != nil {
			p.Abort()
			return err
		}
	}
	return p.Close()
}

func add(p *filter.Part, r Row) error {
	s, err := r.sample()
	if err != nil {
		return err
	}
	if r.Failed != "" {
		return p.Reject(r.Source, s, r.Failed, r.Reason)
	}
	return p.Write(s)
}
