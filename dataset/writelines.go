package dataset

import (
	"bytes"
	"io"
	"path/filepath"
	"strings"
)

// CreateJSONL writes JSON lines: an object a line with every column, in the form of
// Python's json.dumps(ensure_ascii=False), as Data-Juicer writes and reads it. Pictures
// are named by their path, relative to the file's folder where they lie inside it; a
// picture that has no file of its own is an error of its sample.
func CreateJSONL(path string, opts ...WriteOption) (*Writer, error) {
	o, err := newWriteOptions(opts)
	if err != nil {
		return nil, err
	}
	w := &Writer{}
	p, err := createLines(path, o, &w.done, countLines)
	if err != nil {
		return nil, err
	}
	dir, err := filepath.Abs(filepath.Dir(path))
	if err != nil {
		return nil, failed(Invalid, path, err)
	}
	w.sink = &lineSink{partialFile: p, line: func(b []byte, s *Sample) ([]byte, error) { return jsonLine(b, s, dir) }}
	return w, nil
}

// CreateCSV writes a CSV file of the given columns, with a byte order mark (Python's
// utf-8-sig) and as pandas writes it, but for one thing: a cell with a lone CR is
// quoted, so that it can be read back. Without columns it writes those of the first
// sample. A NUL byte, which CSV readers refuse, is an error of its sample.
func CreateCSV(path string, columns []string, opts ...WriteOption) (*Writer, error) {
	o, err := newWriteOptions(opts)
	if err != nil {
		return nil, err
	}
	w := &Writer{}
	c := &csvLines{columns: columns, strict: o.strict}
	p, err := createLines(path, o, &w.done, c.count)
	if err != nil {
		return nil, err
	}
	w.sink = &lineSink{partialFile: p, line: c.line, last: c.header}
	return w, nil
}

// createLines opens the partial file of a text form; count tells how many samples an
// old one holds whole, and where they end.
func createLines(path string, o *writeOptions, done *int, count func(io.Reader) (int, int64, error)) (*partialFile, error) {
	if !o.resume {
		return createPartial(path, nil)
	}
	return createPartial(path, func(f File) (int64, error) {
		r, err := f.Open()
		if err != nil {
			return 0, err
		}
		defer r.Close()
		n, end, err := count(r)
		*done = n
		return end, err
	})
}

// lineSink writes a piece of text per sample.
type lineSink struct {
	*partialFile
	line func([]byte, *Sample) ([]byte, error)
	last func([]byte) []byte // what an empty file holds, or nil
	buf  []byte
}

func (l *lineSink) write(_ int, s *Sample) (err error) {
	if l.buf, err = l.line(l.buf[:0], s); err != nil {
		return err
	}
	_, err = l.partialFile.Write(l.buf)
	return err
}

func (l *lineSink) commit() error {
	if l.last != nil && l.n == 0 {
		if _, err := l.partialFile.Write(l.last(nil)); err != nil {
			return err
		}
	}
	return l.partialFile.commit()
}

// countLines counts the complete lines of a file.
func countLines(r io.Reader) (n int, end int64, err error) {
	buf := make([]byte, 64<<10)
	for at := int64(0); ; {
		m, err := r.Read(buf)
		for b := buf[:m]; len(b) > 0; {
			i := bytes.IndexByte(b, '\n')
			if i < 0 {
				at += int64(len(b))
				break
			}
			at += int64(i + 1)
			b, end = b[i+1:], at
			n++
		}
		if err == io.EOF {
			return n, end, nil
		}
		if err != nil {
			return 0, 0, err
		}
	}
}

func jsonLine(b []byte, s *Sample, dir string) ([]byte, error) {
	row, err := withPaths(s, dir)
	if err != nil {
		return nil, err
	}
	return append(appendJSON(b, row, jsonStyle{}), '\n'), nil
}

// withPaths returns the sample's columns with pictures as paths.
func withPaths(s *Sample, dir string) (Struct, error) {
	row := make(Struct, len(s.Fields))
	for i, f := range s.Fields {
		v, err := pathsOf(f.Value, dir)
		if err != nil {
			return nil, err
		}
		row[i] = Field{f.Name, v}
	}
	return row, nil
}

func pathsOf(v any, dir string) (any, error) {
	switch v := v.(type) {
	case Image:
		file := v.File()
		if file == "" {
			return nil, fail(Unsupported, v.String(), "the picture has no file of its own to name: CreateFolder, CreateParquet and CreateWebDataset write pictures")
		}
		return relative(file, dir), nil
	case []any:
		list := make([]any, len(v))
		for i, e := range v {
			p, err := pathsOf(e, dir)
			if err != nil {
				return nil, err
			}
			list[i] = p
		}
		return list, nil
	}
	return v, nil
}

// relative returns file relative to dir where it lies inside, with forward slashes.
func relative(file, dir string) string {
	abs, err := filepath.Abs(file)
	if err != nil {
		return filepath.ToSlash(file)
	}
	if rel, err := filepath.Rel(dir, abs); err == nil && filepath.IsLocal(rel) {
		return filepath.ToSlash(rel)
	}
	return filepath.ToSlash(abs)
}

// csvLines spells records.
type csvLines struct {
	columns []string
	strict  bool // as pandas: a lone CR is not quoted, NUL is written
	begun   bool
}

const byteOrderMark = "\ufeff"

// count counts the complete records of a file that this type wrote.
func (c *csvLines) count(r io.Reader) (int, int64, error) {
	in := newCSVStream(r, ',')
	in.bom()
	n, end := -1, int64(0) // the header is no sample
	for {
		cells, _, err := in.next()
		if last, _ := in.r.Peek(1); err != nil || len(last) == 0 && in.lastByte != '\n' {
			c.begun = n >= 0
			return max(n, 0), end, nil
		}
		if n < 0 {
			c.columns = cells
		}
		n++
		end = in.offset
	}
}

func (c *csvLines) header(b []byte) []byte {
	b = append(b, byteOrderMark...)
	b, _ = c.record(b, c.columns)
	return b
}

func (c *csvLines) line(b []byte, s *Sample) ([]byte, error) {
	columns := c.columns
	if columns == nil {
		for _, f := range s.Fields {
			columns = append(columns, f.Name)
		}
	}
	cells := make([]string, len(columns))
	for i, name := range columns {
		v, _ := s.Get(name)
		cells[i] = cellOf(v)
	}
	begun := c.begun
	c.columns = columns
	if !begun {
		b = c.header(b)
	}
	b, err := c.record(b, cells)
	c.begun = begun || err == nil
	return b, err
}

// cellOf spells a value as a CSV cell; null is an empty one.
func cellOf(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case bool:
		if v {
			return "True"
		}
		return "False"
	case JSON:
		return string(v)
	case Image:
		return v.String()
	}
	return strings.Trim(string(appendJSON(nil, v, jsonStyle{})), `"`)
}

// record appends cells as pandas' to_csv does: quoted where they hold a comma, a quote
// or a line break.
func (c *csvLines) record(b []byte, cells []string) ([]byte, error) {
	special := ",\"\n\r"
	if c.strict {
		special = ",\"\n"
	}
	for i, cell := range cells {
		if i > 0 {
			b = append(b, ',')
		}
		if !c.strict && strings.IndexByte(cell, 0) >= 0 {
			return nil, fail(Invalid, "", "a NUL byte in a CSV cell")
		}
		if !strings.ContainsAny(cell, special) && (cell != "" || len(cells) > 1) {
			b = append(b, cell...)
			continue
		}
		b = append(b, '"')
		b = append(b, strings.ReplaceAll(cell, `"`, `""`)...)
		b = append(b, '"')
	}
	return append(b, '\n'), nil
}
