package beam

import (
	"bytes"
	"fmt"
	"reflect"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/easel-go/easel/filter"
)

// The generic registrations of package register spare some reflection a row, and take a
// minute to compile for functions of this shape.
func init() {
	for _, t := range []reflect.Type{reflect.TypeFor[readFn](), reflect.TypeFor[stepsFn](), reflect.TypeFor[globalFn](),
		reflect.TypeFor[writeFn](), reflect.TypeFor[shardFn](), reflect.TypeFor[emptyFn]()} {
		beam.RegisterDoFn(t)
	}
	for _, t := range []reflect.Type{reflect.TypeFor[Row](), reflect.TypeFor[Job](), reflect.TypeFor[firstFn]()} {
		beam.RegisterType(t)
	}
}

// Job is what every worker must know of a run.
type Job struct {
	Recipe []byte   // YAML
	Args   []string // overrides of its settings
	Models string   // under which name RegisterModels has them
	CPUs   int      // of the machine that strict mode is to be equal to
	Shards int
}

// An Option changes how Run spreads the work.
type Option func(*Job)

// Shards sets the number of parts that the data are read in, and the number of files
// that the result is written as. The default is 4.
func Shards(n int) Option { return func(j *Job) { j.Shards = max(1, n) } }

// Args overrides settings of the recipe, as on dj-process's command line: "--np", "2".
func Args(args ...string) Option { return func(j *Job) { j.Args = args } }

// Models names the models that the recipe's ops ask for: those that [RegisterModels] was
// called with in this program, which is the workers' too.
func Models(name string) Option { return func(j *Job) { j.Models = name } }

// CPUs is Recipe.CPUs: in strict mode it bounds np, which decides which samples share a
// failing one's fate. The default is the number of the worker that does the steps.
func CPUs(n int) Option { return func(j *Job) { j.CPUs = n } }

// recipe parses the recipe, and opens no model.
func (j Job) recipe() (*filter.Recipe, error) {
	rec, err := filter.ParseRecipe(bytes.NewReader(j.Recipe), j.Args...)
	if err == nil {
		rec.CPUs = j.CPUs
	}
	return rec, err
}

// Run adds a recipe, in YAML, to the pipeline: reading its data, its ops, and writing
// its result. Nothing is read before the pipeline runs; what is wrong with the recipe,
// and models that nobody registered, are errors now.
func Run(s beam.Scope, recipe []byte, opts ...Option) error {
	j := Job{Recipe: recipe, Shards: 4}
	for _, opt := range opts {
		opt(&j)
	}
	rec, err := j.recipe()
	if err != nil {
		return err
	}
	if err := rec.CheckParts(j.Shards); err != nil {
		return err
	}
	if err := j.checkModels(rec.Steps); err != nil {
		return err
	}
	j.build(s.Scope("easel"), rec)
	return nil
}

// build is the pipeline: read, run of single-sample ops, global op, run, …, write.
func (j Job) build(s beam.Scope, rec *filter.Recipe) {
	shards := make([]any, j.Shards)
	for i := range shards {
		shards[i] = i
	}
	numbers := beam.Create(s, shards...)
	rows, columns := beam.ParDo2(s.Scope("read"), &readFn{Job: j}, beam.Reshuffle(s, numbers))
	from := 0
	for i, step := range rec.Steps {
		switch {
		case rec.Compat == "strict": // which samples are lost depends on all of them
			rows = j.global(s.Scope("strict"), rows, 0, len(rec.Steps))
			from = len(rec.Steps)
		case step.SamplesAtOnce():
			rows = j.single(s, rows, rec, from, i)
			rows = j.global(s.Scope(step.Name), rows, i, i+1)
			from = i + 1
		}
		if rec.Compat == "strict" {
			break
		}
	}
	rows = j.single(s, rows, rec, from, len(rec.Steps))
	j.write(s.Scope("write"), rows, columns, numbers)
}

// single adds the ops [from, to), each of which sees one sample at a time.
func (j Job) single(s beam.Scope, rows beam.PCollection, rec *filter.Recipe, from, to int) beam.PCollection {
	if from == to {
		return rows
	}
	name := rec.Steps[from].Name
	if to > from+1 {
		name = fmt.Sprintf("%s to %s", name, rec.Steps[to-1].Name)
	}
	return beam.ParDo(s.Scope(name), &stepsFn{Job: j, From: from, To: to}, rows)
}

// global adds the ops [from, to) as one step of one worker, which sees all rows.
func (j Job) global(s beam.Scope, rows beam.PCollection, from, to int) beam.PCollection {
	return beam.ParDo(s, &globalFn{Job: j, From: from, To: to}, beam.GroupByKey(s, beam.ParDo(s, &shardFn{Shards: 1}, rows)))
}

// write adds the sink. Every shard has a file, if need be with nothing in it.
func (j Job) write(s beam.Scope, rows, columns, numbers beam.PCollection) {
	keyed := beam.ParDo(s, &shardFn{Shards: j.Shards}, rows)
	all := beam.GroupByKey(s, beam.Flatten(s, keyed, beam.ParDo(s, &emptyFn{}, numbers)))
	first := beam.Combine(s, &firstFn{}, rows)
	beam.ParDo0(s, &writeFn{Job: j}, all, beam.SideInput{Input: columns}, beam.SideInput{Input: first})
}
