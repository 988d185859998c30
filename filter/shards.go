package filter

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/easel-go/easel/dataset"
)

// shards cuts the finished result into files of about ShardSize bytes of memory each,
// contiguous and as equal as can be: result-00-of-03.jsonl (Data-Juicer 1.6.1,
// core/exporter.py). None appears under its name before it is whole.
func (x *exporter) shards() error {
	n := int(min(x.arrow.total()/float64(x.rec.ShardSize)+1, float64(x.rows)))
	if x.format == "parquet" {
		return x.tableShards(n)
	}
	if _, err := x.result.flush(); err != nil {
		return err
	}
	defer x.result.abort()
	in, err := os.Open(x.result.f.Name())
	if err != nil {
		return err
	}
	defer in.Close()
	lines := bufio.NewReader(in)
	for i := range n {
		if err := x.copyLines(x.shardPath(i, n), lines, shardSize(x.rows, n, i)); err != nil {
			return err
		}
	}
	return nil
}

func (x *exporter) shardPath(i, n int) string {
	width := len(fmt.Sprint(n)) + 1
	base, _, _ := strings.Cut(filepath.Base(x.path), ".")
	path := filepath.Join(filepath.Dir(x.path), fmt.Sprintf("%s-%0*d-of-%0*d.%s", base, width, i, width, n, x.format))
	x.written = append(x.written, path)
	return path
}

// copyLines makes a file of the next n lines, or an array of them for .json.
func (x *exporter) copyLines(path string, from *bufio.Reader, n int) error {
	p, err := newPartial(path)
	if err != nil {
		return err
	}
	before, end := "", ""
	if x.format == "json" {
		before, end = "[", "]\n"
	}
	for range n {
		line, err := readLine(from)
		if x.format == "json" && err == nil {
			line = append([]byte(before), line[:len(line)-1]...)
			before = ","
		}
		if err == nil {
			err = p.write(line)
		}
		if err != nil {
			p.abort()
			return err
		}
	}
	if err := p.write([]byte(end)); err != nil {
		p.abort()
		return err
	}
	return p.close(path)
}

// wholeLines writes the rows of a .json that strict mode saw together as lines.
func (x *exporter) wholeLines() error {
	for _, row := range x.whole {
		if err := x.result.line(appendPandas(x.result.buf(), row)); err != nil {
			return err
		}
	}
	return nil
}

// wholeTable is where the rows of all shards of parquet are until their number is known.
func (x *exporter) wholeTable() string {
	return filepath.Join(filepath.Dir(x.path), "."+filepath.Base(x.path)+".whole.partial")
}

func (x *exporter) tableShards(n int) error {
	if err := x.table.Close(); err != nil {
		return err
	}
	defer os.Remove(x.wholeTable())
	d, err := dataset.Open(x.wholeTable(), dataset.WithFormat("parquet"))
	if err != nil {
		return err
	}
	defer d.Close()
	from := 0
	for i := range n {
		rows := shardSize(x.rows, n, i)
		if err := x.copyTable(x.shardPath(i, n), d, from, rows); err != nil {
			return err
		}
		from += rows
	}
	return nil
}

func (x *exporter) copyTable(path string, d *dataset.Dataset, from, n int) error {
	w, err := dataset.CreateParquet(path, x.tableColumns)
	if err != nil {
		return err
	}
	for i := from; i < from+n; i++ {
		s, err := d.At(i)
		if err == nil {
			err = w.Write(s)
		}
		if err != nil {
			w.Abort()
			return err
		}
	}
	return w.Close()
}

// arrowSize adds up the bytes that rows take in Arrow's memory, by which Data-Juicer
// cuts shards: offsets of 4 bytes for texts and lists, the values, and a bit a row for
// each column that has a null.
type arrowSize struct {
	rows  int
	bytes float64
	nulls map[string]bool // columns, and fields within
}

func (a *arrowSize) add(row dataset.Struct, columns []dataset.Column) {
	if a.nulls == nil {
		a.nulls = map[string]bool{}
	}
	a.rows++
	a.fields("", row, columns)
}

func (a *arrowSize) fields(path string, row dataset.Struct, columns []dataset.Column) {
	for i, f := range row {
		var t dataset.Type
		if i < len(columns) && columns[i].Name == f.Name {
			t = columns[i].Type
		}
		a.value(path+"/"+f.Name, f.Value, t)
	}
}

func (a *arrowSize) value(path string, v any, t dataset.Type) {
	if v == nil && t.Kind != dataset.Null {
		a.nulls[path] = true
	}
	switch v := v.(type) {
	case nil:
		a.bytes += nullSize(t)
	case bool:
		a.bytes += 1. / 8
	case int64, uint64, float64, time.Time:
		a.bytes += 8
	case float32:
		a.bytes += 4
	case string:
		a.bytes += 4 + float64(len(v))
	case []byte:
		a.bytes += 4 + float64(len(v))
	case dataset.JSON:
		a.bytes += 4 + float64(len(v))
	case []any:
		a.bytes += 4
		for _, e := range v {
			var elem dataset.Type
			if t.Elem != nil {
				elem = *t.Elem
			}
			a.value(path+"/", e, elem)
		}
	case dataset.Struct:
		a.fields(path, v, t.Fields)
	}
}

// nullSize is what a null of a type takes beside its bit.
func nullSize(t dataset.Type) (n float64) {
	switch t.Kind {
	case dataset.Null:
		return 0
	case dataset.Bool:
		return 1. / 8
	case dataset.Int64, dataset.Uint64, dataset.Float64, dataset.Time:
		return 8
	case dataset.Record:
		for _, f := range t.Fields {
			n += nullSize(f.Type)
		}
		return n
	}
	return 4
}

func (a *arrowSize) total() float64 { return a.bytes + float64(len(a.nulls))*float64(a.rows)/8 }
