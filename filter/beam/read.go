package beam

import (
	"context"
	"encoding/json"

	"github.com/easel-go/easel/dataset"
	"github.com/easel-go/easel/filter"
)

// readFn emits the samples of one part of the data, and with the first part the columns.
type readFn struct {
	Job Job

	data *filter.Data // of a bundle of parts
}

func (f *readFn) ProcessElement(ctx context.Context, part int, emit func(Row), columns func([]byte)) error {
	if f.data == nil {
		rec, err := f.Job.recipe()
		if err == nil {
			f.data, err = rec.Open()
		}
		if err != nil {
			return err
		}
	}
	if part == 0 {
		b, err := json.Marshal(f.data.Columns())
		if err != nil {
			return err
		}
		columns(b)
	}
	for i, s := range f.data.Part(ctx, part, f.Job.Shards) {
		if err := ctx.Err(); err != nil {
			return err
		}
		r := rowOf(int64(i), int64(i), s)
		if s.Err != nil {
			r.Failed, r.Reason = "load", s.Err.Error()
		}
		emit(r)
	}
	return nil
}

// FinishBundle closes the data.
func (f *readFn) FinishBundle(func(Row), func([]byte)) error {
	if f.data == nil {
		return nil
	}
	err := f.data.Close()
	f.data = nil
	return err
}

func parseColumns(b []byte) (cols []dataset.Column, err error) {
	err = json.Unmarshal(b, &cols)
	return cols, err
}
