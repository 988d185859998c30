package filter

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"path/filepath"
	"slices"
	"time"

	"github.com/easel-go/easel/dataset"
)

// Run reads the recipe's data and writes the samples that pass to its export path, with
// the statistics beside it, as dj-process does. What could go wrong with the recipe is
// found before anything is read or written; what goes wrong with a sample concerns that
// sample. When Run fails, an earlier result is as it was.
//
// See [Rules] for what differs from Data-Juicer 1.6.1 unless Compat is "strict".
func (rec *Recipe) Run(ctx context.Context) (*Report, error) { return rec.whole(ctx) }

// Analyze lets every op measure every sample and drops none, as dj-analyze does: what
// thresholds to choose is then to be seen in the report, and in the statistics file,
// which is all that is written. Mappers still change what later ops see.
func (rec *Recipe) Analyze(ctx context.Context) (*Report, error) {
	all := *rec
	all.analyze, all.Compat, all.Trace = true, "", false
	return all.whole(ctx)
}

func (rec *Recipe) whole(ctx context.Context) (*Report, error) {
	format, err := rec.exportFormat()
	if err != nil {
		return nil, err
	}
	if err := prepare(ctx, rec.Steps, rec.Models); err != nil {
		return nil, err
	}
	if err := rec.guard(format); err != nil {
		return nil, err
	}
	src, err := rec.open()
	if err != nil {
		return nil, err
	}
	defer src.close()
	x, err := rec.newExporter(format, rec.outputs(format), src.columns)
	if err != nil {
		return nil, err
	}
	defer x.abort()
	return rec.run(ctx, src, x)
}

func (rec *Recipe) run(ctx context.Context, src *source, x *exporter) (*Report, error) {
	start := time.Now()
	rep := newReport(rec)
	trace := rec.newTracer()
	j, err := rec.openJournal()
	if err != nil {
		return nil, err
	}
	done := false
	defer func() { j.close(done) }()
	waiting, err := rec.spools()
	if err != nil {
		return nil, err
	}
	o := Options{journal: j, spools: waiting, Workers: rec.workers(), Strict: rec.Compat == "strict", CPUs: rec.CPUs, Models: rec.Models, trace: trace, tokens: rec.marks(), measure: rec.analyze}
	var failed error
	err = o.run(ctx, src.samples(ctx), rec.Steps, func(r *Row) bool {
		rep.add(r)
		if !o.Strict {
			trace.row(rec.Steps, r)
		}
		if rec.OnSample != nil {
			rec.OnSample(r.result())
		}
		switch {
		case !r.dropped:
			failed = x.write(r)
		case rec.analyze:
		case r.err != nil && !o.Strict:
			failed = x.reject(r)
		}
		return failed == nil
	})
	if err == nil {
		err = failed
	}
	if err == nil {
		err = src.truncated()
	}
	if err != nil {
		return nil, err
	}
	if err := trace.write(rec.workDir()); err != nil {
		return nil, err
	}
	if err := x.close(rec.hasStats(src, o.Strict)); err != nil {
		return nil, err
	}
	done = true
	return rep.finish(src, x.written, time.Since(start)), nil
}

func (rec *Recipe) workers() int {
	if rec.Workers > 0 {
		return rec.Workers
	}
	return 4
}

// marks are the recipe's tokens.
func (rec *Recipe) marks() *tokens {
	return &tokens{image: rec.ImageToken, eoc: rec.EOCToken, others: []string{rec.AudioToken, rec.VideoToken}}
}

// hasStats reports whether the statistics file is written even if no sample is left. In
// strict mode the column exists once a filter saw a sample.
func (rec *Recipe) hasStats(src *source, strict bool) bool {
	if slices.ContainsFunc(src.columns, func(c dataset.Column) bool { return c.Name == statsColumn || c.Name == metaColumn }) {
		return true
	}
	return (!strict || src.read > src.nulls) && rec.measures()
}

// measures reports whether an op of the recipe writes statistics.
func (rec *Recipe) measures() bool {
	return slices.ContainsFunc(rec.Steps, func(s Step) bool {
		_, none := s.Op.(statless)
		return kindOf(s.Op) == "filter" && !none
	})
}

// workDir is the folder for traces: WorkDir, or one named by the time and chance.
func (rec *Recipe) workDir() string {
	if rec.WorkDir == "" {
		var b [3]byte
		rand.Read(b[:])
		rec.WorkDir = filepath.Join(filepath.Dir(rec.ExportPath), time.Now().Format("20060102_150405_")+hex.EncodeToString(b[:]))
	}
	return rec.WorkDir
}
