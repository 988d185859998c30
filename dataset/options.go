package dataset

import (
	"io/fs"
	"slices"

	"github.com/easel-go/easel/internal/hub"
)

// An Option changes how Open or Load reads a dataset.
type Option func(*options) error

type options struct {
	fsys          fs.FS
	dir           string // of fsys on disk, "" where it is none
	text, image   string
	subset, split string
	format        string
	data          map[string][]string // by split, where the caller names the files
	order         []string            // the splits of data in the order named
	comma         byte
	field         string
	na            map[string]bool
	verbatim      []string
	inside        bool
	hub           hub.Client
	revision      string
}

func newOptions(opts []Option) (*options, error) {
	o := &options{}
	WithNA(naWords...)(o)
	for _, opt := range opts {
		if err := opt(o); err != nil {
			return nil, err
		}
	}
	return o, nil
}

// keeps reports whether a column's cells are text as they stand.
func (o *options) keeps(column string) bool { return slices.Contains(o.verbatim, column) }

// WithColumns names the columns that hold the text and the pictures; "" leaves one to
// the rules of [Sample.TextColumn] and [Sample.Images].
func WithColumns(text, image string) Option {
	return func(o *options) error {
		o.text, o.image = text, image
		return nil
	}
}

// WithSplit selects a subset (a configuration) and a split. "" means the default
// subset, and the split train, or the only one there is.
func WithSplit(subset, split string) Option {
	return func(o *options) error {
		o.subset, o.split = subset, split
		return nil
	}
}

// WithFS opens the dataset at a path of fsys instead of the disk's. Paths in it that
// leave fsys are refused.
func WithFS(fsys fs.FS) Option {
	return func(o *options) error {
		if fsys == nil {
			return fail(Invalid, "", "WithFS(nil)")
		}
		o.fsys, o.inside = fsys, true
		return nil
	}
}

// WithFormat says what the files are, whatever their names: json, csv, parquet, text,
// webdataset, imagefolder or arrow.
func WithFormat(name string) Option {
	return func(o *options) error {
		if name != "arrow" && openers[name] == nil && name != imageFolder {
			return fail(Unsupported, "", "format %q, want one of json, csv, parquet, text, webdataset, imagefolder, arrow", name)
		}
		o.format = name
		return nil
	}
}

// WithFiles says which files, below the dataset's folder, make up a split.
func WithFiles(split string, names ...string) Option {
	return func(o *options) error {
		if o.data == nil {
			o.data = map[string][]string{}
		}
		if _, ok := o.data[split]; !ok {
			o.order = append(o.order, split)
		}
		o.data[split] = append(o.data[split], names...)
		return nil
	}
}

// WithDelimiter sets the byte between the cells of a CSV file. The default is a
// comma, and a tab in .tsv files.
func WithDelimiter(comma byte) Option {
	return func(o *options) error {
		if comma == 0 || comma == '"' || comma == '\n' || comma == '\r' {
			return fail(Invalid, "", "delimiter %q", comma)
		}
		o.comma = comma
		return nil
	}
}

// WithField names the key of a JSON file's object that holds the rows.
func WithField(name string) Option {
	return func(o *options) error {
		o.field = name
		return nil
	}
}

// WithNA sets the cells of a CSV file that are read as null. The default is pandas'
// list: the empty cell, NA, N/A, null, None, nan and their like, in text columns too.
func WithNA(words ...string) Option {
	return func(o *options) error {
		o.na = make(map[string]bool, len(words))
		for _, w := range words {
			o.na[w] = true
		}
		return nil
	}
}

// WithVerbatim names columns whose strings are kept as they stand: no word of theirs
// is read as null, a number, a bool or a date.
func WithVerbatim(columns ...string) Option {
	return func(o *options) error {
		o.verbatim = append(o.verbatim, columns...)
		return nil
	}
}
