package dataset

import (
	"context"
	"io"
	"iter"
	"slices"
	"strconv"
)

const (
	markEvery = 256       // a row's place in the file is kept every so many rows
	maxRow    = 256 << 20 // bytes of one JSON value or CSV record
)

// jsonSource is a file of JSON objects, a row each: one after another (JSON lines)
// or in an array. Opening reads the whole file once, for the columns and types and
// so that damage shows before the first row.
type jsonSource struct {
	file    File
	field   string // the key that holds the rows, or ""
	columns []Column
	index   map[string]int
	rows    int
	first   int     // columns of the first row
	array   bool    // values stand in an array
	marks   []int64 // where rows 0, 256, 512, … begin
}

func openJSON(f File, o *options) (Source, error) {
	s := &jsonSource{file: f, field: o.field, index: map[string]int{}}
	if err := s.survey(o); err != nil {
		return nil, failed(Invalid, f.Name, err)
	}
	return s, nil
}

func (s *jsonSource) Columns() []Column { return s.columns }
func (s *jsonSource) Len() int          { return s.rows }
func (s *jsonSource) Close() error      { return nil }

// survey reads the file once.
func (s *jsonSource) survey(o *options) error {
	r, err := s.file.openText()
	if err != nil {
		return err
	}
	defer r.Close()
	in := &jsonStream{r: r, where: s.file.Name}
	if err := s.begin(in); err != nil {
		return err
	}
	for {
		b, at, err := in.next()
		if err == io.EOF {
			s.order()
			return nil
		}
		if err != nil {
			return err
		}
		row, err := s.parse(b)
		if err != nil {
			return failed(Invalid, s.where(s.rows), err)
		}
		if s.rows%markEvery == 0 {
			s.marks = append(s.marks, at)
		}
		s.rows++
		s.learn(row, o)
		if s.rows == 1 {
			s.first = len(s.columns)
		}
	}
}

// begin finds the first row.
func (s *jsonSource) begin(in *jsonStream) error {
	if err := in.bom(); err != nil {
		return err
	}
	if s.field != "" {
		if err := in.enter(s.field); err != nil {
			return err
		}
	}
	c, err := in.peek()
	if err == io.EOF && s.field == "" {
		return nil
	}
	if err != nil {
		return err
	}
	s.array = c == '['
	if s.array {
		in.i++
	}
	in.array, in.inner = s.array, s.field != ""
	return nil
}

// parse reads one row; a scalar in an array is a row of the column "text".
func (s *jsonSource) parse(b []byte) (Struct, error) {
	v, err := parseJSON(b)
	if err != nil {
		return nil, err
	}
	if row, ok := v.(Struct); ok {
		return row, nil
	}
	if _, isList := v.([]any); isList || !s.array {
		return nil, &Error{Kind: Invalid, Op: "dataset", What: "row", Have: typeOf(v, false).String(), Want: "a JSON object"}
	}
	return Struct{{"text", v}}, nil
}

func (s *jsonSource) learn(row Struct, o *options) {
	for _, f := range row {
		t := typeOf(f.Value, !o.keeps(f.Name))
		i, ok := s.index[f.Name]
		if !ok {
			s.index[f.Name] = len(s.columns)
			s.columns = append(s.columns, Column{f.Name, t})
			continue
		}
		s.columns[i].Type = merge(s.columns[i].Type, t)
	}
}

// order puts columns kept as JSON that the first row lacks right behind those it has,
// where the datasets library, which writes such values anew as text, finds them.
func (s *jsonSource) order() {
	slices.SortStableFunc(s.columns[min(s.first, len(s.columns)):], func(a, b Column) int {
		switch {
		case a.Type.Kind == Raw && b.Type.Kind != Raw:
			return -1
		case a.Type.Kind != Raw && b.Type.Kind == Raw:
			return 1
		}
		return 0
	})
	for i, c := range s.columns {
		s.index[c.Name] = i
	}
}

func (s *jsonSource) Rows(ctx context.Context, from int) iter.Seq2[[]any, error] {
	return func(yield func([]any, error) bool) {
		if from >= s.rows {
			return
		}
		r, err := s.file.openText()
		if err != nil {
			yield(nil, err)
			return
		}
		defer r.Close()
		in := &jsonStream{r: r, where: s.file.Name, array: s.array, inner: s.field != ""}
		if err := in.seek(s.marks[from/markEvery]); err != nil {
			yield(nil, err)
			return
		}
		for i := from - from%markEvery; i < s.rows; i++ {
			b, _, err := in.next()
			if err == nil {
				err = ctx.Err()
			}
			if err != nil {
				yield(nil, failed(Truncated, s.where(i), changed(err)))
				return
			}
			if i < from {
				continue
			}
			row, err := s.parse(b)
			if err != nil {
				yield(nil, failed(Invalid, s.where(i), err))
				return
			}
			if !yield(s.align(row), nil) {
				return
			}
		}
	}
}

// changed turns an early end of a file that was surveyed into an error.
func changed(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

func (s *jsonSource) where(row int) string { return s.file.Name + "#" + strconv.Itoa(row) }

// align orders a row's values as the columns.
func (s *jsonSource) align(row Struct) []any {
	out := make([]any, len(s.columns))
	for i, f := range row {
		j := i
		if i >= len(s.columns) || s.columns[i].Name != f.Name {
			var ok bool
			if j, ok = s.index[f.Name]; !ok {
				continue
			}
		}
		out[j] = convert(f.Value, s.columns[j].Type)
	}
	return out
}
