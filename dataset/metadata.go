package dataset

import (
	"context"
	"fmt"
	"iter"
	"path"
	"strings"
)

// openMetadata opens the tables beside the pictures and reads their file names as
// pictures.
func openMetadata(metas []place, o *options) (Source, []string, error) {
	kind := ext(metas[0].name())
	var parts []Source
	var names []string
	for _, p := range metas {
		if ext(p.name()) != kind {
			return nil, nil, fail(Invalid, p.path, "metadata in %s beside metadata in %s", ext(p.name()), kind)
		}
		table, err := openTable(p, o)
		if err != nil {
			return nil, nil, err
		}
		m, err := newMetadata(p, table)
		if err != nil {
			return nil, nil, err
		}
		parts, names = append(parts, m), append(names, p.image().String())
	}
	src, err := join(parts, names, kind != ".parquet")
	return src, names, err
}

func openTable(p place, o *options) (Source, error) {
	f := File{p.path, o.fsys}
	if p.archive != nil {
		f = File{p.member, p.archive.zip}
	}
	plain := *o
	plain.comma, plain.field = 0, ""
	switch ext(p.name()) {
	case ".csv":
		return openCSV(f, &plain)
	case ".jsonl":
		return openJSON(f, &plain)
	}
	return openParquet(f, &plain)
}

// metadata is a table whose file names are read as pictures: file_name becomes the
// column image, x_file_name x, and file_names images.
type metadata struct {
	Source
	place   place
	columns []Column
	from    []int // which column of the table each is
}

func newMetadata(p place, table Source) (*metadata, error) {
	m := &metadata{Source: table, place: p}
	var rest []Column
	var restFrom []int
	for i, c := range table.Columns() {
		name, t, ok := pictureColumn(c)
		if !ok {
			rest, restFrom = append(rest, c), append(restFrom, i)
			continue
		}
		m.columns, m.from = append(m.columns, Column{name, t}), append(m.from, i)
	}
	if len(m.columns) == 0 { // Data-Juicer's form: the column image names them
		for i := range rest {
			if t, ok := namesPictures(rest[i]); ok {
				rest[i].Type = t
				m.columns, m.from = rest, restFrom
				return m, nil
			}
		}
		return nil, fail(Missing, p.name(), "no column file_name, file_names or one that ends so")
	}
	m.columns, m.from = append(m.columns, rest...), append(m.from, restFrom...)
	return m, nil
}

// namesPictures reports whether the column is image or images, with paths or lists of
// them, and the type that they have as pictures.
func namesPictures(c Column) (Type, bool) {
	one := Type{Kind: Picture}
	switch t := c.Type; {
	case c.Name != "image" && c.Name != "images":
	case t.Kind == String:
		return one, true
	case t.Kind == List && t.Elem.Kind == String:
		return Type{Kind: List, Elem: &one}, true
	}
	return Type{}, false
}

func pictureColumn(c Column) (string, Type, bool) {
	one := Type{Kind: Picture}
	list := Type{Kind: List, Elem: &one}
	for _, r := range []struct {
		suffix, alone string
		t             Type
	}{{"file_names", "images", list}, {"file_name", "image", one}} {
		if c.Name == r.suffix {
			return r.alone, r.t, true
		}
		if name, ok := strings.CutSuffix(c.Name, "_"+r.suffix); ok && name != "" {
			return name, r.t, true
		}
	}
	return "", Type{}, false
}

func (m *metadata) Columns() []Column { return m.columns }

func (m *metadata) Rows(ctx context.Context, from int) iter.Seq2[[]any, error] {
	return func(yield func([]any, error) bool) {
		for row, err := range m.Source.Rows(ctx, from) {
			if row == nil {
				yield(nil, err)
				return
			}
			out, bad := m.row(row)
			if err == nil {
				err = bad
			}
			if !yield(out, err) {
				return
			}
		}
	}
}

func (m *metadata) row(row []any) ([]any, error) {
	out := make([]any, len(m.columns))
	var bad error
	for i, j := range m.from {
		out[i] = row[j]
		if k := m.columns[i].Type.Kind; row[j] == nil || k != Picture && !m.isList(i) {
			continue
		}
		v, err := m.picture(row[j])
		if err != nil {
			bad = err
		}
		out[i] = v
	}
	return out, bad
}

func (m *metadata) isList(i int) bool {
	t := m.columns[i].Type
	return t.Kind == List && t.Elem.Kind == Picture
}

// picture turns a file name of the table, or a list of them, into pictures. Names
// begin at the table's folder and may not leave it.
func (m *metadata) picture(v any) (any, error) {
	switch v := v.(type) {
	case string:
		if !safeName(v) {
			return nil, fail(Invalid, m.place.name(), "file_name %q leaves the folder", v)
		}
		p := m.place
		full := path.Join(path.Dir(p.name()), v)
		if p.archive != nil {
			p.member = full
		} else {
			p.path = full
		}
		return p.image(), nil
	case []any:
		list := make([]any, len(v))
		var bad error
		for i, e := range v {
			var err error
			if list[i], err = m.picture(e); err != nil {
				bad = err
			}
		}
		return list, bad
	case nil:
		return nil, nil
	}
	return nil, fail(Invalid, m.place.name(), "file_name is a %s", fmt.Sprint(typeOf(v, false)))
}
