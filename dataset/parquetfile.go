package dataset

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"sync"
	"sync/atomic"

	"github.com/parquet-go/parquet-go"
)

// parquetSource is a Parquet file. Its pages are read as rows are asked for, so that
// memory holds the pages of one row group's columns at a time.
type parquetSource struct {
	name    string
	r       ReaderAtCloser
	file    *parquet.File
	columns []Column
	nodes   []*parquetNode
	rows    int
	checked []atomic.Bool // the row groups whose pages were looked at
	once    sync.Once
}

func openParquet(f File, _ *options) (src Source, err error) {
	r, size, err := f.OpenAt()
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			r.Close()
		}
	}()
	if size == 0 {
		return nil, fail(Truncated, f.Name, "an empty file is no Parquet file")
	}
	s := &parquetSource{name: f.Name, r: r}
	err = guarded(f.Name, func() error { return s.open(size) })
	if err != nil {
		return nil, err
	}
	return s, nil
}

// guarded runs a call into the Parquet library, which panics on some damaged files.
func guarded(where string, call func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fail(Invalid, where, "damaged Parquet file: %v", p)
		}
	}()
	return failed(Invalid, where, call())
}

func (s *parquetSource) open(size int64) (err error) {
	s.file, err = parquet.OpenFile(s.r, size, parquet.SkipBloomFilters(true), parquet.SkipPageIndex(true), parquet.ReadBufferSize(64<<10))
	if err != nil {
		return err
	}
	sum := int64(0)
	for _, g := range s.file.RowGroups() {
		if g.NumRows() < 0 || sum+g.NumRows() < sum {
			return fail(Invalid, s.name, "a row group of %d rows", g.NumRows())
		}
		sum += g.NumRows()
	}
	if sum != s.file.NumRows() {
		return fail(Invalid, s.name, "the footer counts %d rows, its row groups %d", s.file.NumRows(), sum)
	}
	s.rows = int(sum)
	s.checked = make([]atomic.Bool, len(s.file.RowGroups()))
	text, _ := s.file.Lookup("huggingface")
	features := parseFeatures([]byte(text))
	schema := newParquetSchema(s.file.Metadata())
	for _, c := range s.file.Root().Columns() {
		n, err := schema.node(c, 0, 0, 0)
		if err != nil {
			return err
		}
		f := features[c.Name()]
		s.nodes = append(s.nodes, n)
		s.columns = append(s.columns, Column{c.Name(), f.apply(n.typ)})
	}
	return nil
}

func (s *parquetSource) Columns() []Column { return s.columns }
func (s *parquetSource) Len() int          { return s.rows }

func (s *parquetSource) Close() (err error) {
	s.once.Do(func() { err = s.r.Close() })
	return err
}

func (s *parquetSource) Rows(ctx context.Context, from int) iter.Seq2[[]any, error] {
	return func(yield func([]any, error) bool) {
		at := 0
		for i, g := range s.file.RowGroups() {
			n := int(g.NumRows())
			if from < at+n {
				if err := s.check(i, max(from, at)); err != nil {
					yield(nil, err)
					return
				}
				if !s.group(ctx, g, max(0, from-at), at, yield) {
					return
				}
			}
			at += n
		}
	}
}

// check looks at the page headers of row group i, once.
func (s *parquetSource) check(i, row int) error {
	if s.checked[i].Load() {
		return nil
	}
	err := guarded(fmt.Sprintf("%s#%d", s.name, row), func() error {
		return checkPages(s.r, s.file.Size(), &s.file.Metadata().RowGroups[i])
	})
	s.checked[i].Store(err == nil)
	return err
}

// group yields the rows of a row group whose first row is number base of the file.
func (s *parquetSource) group(ctx context.Context, g parquet.RowGroup, from, base int, yield func([]any, error) bool) bool {
	var rows parquet.Rows
	err := guarded(s.name, func() error {
		rows = g.Rows()
		return rows.SeekToRow(int64(from))
	})
	if rows != nil {
		defer guarded(s.name, rows.Close)
	}
	buf := make([]parquet.Row, 8)
	for i := from; err == nil && i < int(g.NumRows()); {
		var out [][]any
		err = guarded(fmt.Sprintf("%s#%d", s.name, base+i), func() (err error) {
			out, err = s.read(ctx, rows, buf)
			return err
		})
		for _, row := range out {
			if !yield(row, nil) {
				return false
			}
		}
		i += len(out)
	}
	if err != nil {
		yield(nil, err)
		return false
	}
	return true
}

// read reads up to len(buf) rows; values are copied out of the pages they lie in.
func (s *parquetSource) read(ctx context.Context, rows parquet.Rows, buf []parquet.Row) ([][]any, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	n, err := rows.ReadRows(buf)
	if err == io.EOF && n > 0 {
		err = nil
	}
	if err == nil && n == 0 {
		err = io.EOF
	}
	if err != nil {
		return nil, changed(err) // the footer promised more rows
	}
	out := make([][]any, n)
	for i, r := range buf[:n] {
		c := &cells{row: r}
		row := make([]any, len(s.nodes))
		for j, node := range s.nodes {
			c.columnsOf(node)
			v, err := node.value(c)
			if err != nil {
				return out[:i], err
			}
			row[j] = As(v, s.columns[j].Type)
		}
		out[i] = row
	}
	return out, nil
}

// feature is what the datasets library writes about a column beside its data.
type feature struct {
	Type    string   `json:"_type"`
	Names   []string `json:"names"`
	Feature *feature `json:"feature"`
}

// parseFeatures reads the metadata that the datasets library adds under the key
// "huggingface". Text that is not of its form says nothing.
func parseFeatures(text []byte) map[string]feature {
	var head struct {
		Info struct {
			Features map[string]json.RawMessage `json:"features"`
		} `json:"info"`
	}
	if json.Unmarshal(text, &head) != nil {
		return nil
	}
	found := map[string]feature{}
	for name, raw := range head.Info.Features {
		var list []feature // the old way to say that a column is a list
		var f feature
		if json.Unmarshal(raw, &f) == nil {
			found[name] = f
		} else if json.Unmarshal(raw, &list) == nil && len(list) == 1 {
			found[name] = feature{Type: "List", Feature: &list[0]}
		}
	}
	return found
}

// ApplyFeatures returns the columns with what the datasets library says about them:
// which are pictures, and the names of class labels. metadata is the text that it
// keeps under the key "huggingface" of a Parquet or Arrow file.
func ApplyFeatures(columns []Column, metadata string) []Column {
	features := parseFeatures([]byte(metadata))
	out := make([]Column, len(columns))
	for i, c := range columns {
		f := features[c.Name]
		out[i] = Column{c.Name, f.apply(c.Type)}
	}
	return out
}

// apply returns t as the feature means it: a struct of bytes and path that is a
// picture, a number that is a label, text that is JSON.
func (f *feature) apply(t Type) Type {
	switch {
	case f.Type == "Image" && (t.Kind == Record || t.Kind == Bytes || t.Kind == String):
		return Type{Kind: Picture}
	case f.Type == "ClassLabel" && t.Kind == Int64:
		t.Names = f.Names
	case f.Type == "Json" && t.Kind == String:
		t.Kind = Raw
	case f.Feature != nil && t.Kind == List:
		elem := f.Feature.apply(*t.Elem)
		t.Elem = &elem
	}
	return t
}

// As returns v, a value as a table holds it, as a value of t: a struct of bytes and
// path becomes an [Image] where t says Picture, text becomes [JSON] where it says
// Raw.
func As(v any, t Type) any {
	switch t.Kind {
	case Picture:
		switch v := v.(type) {
		case Struct:
			if m, ok := asImage(v); ok {
				return m
			}
			return nil
		case []byte:
			return Image{Data: v}
		case string:
			return Image{Path: v}
		}
	case Raw:
		if s, ok := v.(string); ok {
			return JSON(s)
		}
	case List:
		if l, ok := v.([]any); ok && (t.Elem.Kind == Picture || t.Elem.Kind == Raw || t.Elem.Kind == List) {
			for i := range l {
				l[i] = As(l[i], *t.Elem)
			}
		}
	}
	return v
}
