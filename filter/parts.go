package filter

import (
	"context"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/easel-go/easel/dataset"
	"github.com/easel-go/easel/internal/fault"
)

// Data is a recipe's data, opened for a runner that gives every worker a part of it, as
// package filter/beam does. [Recipe.Run] needs no such help.
type Data struct{ src *source }

// Open opens the recipe's data.
func (rec *Recipe) Open() (*Data, error) {
	src, err := rec.open()
	if err != nil {
		return nil, err
	}
	return &Data{src}, nil
}

// Columns returns the columns of all samples, in order.
func (d *Data) Columns() []dataset.Column { return slices.Clone(d.src.columns) }

// Len returns the number of samples, those without text included.
func (d *Data) Len() int { return d.src.len() }

// Close lets go of open files.
func (d *Data) Close() error { d.src.close(); return nil }

// Part yields part i of n, contiguous parts of nearly equal length: samples as the first
// op sees them (paths of pictures made absolute, samples without text left out) with
// their numbers in the data. A sample that could not be read has Err set. That the data
// end too early, and the end of ctx, are the Err of one last sample.
func (d *Data) Part(ctx context.Context, i, n int) iter.Seq2[int, *dataset.Sample] {
	return func(yield func(int, *dataset.Sample) bool) {
		at, to := i*d.Len()/n, (i+1)*d.Len()/n
		from := 0
		for _, t := range d.src.tables {
			end := from + t.len()
			if at < end && at < to && !d.table(ctx, t, from, &at, min(to, end), yield) {
				return
			}
			from = end
		}
		if at < to {
			yield(at, &dataset.Sample{Err: d.cut(ctx, at)})
		}
	}
}

// table yields the samples of a table, which begins at from, from *at up to to.
func (d *Data) table(ctx context.Context, t table, from int, at *int, to int, yield func(int, *dataset.Sample) bool) bool {
	for s, err := range t.all(ctx, *at-from) {
		if ctx.Err() != nil {
			return true
		}
		if s == nil {
			s = &dataset.Sample{}
		}
		if s.Err = err; err != nil || d.src.prepare(s, t) {
			if !yield(*at, s) {
				return false
			}
		}
		if *at++; *at == to {
			return true
		}
	}
	return true
}

func (d *Data) cut(ctx context.Context, at int) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return &Error{Kind: fault.Truncated, Op: "filter", Where: d.src.rec.DatasetPath, What: "samples", Have: fmt.Sprint(at), Want: fmt.Sprint(d.Len())}
}

// Part is one of the files that a recipe's result is cut into, with those of the
// statistics and the rejects beside it.
type Part struct {
	x    *exporter
	to   outputs // where the files go
	temp string  // the folder they are made in
}

// PartName returns the name of part i of n of the recipe's result, as Beam names
// shards: result-00003-of-00016.parquet.
func (rec *Recipe) PartName(i, n int) string { return partName(rec.ExportPath, i, n) }

func partName(path string, i, n int) string {
	ext := filepath.Ext(path)
	return fmt.Sprintf("%s-%05d-of-%05d%s", strings.TrimSuffix(path, ext), i, n, ext)
}

// CheckParts says what would keep CreatePart from writing any of n parts: a format that
// cannot be cut, or files that are part of the data.
func (rec *Recipe) CheckParts(n int) error {
	format, err := rec.exportFormat()
	if err != nil {
		return err
	}
	if format == "json" {
		return &Error{Kind: Unsupported, Op: "filter", What: "export in parts", Have: format, Want: "jsonl or parquet"}
	}
	for i := range n {
		to := rec.partOutputs(format, i, n)
		if err := rec.guardFiles(to.path, to.statsTo, to.rejects); err != nil {
			return err
		}
	}
	return nil
}

func (rec *Recipe) partOutputs(format string, i, n int) outputs {
	to := rec.outputs(format)
	return outputs{partName(to.path, i, n), partName(to.statsTo, i, n), partName(to.rejects, i, n)}
}

// CreatePart begins part i of n. columns are those of the data, and first is the first
// sample of the whole result, nil if that has none: parquet has the columns of both in
// every part. What is written stands in a folder of its own until Close, so that two
// workers that were given the same part do not disturb each other.
func (rec *Recipe) CreatePart(i, n int, columns []dataset.Column, first *dataset.Sample) (*Part, error) {
	format, err := rec.exportFormat()
	if err != nil {
		return nil, err
	}
	whole := *rec
	whole.ShardSize, whole.analyze = 0, false
	p := &Part{to: rec.partOutputs(format, i, n)}
	dir := filepath.Dir(rec.ExportPath)
	if err = os.MkdirAll(dir, 0o777); err == nil {
		p.temp, err = os.MkdirTemp(dir, ".part-*")
	}
	if err != nil {
		return nil, &Error{Kind: Invalid, Op: "filter", What: "export_path", Err: err}
	}
	p.x, err = whole.newExporter(format, p.to.within(p.temp), columns)
	if err == nil && format == "parquet" {
		err = p.x.openTable(p.x.kept(first))
	}
	if err != nil {
		p.Abort()
		return nil, err
	}
	return p, nil
}

// within moves the files to another folder.
func (o outputs) within(dir string) outputs {
	move := func(path string) string { return filepath.Join(dir, filepath.Base(path)) }
	return outputs{move(o.path), move(o.statsTo), move(o.rejects)}
}

// kept returns the columns of s that are part of the result.
func (x *exporter) kept(s *dataset.Sample) (row dataset.Struct) {
	if s == nil {
		return nil
	}
	for _, f := range s.Fields {
		if x.keeps(f.Name) {
			row = append(row, f)
		}
	}
	return row
}

// Write appends a sample that stays, with its statistics among its columns as
// [Result.Whole] gives it.
func (p *Part) Write(s *dataset.Sample) error { return p.x.add(s.Fields) }

// Reject appends a sample that failed: its number in the data, the op, and the reason.
func (p *Part) Reject(row int64, s *dataset.Sample, op, reason string) error {
	return p.x.addReject(row, s.ID, op, reason, s.Fields)
}

// Close finishes the files and gives them their names, and removes the rejects of an
// earlier run if this one has none.
func (p *Part) Close() error {
	defer os.RemoveAll(p.temp)
	if err := p.x.close(p.x.rec.measures()); err != nil {
		return err
	}
	for _, name := range p.x.written { // the result comes last
		to := p.to.path
		switch name {
		case p.x.path:
		case p.x.statsTo:
			to = p.to.statsTo
		case p.x.rejects:
			to = p.to.rejects
		}
		if err := os.Rename(name, to); err != nil {
			return &Error{Kind: Invalid, Op: "filter", What: "export", Err: err}
		}
	}
	if p.x.rejected == nil {
		removeRejects(p.to.rejects)
	}
	return nil
}

// Abort removes what was written.
func (p *Part) Abort() {
	if p.x != nil {
		p.x.abort()
	}
	os.RemoveAll(p.temp)
}
