package filter

import (
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/easel-go/easel/dataset"
)

// exporter writes the samples that stay, their statistics, and what failed. Nothing
// takes its name before close: a crash leaves the files of an earlier run, or none.
type exporter struct {
	rec *Recipe
	outputs
	format string // jsonl, json or parquet
	rows   int
	arrow  arrowSize        // of the rows, where there are to be shards
	whole  []dataset.Struct // rows of a .json in strict mode, which must be seen together

	result, stats, rejected *partial
	table                   *dataset.Writer // of parquet
	tableColumns            []dataset.Column
	columns                 []dataset.Column
	hasStats                bool
	written                 []string // names of finished files
}

// outputs are the names of the files of a result.
type outputs struct {
	path    string // of the samples that stay
	statsTo string // of their statistics, the same if there are none to be
	rejects string // of what failed
}

func (rec *Recipe) outputs(format string) outputs {
	return outputs{rec.ExportPath, rec.statsPath(format), rec.rejectsPath()}
}

// exportFormat tells the format of the result, by export_type or the suffix.
func (rec *Recipe) exportFormat() (string, error) {
	format := rec.ExportType
	if format == "" {
		i := strings.LastIndexByte(rec.ExportPath, '.')
		if i < 0 || strings.ContainsAny(rec.ExportPath[i:], "/\\") {
			return "", as("ValueError", &Error{Kind: Invalid, Op: "filter", What: "export_path", Have: rec.ExportPath, Want: "a suffix: .jsonl, .json or .parquet, or export_type"})
		}
		format = strings.ToLower(rec.ExportPath[i+1:])
	}
	if !slices.Contains([]string{"jsonl", "json", "parquet"}, format) {
		return "", as("NotImplementedError", &Error{Kind: Unsupported, Op: "filter", What: "export format", Have: format, Want: "jsonl, json or parquet"})
	}
	return format, nil
}

// statsPath is the result's name with "_stats.jsonl" for the suffix. Data-Juicer finds
// the suffix by replacing text, everywhere in the path and in lower case only; where
// that changes nothing it writes no statistics. By default there is always a name.
func (rec *Recipe) statsPath(format string) string {
	if rec.Compat == "strict" {
		return strings.ReplaceAll(rec.ExportPath, "."+format, "_stats.jsonl")
	}
	return strings.TrimSuffix(rec.ExportPath, filepath.Ext(rec.ExportPath)) + "_stats.jsonl"
}

// rejectsPath is where samples go on which an op failed, in the default mode.
func (rec *Recipe) rejectsPath() string {
	return filepath.Join(filepath.Dir(rec.ExportPath), "rejects.jsonl")
}

// guard refuses to write over the data.
func (rec *Recipe) guard(format string) error {
	o := rec.outputs(format)
	return rec.guardFiles(o.path, o.statsTo, o.rejects)
}

func (rec *Recipe) guardFiles(files ...string) error {
	inputs, _ := rec.paths()
	for _, out := range files {
		have, err := os.Stat(out)
		if err != nil {
			continue
		}
		for _, in := range inputs {
			st, err := os.Stat(in)
			if err != nil {
				continue
			}
			rel, err := filepath.Rel(mustAbs(in), mustAbs(out))
			inside := st.IsDir() && err == nil && filepath.IsLocal(rel) && formatOf(out) != ""
			if os.SameFile(st, have) || inside {
				return &Error{Kind: Invalid, Op: "filter", What: "export", Have: out, Want: "a path that is not part of dataset_path"}
			}
		}
	}
	return nil
}

func mustAbs(p string) string {
	if abs, err := filepath.Abs(p); err == nil {
		return abs
	}
	return p
}

func (rec *Recipe) newExporter(format string, to outputs, columns []dataset.Column) (*exporter, error) {
	x := &exporter{rec: rec, outputs: to, format: format, columns: columns}
	if err := os.MkdirAll(filepath.Dir(x.path), 0o777); err != nil {
		return nil, &Error{Kind: Invalid, Op: "filter", What: "export_path", Err: err}
	}
	var err error
	if format != "parquet" && !rec.analyze {
		x.result, err = newPartial(x.path)
	}
	if err == nil && x.statsTo != x.path {
		x.stats, err = newPartial(x.statsTo)
	}
	if err != nil {
		x.abort()
	}
	return x, err
}

// keeps reports whether a column is part of the result.
func (x *exporter) keeps(name string) bool {
	switch {
	case name == statsColumn || name == metaColumn:
		return x.rec.KeepStats
	case slices.Contains(hashColumns, name):
		return x.rec.KeepHashes
	}
	return true
}

// write appends a sample that stays.
func (x *exporter) write(r *Row) error { return x.add(r.columns()) }

// add appends a sample with its statistics among its columns.
func (x *exporter) add(all dataset.Struct) error {
	x.rows++
	var st dataset.Struct
	row := make(dataset.Struct, 0, len(all))
	for _, f := range all {
		if f.Name == statsColumn || f.Name == metaColumn {
			st = append(st, f)
		}
		if x.keeps(f.Name) {
			row = append(row, f)
		}
	}
	if st != nil && x.stats != nil {
		x.hasStats = true
		x.stats.line(dataset.AppendJSON(x.stats.buf(), st))
	}
	if x.rec.analyze {
		return nil
	}
	return x.put(row)
}

func (x *exporter) put(row dataset.Struct) error {
	if x.rec.ShardSize > 0 {
		x.arrow.add(row, x.columns)
	}
	switch {
	case x.format == "jsonl":
		return x.result.line(dataset.AppendJSON(x.result.buf(), row))
	case x.format == "parquet":
		return x.putTable(row)
	case x.rec.Compat == "strict":
		if x.whole = append(x.whole, row); len(x.whole) > 1000 {
			return as("NotImplementedError", fail(Unsupported, "a .json result of more than 1000 samples (Data-Juicer refuses it too; .jsonl has no limit)"))
		}
		return nil
	case x.rec.ShardSize > 0:
		return x.result.line(appendPandas(x.result.buf(), row))
	}
	sep := byte('[')
	if x.rows > 1 {
		sep = ','
	}
	return x.result.write(appendPandas(append(x.result.buf(), sep), row))
}

// putTable writes a row of parquet. The columns are the data's and those that ops added
// to the first row.
func (x *exporter) putTable(row dataset.Struct) error {
	if x.table == nil {
		if err := x.openTable(row); err != nil {
			return err
		}
	}
	s := &dataset.Sample{Fields: slices.Clone(row)}
	for i, f := range s.Fields {
		if f.Name == statsColumn {
			s.Fields[i].Value = dataset.JSON(appendPandas(nil, f.Value))
		}
	}
	return x.table.Write(s)
}

func (x *exporter) openTable(row dataset.Struct) (err error) {
	var cols []dataset.Column
	for _, c := range x.columns {
		if x.keeps(c.Name) {
			cols = append(cols, c)
		}
	}
	for _, f := range row {
		if !slices.ContainsFunc(cols, func(c dataset.Column) bool { return c.Name == f.Name }) {
			cols = append(cols, dataset.Column{Name: f.Name, Type: typeOf(f.Name, f.Value)})
		}
	}
	path := x.path
	if x.rec.ShardSize > 0 {
		path = x.wholeTable()
	}
	x.tableColumns = cols
	x.table, err = dataset.CreateParquet(path, cols)
	return err
}

func typeOf(name string, v any) dataset.Type {
	text := dataset.Type{Kind: dataset.String}
	switch v.(type) {
	case string:
		return text
	case []any:
		return dataset.Type{Kind: dataset.List, Elem: &text}
	}
	return dataset.Type{Kind: dataset.Raw}
}

// reject writes a sample that failed, and why.
func (x *exporter) reject(r *Row) (err error) {
	op := "load"
	if n := len(r.verdicts); n > 0 {
		op = r.verdicts[n-1].Op
	}
	return x.addReject(int64(r.Index), r.Sample.ID, op, r.err.Error(), r.columns())
}

func (x *exporter) addReject(row int64, id, op, reason string, sample dataset.Struct) (err error) {
	if x.rejected == nil {
		if x.rejected, err = newPartial(x.rejects); err != nil {
			return err
		}
	}
	return x.rejected.line(dataset.AppendJSON(x.rejected.buf(), dataset.Struct{
		{Name: "row", Value: row}, {Name: "id", Value: id}, {Name: "op", Value: op}, {Name: "reason", Value: reason}, {Name: "sample", Value: sample}}))
}

// close finishes the files and gives them their names. stats says whether there are
// statistics even of no sample.
func (x *exporter) close(stats bool) error {
	if x.rec.analyze {
		return x.named(x.stats, x.statsTo)
	}
	if err := x.finish(); err != nil {
		x.abort()
		return err
	}
	if (stats || x.hasStats) && x.stats != nil {
		if err := x.named(x.stats, x.statsTo); err != nil {
			return err
		}
	}
	x.stats.abort()
	if x.rejected != nil {
		if err := x.named(x.rejected, x.rejects); err != nil {
			return err
		}
	} else if x.rec.Compat != "strict" {
		removeRejects(x.rejects)
	}
	if x.rec.ShardSize > 0 {
		return x.shards()
	}
	if x.format == "parquet" {
		x.written = append(x.written, x.path)
		return x.table.Close()
	}
	return x.named(x.result, x.path)
}

// named gives a finished file its name.
func (x *exporter) named(p *partial, path string) error {
	x.written = append(x.written, path)
	return p.close(path)
}

// removeRejects removes a file of rejects that was about an earlier result; others are
// left alone.
func removeRejects(path string) {
	f, err := os.Open(path)
	if err != nil {
		return
	}
	head := make([]byte, 8)
	_, err = io.ReadFull(f, head)
	f.Close()
	if err == nil && string(head) == `{"row": ` {
		os.Remove(path)
	}
}

// finish writes what must come last.
func (x *exporter) finish() error {
	switch {
	case x.format == "parquet" && x.table == nil:
		return x.openTable(nil)
	case x.format != "json":
		return nil
	case x.rec.Compat == "strict":
		widen(x.whole)
		if x.rec.ShardSize > 0 {
			return x.wholeLines()
		}
		for i, row := range x.whole {
			sep := byte(',')
			if i == 0 {
				sep = '['
			}
			if err := x.result.write(appendPandas(append(x.result.buf(), sep), row)); err != nil {
				return err
			}
		}
	}
	if x.rec.ShardSize > 0 || x.rows == 0 && x.rec.Compat == "strict" {
		return nil
	}
	if x.rows == 0 {
		x.result.write([]byte("["))
	}
	return x.result.write([]byte("]\n"))
}

// widen makes floats of a column of whole numbers with a null among them, as pandas
// does.
func widen(rows []dataset.Struct) {
	if len(rows) == 0 {
		return
	}
	for c := range rows[0] {
		null, whole := false, true
		for _, row := range rows {
			v := row[c].Value
			_, isInt := v.(int64)
			null, whole = null || v == nil, whole && (v == nil || isInt)
		}
		for _, row := range rows {
			if n, ok := row[c].Value.(int64); ok && null && whole {
				row[c].Value = float64(n)
			}
		}
	}
}

func (x *exporter) abort() {
	for _, p := range []*partial{x.result, x.stats, x.rejected} {
		p.abort()
	}
	if x.table != nil {
		x.table.Abort()
	}
}
