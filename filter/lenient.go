package filter

import (
	"bufio"
	"context"
	"io"
	"iter"
	"os"
	"strconv"

	"github.com/easel-go/easel/dataset"
)

// lenientTable reads JSON lines and passes over those that are no objects, as
// load_jsonl_lenient asks for. Values are taken as they stand. Rows have the columns of
// the first: in strict mode one that lacks any ends the run, otherwise it gets a null.
func (rec *Recipe) lenientTable(path string) (table, error) {
	var t table
	first := map[string]bool{}
	for s, err := range lenientRows(path) {
		if err != nil {
			return t, as("DatasetGenerationError", err)
		}
		if t.n++; t.n == 1 {
			for _, f := range s.Fields {
				first[f.Name] = true
				t.cols = append(t.cols, dataset.Column{Name: f.Name})
			}
		}
		for _, c := range t.cols {
			if _, ok := s.Get(c.Name); !ok && rec.Compat == "strict" {
				return t, as("DatasetGenerationError", &Error{Kind: Missing, Op: "filter", Where: s.ID, What: "key " + c.Name, Want: "the keys of the first row"})
			}
		}
		for _, f := range s.Fields {
			if !first[f.Name] && rec.Compat != "strict" {
				first[f.Name] = true
				t.cols = append(t.cols, dataset.Column{Name: f.Name})
			}
		}
	}
	t.rows = func(_ context.Context, from int) iter.Seq2[*dataset.Sample, error] {
		return after(from, lenientRows(path))
	}
	t.suffix = rec.wantsSuffix()
	return t, nil
}

// after leaves out the first n samples.
func after(n int, rows iter.Seq2[*dataset.Sample, error]) iter.Seq2[*dataset.Sample, error] {
	return func(yield func(*dataset.Sample, error) bool) {
		i := 0
		for s, err := range rows {
			if i >= n && !yield(s, err) {
				return
			}
			i++
		}
	}
}

// maxLine bounds a line of JSON.
const maxLine = 1 << 28

func lenientRows(path string) iter.Seq2[*dataset.Sample, error] {
	return func(yield func(*dataset.Sample, error) bool) {
		f, err := os.Open(path)
		if err != nil {
			yield(nil, err)
			return
		}
		defer f.Close()
		lines := bufio.NewReaderSize(f, 1<<16)
		for n := 0; ; n++ {
			line, err := readLine(lines)
			if err == io.EOF {
				return
			}
			if err != nil {
				yield(nil, err)
				return
			}
			v, err := dataset.ParseJSON(line)
			if o, ok := v.(dataset.Struct); err == nil && ok && !yield(&dataset.Sample{ID: path + "#" + strconv.Itoa(n), Fields: o}, nil) {
				return
			}
		}
	}
}

// readLine returns the next line; io.EOF says that there is none.
func readLine(r *bufio.Reader) (line []byte, err error) {
	for {
		part, err := r.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case len(line) > maxLine:
			return nil, fail(Limit, "a line of more than %d bytes", maxLine)
		case err == bufio.ErrBufferFull:
			continue
		case err == io.EOF && len(line) > 0, err == nil:
			return line, nil
		}
		return nil, err
	}
}
