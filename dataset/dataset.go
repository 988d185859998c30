package dataset

import (
	"context"
	"errors"
	"io/fs"
	"iter"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
)

// Dataset is one split of a dataset, opened for reading. Its methods may be called
// from several goroutines at once.
type Dataset struct {
	src    Source
	names  []string // the file of each part of src, where it is several
	splits []string
	split  string
	text   string
	image  string
	files  *files
	order  []int // of a shuffled view
	closed *atomic.Bool
}

// Open opens the dataset at path: a folder in any of the layouts that the package
// documentation lists, or one file. It reads tables of text once, for their columns
// and types; everything else is opened when a sample asks for it.
//
// Open never goes to the network: a name such as "hf:owner/name" is looked for in the
// cache alone. [Load] fetches a dataset by its name on a hub.
func Open(path string, opts ...Option) (*Dataset, error) {
	o, err := newOptions(opts)
	if err != nil {
		return nil, err
	}
	name, err := o.root(path)
	if err != nil {
		return o.openCached(path, err)
	}
	lay, err := o.layout(name)
	if err != nil {
		return nil, err
	}
	return lay.open(o)
}

// root makes o.fsys the folder of the dataset, and returns the file's name in it where
// the path is one.
func (o *options) root(where string) (string, error) {
	var info fs.FileInfo
	var err error
	if o.fsys != nil {
		info, err = fs.Stat(o.fsys, path.Clean(filepath.ToSlash(where)))
	} else {
		info, err = os.Stat(where)
	}
	if err != nil {
		return "", failed(Missing, where, err)
	}
	dir, name := where, ""
	if !info.IsDir() {
		dir, name = filepath.Dir(where), filepath.Base(where)
	}
	if o.fsys != nil {
		if o.fsys, err = fs.Sub(o.fsys, path.Clean(filepath.ToSlash(dir))); err != nil {
			return "", failed(Missing, where, err)
		}
		return name, nil
	}
	if o.dir, err = filepath.Abs(dir); err != nil {
		return "", failed(Invalid, where, err)
	}
	o.fsys = os.DirFS(o.dir)
	return name, nil
}

// layout says which files make up which split, and how they are read.
type layout struct {
	builder string // "" until a split's files tell
	splits  []split
	native  []msEntry // of ModelScope's older formation, one per split
}

func (o *options) layout(name string) (layout, error) {
	if name != "" {
		return layout{o.format, []split{{"train", []string{name}}}, nil}, nil
	}
	names, err := listFiles(o.fsys, !o.inside)
	if err != nil {
		return layout{}, err
	}
	return o.layoutOf(names)
}

// layoutOf tells from the names of all files, and from the few that describe them.
func (o *options) layoutOf(names []string) (layout, error) {
	if o.data != nil {
		l := layout{builder: o.format}
		for _, s := range o.order {
			l.splits = append(l.splits, split{s, o.data[s]})
		}
		return l, nil
	}
	if found, err := onDisk(names, o); found != nil || err != nil {
		return layout{"arrow", found, nil}, err
	}
	if native := readNative(names, o); native != nil {
		sub, err := pickNative(native, o.subset)
		l := layout{native: sub.splits}
		for _, e := range sub.splits {
			l.splits = append(l.splits, split{e.split, []string{e.meta}})
		}
		return l, err
	}
	subsets, err := readSubsets(o)
	if err != nil {
		return layout{}, err
	}
	sub, err := pick(subsets, o.subset)
	if err != nil {
		return layout{}, err
	}
	splits, err := sub.splits(names)
	if err == nil && len(splits) == 0 {
		err = fail(Missing, o.dir, "the folder holds no data files")
	}
	return layout{o.format, splits, nil}, err
}

func (l layout) names() []string {
	var names []string
	for _, s := range l.splits {
		names = append(names, s.name)
	}
	return names
}

// maxLinks bounds the links to folders that a listing follows: there may be circles.
const maxLinks = 1000

// listFiles returns the paths of all files, sorted. Links to folders are followed where
// follow is true.
func listFiles(fsys fs.FS, follow bool) ([]string, error) {
	var names []string
	links := 0
	var visit fs.WalkDirFunc
	visit = func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && name != "." && hidden(d.Name()):
			return fs.SkipDir
		case d.IsDir():
			return nil
		case d.Type()&fs.ModeSymlink != 0 && follow && !hidden(d.Name()):
			if info, err := fs.Stat(fsys, name); err == nil && info.IsDir() {
				if links++; links > maxLinks || strings.Count(name, "/") > 64 {
					return fail(Limit, name, "links to folders without end")
				}
				return fs.WalkDir(fsys, name, visit)
			}
		}
		names = append(names, name)
		return nil
	}
	err := fs.WalkDir(fsys, ".", visit)
	slices.Sort(names)
	return names, failed(Invalid, "", err)
}

// open opens the split that the options ask for.
func (l layout) open(o *options) (*Dataset, error) {
	d := &Dataset{text: o.text, image: o.image, files: &files{o.fsys, o.dir, o.inside}, closed: new(atomic.Bool)}
	d.splits = l.names()
	var all [][]string
	for _, s := range l.splits {
		all = append(all, s.files)
	}
	i, err := chooseSplit(d.splits, o.split)
	if err != nil {
		return nil, err
	}
	d.split = d.splits[i]
	if l.native != nil {
		d.names = []string{l.native[i].meta}
		d.src, err = openNative(l.native[i], o)
		return d, err
	}
	if l.builder == "" {
		if l.builder, err = findBuilder(l.splits[i].files, o); err != nil {
			return nil, err
		}
	}
	d.src, d.names, err = openSplit(l.builder, l.splits[i].files, all, o)
	if err != nil {
		return nil, err
	}
	return d, nil
}

func chooseSplit(names []string, want string) (int, error) {
	if i := slices.Index(names, want); i >= 0 {
		return i, nil
	}
	if i := slices.Index(names, "train"); want == "" && i >= 0 {
		return i, nil
	}
	if want == "" && len(names) == 1 {
		return 0, nil
	}
	if want == "" {
		return 0, fail(Missing, "", "the dataset has the splits %q: say which", names)
	}
	return 0, &Error{Kind: Missing, Op: "dataset", What: "split", Have: want, Want: "one of " + strings.Join(names, ", ")}
}

// Columns returns the columns in order, with their types.
func (d *Dataset) Columns() []Column { return slices.Clone(d.src.Columns()) }

// Splits returns the names of the dataset's splits.
func (d *Dataset) Splits() []string { return slices.Clone(d.splits) }

// Split returns the name of the split that is open.
func (d *Dataset) Split() string { return d.split }

// Dir returns the folder that relative paths begin at, or "" in an fs.FS.
func (d *Dataset) Dir() string { return d.files.dir }

// Len returns the number of samples, good and bad.
func (d *Dataset) Len() int {
	if d.order != nil {
		return len(d.order)
	}
	return d.src.Len()
}

// All yields the samples in order. Beside a bad sample comes its error, which is its
// Err too; the loop may go on with the next. The sample is never nil. Damage that
// hides everything after it, and the end of ctx, are the error of one last sample.
func (d *Dataset) All(ctx context.Context) iter.Seq2[*Sample, error] { return d.From(ctx, 0) }

// From yields what [Dataset.All] does from sample i on, without reading those before it
// where the format allows that: readers that share a dataset take a part each.
func (d *Dataset) From(ctx context.Context, i int) iter.Seq2[*Sample, error] {
	return func(yield func(*Sample, error) bool) {
		i := max(0, i)
		if d.closed.Load() {
			err := fail(Closed, "", "read after Close")
			yield(&Sample{Err: err}, err)
			return
		}
		if d.order != nil {
			d.shuffled(ctx, i, yield)
			return
		}
		for row, err := range d.src.Rows(ctx, i) {
			s := d.sample(i, row, err)
			if !yield(s, s.Err) {
				return
			}
			i++
		}
	}
}

func (d *Dataset) shuffled(ctx context.Context, from int, yield func(*Sample, error) bool) {
	for i := from; i < len(d.order); i++ {
		err := ctx.Err()
		s := &Sample{Err: err}
		if err == nil {
			s, err = d.At(i)
		}
		if !yield(s, err) || ctx.Err() != nil {
			return
		}
	}
}

// At returns sample i, counted from 0. In a gzipped archive it reads everything before
// the sample, and in a text file up to 256 rows. The sample is never nil.
func (d *Dataset) At(i int) (*Sample, error) {
	if i < 0 || i >= d.Len() {
		err := &Error{Kind: Invalid, Op: "dataset", What: "sample", Have: strconv.Itoa(i), Want: "below " + strconv.Itoa(d.Len())}
		return &Sample{Err: err}, err
	}
	if d.closed.Load() {
		err := fail(Closed, "", "read after Close")
		return &Sample{Err: err}, err
	}
	if d.order != nil {
		i = d.order[i]
	}
	for row, err := range d.src.Rows(context.Background(), i) {
		s := d.sample(i, row, err)
		return s, s.Err
	}
	err := fail(Truncated, d.id(i), "the sample is gone: did the file change?")
	return &Sample{Err: err}, err
}

// sample makes a Sample of a row.
func (d *Dataset) sample(i int, row []any, err error) *Sample {
	s := &Sample{ID: d.id(i), text: d.text, image: d.image, files: d.files}
	if err != nil {
		s.Err = failed(Invalid, s.ID, err)
		if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
			s.Err = err
		}
	}
	columns := d.src.Columns()
	s.Fields = make(Struct, len(row))
	for j, v := range row {
		s.Fields[j] = Field{columns[j].Name, d.attach(v)}
	}
	return s
}

// attach tells pictures where their paths begin.
func (d *Dataset) attach(v any) any {
	switch v := v.(type) {
	case Image:
		if v.from == nil {
			v.from = d.files
		}
		return v
	case []any:
		for i := range v {
			v[i] = d.attach(v[i])
		}
	}
	return v
}

// id names sample i after its file and its row there; a picture without a table by its
// own path.
func (d *Dataset) id(i int) string {
	src := d.src
	if c, ok := src.(*closing); ok {
		src = c.Source
	}
	switch s := src.(type) {
	case *pictureSource:
		return s.places[i].image().String()
	case *concat:
		if len(d.names) == len(s.parts) {
			file, at := s.part(i)
			return d.names[file] + "#" + strconv.Itoa(at)
		}
	}
	name := d.split
	if len(d.names) == 1 {
		name = d.names[0]
	}
	return name + "#" + strconv.Itoa(i)
}

// Shuffle returns a view of the dataset in an order drawn from seed: the same for the
// same seed and length, everywhere. It takes 8 bytes a sample, and reading it jumps
// about in the files.
func (d *Dataset) Shuffle(seed uint64) *Dataset {
	v := *d
	v.order = rand.New(rand.NewPCG(seed, 0)).Perm(d.Len())
	if d.order != nil {
		for i, j := range v.order {
			v.order[i] = d.order[j]
		}
	}
	return &v
}

// Close lets go of open files, also under the views that Shuffle made. Pictures of
// samples already read may no longer open then.
func (d *Dataset) Close() error {
	if d.closed.Swap(true) {
		return nil
	}
	return d.src.Close()
}

// Batches gathers the samples that come without an error into slices of n, the last of
// them maybe shorter. It stops at the first error, after the batch before it.
func Batches[T any](seq iter.Seq2[T, error], n int) iter.Seq2[[]T, error] {
	return func(yield func([]T, error) bool) {
		batch := make([]T, 0, max(1, n))
		for s, err := range seq {
			if err != nil {
				if len(batch) == 0 || yield(batch, nil) {
					yield(nil, err)
				}
				return
			}
			if batch = append(batch, s); len(batch) >= n {
				if !yield(batch, nil) {
					return
				}
				batch = make([]T, 0, max(1, n))
			}
		}
		if len(batch) > 0 {
			yield(batch, nil)
		}
	}
}
