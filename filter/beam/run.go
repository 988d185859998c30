package beam

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"
	"github.com/easel-go/easel/dataset"
	"github.com/easel-go/easel/filter"
)

func init() {
	register.DoFn3x1[context.Context, int, func(Row), error](&readFn{})
	register.DoFn3x1[context.Context, Row, func(Row), error](&stepsFn{})
	register.DoFn4x1[context.Context, int, func(*Row) bool, func(Row), error](&globalFn{})
	register.DoFn3x1[context.Context, int, func(*Row) bool, error](&writeFn{})
	register.DoFn1x2[Row, int, Row](&shardFn{})
	register.Emitter1[Row]()
	register.Iter1[Row]()
	beam.RegisterType(reflect.TypeFor[Row]())
}

// Row is a sample on its way between workers.
type Row struct {
	Index  int64  // its place in the result
	Fields []byte // its columns, statistics among them
	ID     string
	Failed string // the op that failed on it, and why; "" if none did
	Reason string
}

func rowOf(index int64, s *dataset.Sample) Row {
	return Row{Index: index, ID: s.ID, Fields: encode(nil, s.Fields)}
}

func (r Row) sample() (*dataset.Sample, error) {
	v, _, err := decode(r.Fields)
	fields, ok := v.(dataset.Struct)
	if err != nil || !ok {
		return nil, errCodec
	}
	return &dataset.Sample{ID: r.ID, Fields: fields}, nil
}

// An Option changes how Run spreads the work.
type Option func(*options)

type options struct{ shards int }

// Shards sets the number of files that the data are read as, and the result is written
// as. The default is 4.
func Shards(n int) Option { return func(o *options) { o.shards = max(1, n) } }

// Run adds a recipe, in YAML, to the pipeline: reading its data, its ops, and writing
// its result. Nothing is read before the pipeline runs.
func Run(s beam.Scope, recipe []byte, opts ...Option) error {
	rec, err := parse(recipe)
	if err != nil {
		return err
	}
	o := options{shards: 4}
	for _, opt := range opts {
		opt(&o)
	}
	s = s.Scope("easel")
	shards := make([]any, o.shards)
	for i := range shards {
		shards[i] = i
	}
	rows := beam.ParDo(s, &readFn{Recipe: recipe, Shards: o.shards}, beam.Reshuffle(s, beam.Create(s, shards...)))
	from := 0
	for i, step := range rec.Steps {
		if !step.SamplesAtOnce() {
			continue
		}
		rows = between(s, recipe, rows, from, i)
		rows = beam.ParDo(s, &globalFn{Recipe: recipe, Step: i}, beam.GroupByKey(s, beam.ParDo(s, &shardFn{Shards: 1}, rows)))
		from = i + 1
	}
	rows = between(s, recipe, rows, from, len(rec.Steps))
	beam.ParDo0(s, &writeFn{Recipe: recipe, Shards: o.shards}, beam.GroupByKey(s, beam.ParDo(s, &shardFn{Shards: o.shards}, rows)))
	return nil
}

func between(s beam.Scope, recipe []byte, rows beam.PCollection, from, to int) beam.PCollection {
	if from == to {
		return rows
	}
	return beam.ParDo(s, &stepsFn{Recipe: recipe, From: from, To: to}, rows)
}

func parse(recipe []byte) (*filter.Recipe, error) {
	rec, err := filter.ParseRecipe(strings.NewReader(string(recipe)))
	if err == nil && rec.Compat == "strict" {
		err = fmt.Errorf("beam: compat strict is the local runner's alone: it decides by batches of one machine")
	}
	return rec, err
}

// readFn emits the samples of one shard: every Shards'th.
type readFn struct {
	Recipe []byte
	Shards int
}

func (f *readFn) ProcessElement(ctx context.Context, shard int, emit func(Row)) error {
	rec, err := parse(f.Recipe)
	if err != nil {
		return err
	}
	i := 0
	for s, err := range rec.Samples(ctx) {
		if i%f.Shards == shard {
			switch {
			case s == nil:
				return err
			case err != nil:
				r := rowOf(int64(i), s)
				r.Failed, r.Reason = "load", err.Error()
				emit(r)
			default:
				emit(rowOf(int64(i), s))
			}
		}
		i++
	}
	return nil
}

// maxPieces bounds how many samples a mapper may make of one: they take its place in the
// order.
const maxPieces = 1 << 20

// stepsFn runs ops that see one sample at a time.
type stepsFn struct {
	Recipe   []byte
	From, To int

	steps []filter.Step
}

func (f *stepsFn) Setup() error {
	rec, err := parse(f.Recipe)
	if err == nil {
		f.steps = rec.Steps[f.From:f.To]
	}
	return err
}

func (f *stepsFn) ProcessElement(ctx context.Context, r Row, emit func(Row)) error {
	if r.Failed != "" {
		emit(r)
		return nil
	}
	s, err := r.sample()
	if err != nil {
		return err
	}
	piece := int64(0)
	for res, err := range filter.Apply(ctx, samples(s), filter.Options{Workers: 1}, f.steps...) {
		if err != nil {
			return err
		}
		out := rowOf(r.Index*maxPieces+piece, res.Whole())
		piece++
		if res.Err != nil {
			out.Failed, out.Reason = res.Failed(), res.Err.Error()
		}
		if res.Kept || res.Err != nil {
			emit(out)
		}
	}
	return nil
}

func samples(list ...*dataset.Sample) func(func(*dataset.Sample, error) bool) {
	return func(yield func(*dataset.Sample, error) bool) {
		for _, s := range list {
			if !yield(s, nil) {
				return
			}
		}
	}
}

// shardFn keys rows by the file that they go to.
type shardFn struct{ Shards int }

func (f *shardFn) ProcessElement(r Row) (int, Row) {
	return int(uint64(r.Index) * 0x9e3779b97f4a7c15 >> 33 % uint64(f.Shards)), r
}

// globalFn runs one op that sees all samples, and numbers them anew.
type globalFn struct {
	Recipe []byte
	Step   int
}

func (f *globalFn) ProcessElement(ctx context.Context, _ int, next func(*Row) bool, emit func(Row)) error {
	rec, err := parse(f.Recipe)
	if err != nil {
		return err
	}
	var alive []*dataset.Sample
	for _, r := range sorted(next) {
		if r.Failed != "" {
			emit(r)
			continue
		}
		s, err := r.sample()
		if err != nil {
			return err
		}
		alive = append(alive, s)
	}
	i := int64(0)
	for res, err := range filter.Apply(ctx, samples(alive...), filter.Options{}, rec.Steps[f.Step]) {
		if err != nil {
			return err
		}
		out := rowOf(i, res.Whole())
		i++
		if res.Err != nil {
			out.Failed, out.Reason = res.Failed(), res.Err.Error()
		}
		if res.Kept || res.Err != nil {
			emit(out)
		}
	}
	return nil
}

func sorted(next func(*Row) bool) (rows []Row) {
	var r Row
	for next(&r) {
		rows = append(rows, r)
	}
	slices.SortStableFunc(rows, func(a, b Row) int { return cmp.Compare(a.Index, b.Index) })
	return rows
}

// writeFn writes one shard of the result, of the statistics and of the rejects.
type writeFn struct {
	Recipe []byte
	Shards int
}

func (f *writeFn) ProcessElement(_ context.Context, shard int, next func(*Row) bool) error {
	rec, err := parse(f.Recipe)
	if err != nil {
		return err
	}
	var result, stats, rejects []byte
	for _, r := range sorted(next) {
		s, err := r.sample()
		if err != nil {
			return err
		}
		if r.Failed != "" {
			rejects = line(rejects, dataset.Struct{{Name: "id", Value: r.ID}, {Name: "op", Value: r.Failed}, {Name: "reason", Value: r.Reason}, {Name: "sample", Value: s.Fields}})
			continue
		}
		row, st := rec.Split(s)
		result = line(result, row)
		if st != nil {
			stats = line(stats, st)
		}
	}
	base := strings.TrimSuffix(rec.ExportPath, filepath.Ext(rec.ExportPath))
	for name, b := range map[string][]byte{base: result, base + "_stats": stats, filepath.Join(filepath.Dir(base), "rejects"): rejects} {
		if b != nil {
			if err := write(fmt.Sprintf("%s-%05d-of-%05d.jsonl", name, shard, f.Shards), b); err != nil {
				return err
			}
		}
	}
	return nil
}

func line(b []byte, s dataset.Struct) []byte { return append(dataset.AppendJSON(b, s), '\n') }

// write makes a file under another name first, so that a worker that dies leaves none.
func write(path string, b []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".part-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	w := bufio.NewWriter(f)
	w.Write(b)
	if err := w.Flush(); err != nil {
		f.Close()
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
