package dataset

import (
	"context"
	"io"
	"io/fs"
	"iter"
	"path"
	"slices"
	"strings"
	"sync"
)

// Source is a table of rows: one file of a dataset, or several that read as one.
// Formats from outside ([RegisterFormat]) implement it. Its methods may be called
// from several goroutines at once.
type Source interface {
	// Columns returns the columns in order. The caller does not change them.
	Columns() []Column

	// Len returns the number of rows.
	Len() int

	// Rows yields the rows from the one numbered from on: a value per column, each
	// row a slice of its own. An error beside a row concerns that row; one with a nil
	// row ends the rows.
	Rows(ctx context.Context, from int) iter.Seq2[[]any, error]

	// Close lets go of what is open.
	Close() error
}

// File is a file that a format is asked to open. It stays valid until the Source is
// closed.
type File struct {
	Name string // below FS, with forward slashes
	FS   fs.FS
}

// Open opens the file.
func (f File) Open() (fs.File, error) {
	r, err := f.FS.Open(f.Name)
	if err != nil {
		return nil, failed(Missing, f.Name, err)
	}
	return r, nil
}

// A ReaderAtCloser is a file open for reading at any place.
type ReaderAtCloser interface {
	io.ReaderAt
	io.Closer
}

// OpenAt opens the file for reading at any place and returns its size. A file of an
// fs.FS that can only be read forwards is read into memory, up to 1 GiB.
func (f File) OpenAt() (ReaderAtCloser, int64, error) {
	r, err := f.Open()
	if err != nil {
		return nil, 0, err
	}
	info, err := r.Stat()
	if err == nil && info.IsDir() {
		err = fail(Invalid, f.Name, "is a folder")
	}
	if err != nil {
		r.Close()
		return nil, 0, failed(Invalid, f.Name, err)
	}
	if at, ok := r.(ReaderAtCloser); ok {
		return at, info.Size(), nil
	}
	defer r.Close()
	b, err := readLimited(r, f.Name, 1<<30)
	if err != nil {
		return nil, 0, err
	}
	return struct {
		io.ReaderAt
		io.Closer
	}{strings.NewReader(string(b)), io.NopCloser(nil)}, int64(len(b)), nil
}

var formats struct {
	sync.Mutex
	list []registered
}

type registered struct {
	name   string
	detect func(File) bool
	open   func(File) (Source, error)
}

// RegisterFormat adds a format that a module of its own reads. detect says from the
// name, or from the first bytes, whether a file is of the format; open opens it. A
// format is registered once, from an init function; a second one of the same name
// replaces the first.
func RegisterFormat(name string, detect func(File) bool, open func(File) (Source, error)) {
	formats.Lock()
	defer formats.Unlock()
	formats.list = slices.DeleteFunc(formats.list, func(r registered) bool { return r.name == name })
	formats.list = append(formats.list, registered{name, detect, open})
}

// foreign opens a file of a format that this package knows the name of and another
// module reads.
func foreign(name string, f File) (Source, error) {
	formats.Lock()
	list := slices.Clone(formats.list)
	formats.Unlock()
	for _, r := range list {
		if r.name == name && r.detect(f) {
			return r.open(f)
		}
	}
	return nil, fail(Unsupported, f.Name, "format %s is read by a module of its own: import _ %q", name, "github.com/easel-go/easel/dataset/"+name)
}

// concat is several sources that read as one.
type concat struct {
	parts   []Source
	starts  []int // the number of rows before each part
	columns []Column
	maps    [][]int // per part: where each column of the whole is in it, or -1
	total   int
}

// join reads the sources one after another. A column that one of them lacks is null
// there; types are merged where loose is true (JSON, CSV) and must agree where it is
// not.
func join(parts []Source, names []string, loose bool) (Source, error) {
	if len(parts) == 1 {
		return parts[0], nil
	}
	c := &concat{parts: parts}
	for i, p := range parts {
		c.starts = append(c.starts, c.total)
		c.total += p.Len()
		for _, col := range p.Columns() {
			if err := c.add(col, loose); err != nil {
				return nil, failed(Invalid, names[i], err)
			}
		}
	}
	for _, p := range parts {
		m := make([]int, len(c.columns))
		for i, col := range c.columns {
			m[i] = slices.IndexFunc(p.Columns(), func(o Column) bool { return o.Name == col.Name })
		}
		c.maps = append(c.maps, m)
	}
	return c, nil
}

func (c *concat) add(col Column, loose bool) error {
	i := slices.IndexFunc(c.columns, func(o Column) bool { return o.Name == col.Name })
	if i < 0 {
		c.columns = append(c.columns, col)
		return nil
	}
	have := &c.columns[i].Type
	switch {
	case loose || have.Kind == Null || col.Type.Kind == Null:
		*have = merge(*have, col.Type)
	case !equalTypes(*have, col.Type):
		return &Error{Kind: Invalid, Op: "dataset", What: "column " + col.Name, Have: col.Type.String(), Want: have.String() + " as in the files before"}
	}
	return nil
}

func (c *concat) Columns() []Column { return c.columns }
func (c *concat) Len() int          { return c.total }

func (c *concat) Close() error {
	var first error
	for _, p := range c.parts {
		if err := p.Close(); first == nil {
			first = err
		}
	}
	return first
}

func (c *concat) Rows(ctx context.Context, from int) iter.Seq2[[]any, error] {
	return func(yield func([]any, error) bool) {
		for i, p := range c.parts {
			if from >= c.starts[i]+p.Len() {
				continue
			}
			for row, err := range p.Rows(ctx, max(0, from-c.starts[i])) {
				if !yield(c.row(i, row), err) || row == nil {
					return
				}
			}
		}
	}
}

// row orders the values of part i as the whole's columns.
func (c *concat) row(part int, row []any) []any {
	if row == nil {
		return nil
	}
	out := make([]any, len(c.columns))
	for i, j := range c.maps[part] {
		if j >= 0 {
			out[i] = convert(row[j], c.columns[i].Type)
		}
	}
	return out
}

// part says which of the files a row comes from, and its number there.
func (c *concat) part(row int) (file, at int) {
	i, _ := slices.BinarySearch(c.starts, row+1)
	i--
	return i, row - c.starts[i]
}

// ext returns the last suffix of a name in lower case, with its dot.
func ext(name string) string { return strings.ToLower(path.Ext(name)) }
