package filter

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"sync"
)

// Op is one step of a recipe: a value of one of four kinds, [Filter], [Mapper],
// [Deduplicator] and [Selector].
type Op any

// Filter decides by itself whether a sample stays. Its methods are called from
// several goroutines at once.
type Filter interface {
	// Measure adds to r.Stats what Keep decides by, unless it is there already. An
	// error concerns the sample alone.
	Measure(ctx context.Context, r *Row) error

	// Keep decides. It is called after Measure, with the statistics rounded as the
	// statistics file has them.
	Keep(r *Row) (bool, error)
}

// Mapper changes samples. Its method is called from several goroutines at once.
type Mapper interface {
	// Map returns what becomes of r: r itself, changed; several rows, made by r.Copy;
	// or none.
	Map(ctx context.Context, r *Row) ([]*Row, error)
}

// Deduplicator drops samples that are like an earlier one.
type Deduplicator interface {
	// Hash adds to the row the columns that duplicates are told by, unless they are
	// there. It is called from several goroutines at once.
	Hash(ctx context.Context, r *Row) error

	// Reduce looks at all n rows, of which there are at least two. For each it returns
	// the index of the row it repeats, or its own index if it stays.
	//
	// The rows wait on disk: memory holds what Reduce keeps of them. It may range over
	// them more than once and gets new ones every time; what it changes in them is lost.
	Reduce(ctx context.Context, n int, rows iter.Seq[*Row]) ([]int, error)
}

// Selector picks samples by looking at all of them.
type Selector interface {
	// Select returns the indices of the rows that stay, in the order in which they go
	// on; an index may come up more than once. There are n rows, at least two, to be read
	// as a Deduplicator reads them.
	Select(ctx context.Context, n int, rows iter.Seq[*Row]) ([]int, error)
}

// exact is a Deduplicator that keeps the first row of each key, so that it needs no
// more than the keys seen.
type exact interface {
	Deduplicator
	key(r *Row) (key string, ok bool) // ok is false for rows that repeat nothing
}

// Checker is an op of another package that checks its parameters together, before anything
// runs: an error of Check refuses the recipe. It is called again where a step is used
// again.
type Checker interface{ Check() error }

// checked is an op that checks its parameters together, before anything runs. check is
// called again where a step is used again.
type checked interface{ check() error }

// modelled is an op that needs a model. prepare is called once before a run.
type modelled interface {
	prepare(ctx context.Context, m Models) error
}

// alone is a built-in op that Data-Juicer runs a sample at a time, so that in strict
// mode a failing sample does not take its batch along.
type alone interface{ alone() }

// statless is a filter that measures nothing, so that it adds no statistics column.
type statless interface{ statless() }

var registry = struct {
	sync.RWMutex
	ops map[string]func() Op
}{ops: map[string]func() Op{}}

// Register makes an op available to recipes under name. defaults returns it as a
// recipe without arguments gets it; arguments set the fields that are tagged
// `param:"name"`, of the types bool, int, int64, float64, string, []string, []int,
// []any, and pointers to the first five, which null sets to nil.
//
//	type Palette struct {
//		MinColors int `param:"min_colors"`
//	}
//	filter.Register("image_palette_filter", func() filter.Op { return &Palette{MinColors: 16} })
//
// Register is called from init functions. It panics if the name is taken or the
// value is of none of the four kinds.
func Register(name string, defaults func() Op) {
	if kindOf(defaults()) == "" {
		panic(fmt.Sprintf("filter: Register(%q): %T is no Filter, Mapper, Deduplicator or Selector", name, defaults()))
	}
	registry.Lock()
	defer registry.Unlock()
	if registry.ops[name] != nil {
		panic(fmt.Sprintf("filter: Register(%q): the name is taken", name))
	}
	registry.ops[name] = defaults
}

func kindOf(op Op) string {
	switch op.(type) {
	case Filter:
		return "filter"
	case Mapper:
		return "mapper"
	case Deduplicator:
		return "deduplicator"
	case Selector:
		return "selector"
	}
	return ""
}

// Names returns the names of all ops, sorted.
func Names() []string {
	registry.RLock()
	defer registry.RUnlock()
	return slices.Sorted(maps.Keys(registry.ops))
}

func lookup(name string) (func() Op, bool) {
	registry.RLock()
	defer registry.RUnlock()
	f, ok := registry.ops[name]
	return f, ok
}

// New returns the op called name with the arguments of a JSON or YAML object; nil
// means none. An argument that the op does not have, or one of the wrong type, is an
// error, as is a name that nobody registered.
func New(name string, args []byte) (Step, error) {
	tree, _, err := parseTree(args)
	if err != nil {
		return Step{}, err
	}
	var bad complaints
	s := newStep(name, tree, Keys{}.withDefaults(), &bad)
	if err := bad.err("op " + name); err != nil {
		return Step{}, err
	}
	return s, s.check()
}

// Step is an op as a recipe lists it: with its name, and with what every op of
// Data-Juicer takes besides its own parameters.
type Step struct {
	Name string
	Op   Op
	Keys // which columns it looks at

	// BatchSize is the number of rows that a failing row takes along in strict mode;
	// 0 means 1000. It means nothing otherwise.
	BatchSize int

	// Workers is the op's own number of workers, 0 the run's.
	Workers int

	// StopOnError ends the run at the first row on which the op fails: skip_op_error
	// false.
	StopOnError bool
}

// check lets the op check its parameters.
func (s Step) check() error {
	switch op := s.Op.(type) {
	case checked:
		return op.check()
	case Checker:
		return op.Check()
	}
	return nil
}

// Keys names the columns that ops look at. An empty name means Data-Juicer's default.
type Keys struct {
	Text       string // "text"
	Image      string // "images": a list of paths
	ImageBytes string // "image_bytes": the files themselves, used where there are any
}

func (k Keys) withDefaults() Keys {
	if k.Text == "" {
		k.Text = "text"
	}
	if k.Image == "" {
		k.Image = "images"
	}
	if k.ImageBytes == "" {
		k.ImageBytes = "image_bytes"
	}
	return k
}

// The columns that Data-Juicer adds to a sample.
const (
	statsColumn     = "__dj__stats__"
	metaColumn      = "__dj__meta__"
	suffixColumn    = "__dj__suffix__"
	hashColumn      = "__dj__hash"
	imageHashColumn = "__dj__imagehash"
	minhashColumn   = "__dj__minhash"
	simhashColumn   = "__dj__simhash"
	lineHashColumn  = "__dj__line_hashes"
)

// hashColumns leave the result unless keep_hashes_in_res_ds asks for them.
var hashColumns = []string{hashColumn, minhashColumn, simhashColumn, imageHashColumn, "__dj__videohash"}
