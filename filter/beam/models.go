package beam

import (
	"context"
	"fmt"
	"sync"

	"github.com/easel-go/easel/dataset"
	"github.com/easel-go/easel/filter"
)

var registry = struct {
	sync.Mutex
	openers map[string]*opener
}{openers: map[string]*opener{}}

// opener opens models at most once in a process.
type opener struct {
	open func() (filter.Models, error)

	once   sync.Once
	models filter.Models
	err    error
}

// RegisterModels makes models available to pipelines under a name, which is what travels
// to the workers: models themselves do not. open is called once in every worker process,
// when the first op of it needs a model.
//
//	func init() {
//		easelbeam.RegisterModels("clip", func() (filter.Models, error) { return &clip.Models{}, nil })
//	}
//	…
//	easelbeam.Run(s, recipe, easelbeam.Models("clip"))
//
// It is called from init functions of the program that builds the pipeline, which is the
// workers' program too, and panics if the name is taken.
func RegisterModels(name string, open func() (filter.Models, error)) {
	registry.Lock()
	defer registry.Unlock()
	if registry.openers[name] != nil {
		panic(fmt.Sprintf("beam: RegisterModels(%q): the name is taken", name))
	}
	registry.openers[name] = &opener{open: open}
}

func find(name string) (*opener, error) {
	registry.Lock()
	defer registry.Unlock()
	o := registry.openers[name]
	if o == nil {
		return nil, &filter.Error{Kind: filter.Missing, Op: "beam", What: fmt.Sprintf("models %q", name), Have: "registered by nobody in this program",
			Want: "a call of RegisterModels in an init function"}
	}
	return o, nil
}

// checkModels asks, before anything runs, whether models that are needed can be opened.
func (j Job) checkModels(steps []filter.Step) error {
	err := tryWithout(steps)
	if j.Models == "" || err != nil && !filter.NeedsModels(err) {
		return err
	}
	_, err = find(j.Models)
	return err
}

// openModels returns the models of the job, nil if no step needs any.
func (j Job) openModels(steps []filter.Step) (filter.Models, error) {
	if j.Models == "" || !filter.NeedsModels(tryWithout(steps)) {
		return nil, nil
	}
	o, err := find(j.Models)
	if err != nil {
		return nil, err
	}
	o.once.Do(func() { o.models, o.err = o.open() })
	return o.models, o.err
}

// tryWithout runs steps over nothing, without models.
func tryWithout(steps []filter.Step) error {
	for _, err := range filter.Apply(context.Background(), func(func(*dataset.Sample, error) bool) {}, filter.Options{}, steps...) {
		if err != nil {
			return err
		}
	}
	return nil
}
