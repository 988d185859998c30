package arrow

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/ipc"

	"github.com/easel-go/easel/dataset"
)

func init() { dataset.RegisterFormat("arrow", detect, open) }

func detect(f dataset.File) bool { return strings.EqualFold(path.Ext(f.Name), ".arrow") }

// source is an Arrow file. Opening reads the heads of its messages, so that any batch
// can be read without those before it.
type source struct {
	name    string
	r       dataset.ReaderAtCloser
	columns []dataset.Column
	heads   []message // the schema and the dictionaries, which every batch needs
	batches []message
	starts  []int // the number of rows before each batch
	rows    int
	once    sync.Once
}

func open(f dataset.File) (_ dataset.Source, err error) {
	r, size, err := f.OpenAt()
	if err != nil {
		return nil, err
	}
	s := &source{name: f.Name, r: r}
	if err := guarded(f.Name, func() error { return s.survey(size) }); err != nil {
		r.Close()
		return nil, err
	}
	return s, nil
}

// survey reads the heads of all messages, and the schema.
func (s *source) survey(size int64) error {
	w := walker{r: s.r, size: size}
	if err := w.begin(); err != nil {
		return err
	}
	for {
		m, err := w.next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		if m.kind != kindBatch {
			if len(s.batches) > 0 {
				return &dataset.Error{Kind: dataset.Unsupported, Op: "arrow", Where: s.name, What: "a dictionary that changes between batches"}
			}
			s.heads = append(s.heads, m)
			continue
		}
		s.batches = append(s.batches, m)
		s.starts = append(s.starts, s.rows)
		s.rows += int(m.rows)
	}
	if len(s.heads) == 0 || s.heads[0].kind != kindSchema {
		return &dataset.Error{Kind: dataset.Invalid, Op: "arrow", Where: s.name, What: "no schema at the beginning"}
	}
	return s.schema()
}

// schema reads the columns from the first message.
func (s *source) schema() error {
	r, err := ipc.NewReader(s.heads[0].body(s.r))
	if err != nil {
		return err
	}
	defer r.Release()
	for _, f := range r.Schema().Fields() {
		s.columns = append(s.columns, dataset.Column{Name: f.Name, Type: typeOf(f.Type)})
	}
	if text, ok := r.Schema().Metadata().GetValue("huggingface"); ok {
		s.columns = dataset.ApplyFeatures(s.columns, text)
	}
	return nil
}

func (s *source) Columns() []dataset.Column { return s.columns }
func (s *source) Len() int                  { return s.rows }

func (s *source) Close() (err error) {
	s.once.Do(func() { err = s.r.Close() })
	return err
}

func (s *source) Rows(ctx context.Context, from int) iter.Seq2[[]any, error] {
	return func(yield func([]any, error) bool) {
		if from >= s.rows {
			return
		}
		i, _ := slices.BinarySearch(s.starts, from+1)
		for i--; i < len(s.batches); i++ {
			if !s.batch(ctx, i, max(0, from-s.starts[i]), yield) {
				return
			}
		}
	}
}

// batch yields the rows of a batch from a row of it on.
func (s *source) batch(ctx context.Context, i, from int, yield func([]any, error) bool) bool {
	where := fmt.Sprintf("%s#%d", s.name, s.starts[i]+from)
	var b arrow.RecordBatch
	var r *ipc.Reader
	err := guarded(where, func() (err error) {
		r, b, err = s.read(i)
		return err
	})
	if r != nil {
		defer r.Release()
	}
	for row := from; err == nil && row < int(s.batches[i].rows); row++ {
		if ctx.Err() != nil {
			err = ctx.Err()
			break
		}
		var out []any
		err = guarded(fmt.Sprintf("%s#%d", s.name, s.starts[i]+row), func() error {
			out = s.row(b, row)
			return nil
		})
		if err == nil && !yield(out, nil) {
			return false
		}
	}
	if err != nil {
		yield(nil, err)
		return false
	}
	return true
}

func (s *source) row(b arrow.RecordBatch, i int) []any {
	var r row
	out := make([]any, len(s.columns))
	for c := range out {
		out[c] = dataset.As(r.value(b.Column(c), i), s.columns[c].Type)
	}
	return out
}

// read reads a batch as a stream of its own, behind the schema and dictionaries.
func (s *source) read(i int) (*ipc.Reader, arrow.RecordBatch, error) {
	var parts []io.Reader
	for _, m := range append(slices.Clip(s.heads), s.batches[i]) {
		parts = append(parts, m.body(s.r))
	}
	r, err := ipc.NewReader(io.MultiReader(parts...))
	if err != nil {
		return nil, nil, err
	}
	if !r.Next() {
		return r, nil, errors.Join(r.Err(), io.ErrUnexpectedEOF)
	}
	b := r.RecordBatch()
	if int(b.NumCols()) != len(s.columns) || b.NumRows() != s.batches[i].rows {
		return r, nil, &dataset.Error{Kind: dataset.Invalid, Op: "arrow", What: "batch", Have: fmt.Sprintf("%d columns of %d rows", b.NumCols(), b.NumRows())}
	}
	return r, b, nil
}

// guarded runs a call into the Arrow library, which panics on some damaged files.
func guarded(where string, call func() error) (err error) {
	defer func() {
		p := recover()
		if e, ok := p.(error); ok {
			if d, ok := errors.AsType[*dataset.Error](e); ok {
				err = d
				return
			}
		}
		if p != nil {
			err = &dataset.Error{Kind: dataset.Invalid, Op: "arrow", Where: where, What: "damaged Arrow file:", Have: fmt.Sprint(p)}
		}
	}()
	err = call()
	if _, ok := errors.AsType[*dataset.Error](err); ok || err == nil {
		return err
	}
	kind := dataset.Invalid
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		kind = dataset.Truncated
	}
	return &dataset.Error{Kind: kind, Op: "arrow", Where: where, Err: err}
}
