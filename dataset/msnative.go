package dataset

import (
	"context"
	"iter"
	"path"
	"slices"
	"strconv"
	"strings"
)

// msEntry is a split of ModelScope's older formation.
type msEntry struct {
	split, meta, file string
	comma             byte
}

// msSubset is a subset of it.
type msSubset struct {
	name   string
	splits []msEntry
}

// readNative reads the JSON file in the root that describes ModelScope's older
// formation: subset → split → {meta: a CSV file, file: an archive of what its columns
// name}. It returns nil where there is none.
func readNative(names []string, o *options) []msSubset {
	for _, n := range names {
		if ext(n) != ".json" || strings.Contains(n, "/") || isDocument(n) {
			continue
		}
		f, err := o.fsys.Open(n)
		if err != nil {
			continue
		}
		b, err := readLimited(f, n, 1<<20)
		f.Close()
		if err != nil {
			continue
		}
		if v, err := parseJSON(b); err == nil {
			if found := nativeSubsets(v, names); found != nil {
				return found
			}
		}
	}
	return nil
}

func nativeSubsets(v any, names []string) []msSubset {
	top, ok := v.(Struct)
	if !ok {
		return nil
	}
	var out []msSubset
	for _, sub := range top {
		splits, ok := sub.Value.(Struct)
		if !ok || len(splits) == 0 {
			return nil
		}
		s := msSubset{name: sub.Name}
		for _, sp := range splits {
			e, ok := nativeEntry(sp, names)
			if !ok {
				return nil
			}
			s.splits = append(s.splits, e)
		}
		out = append(out, s)
	}
	return out
}

func nativeEntry(f Field, names []string) (msEntry, bool) {
	info, _ := f.Value.(Struct)
	meta, _ := info.Get("meta")
	file, _ := info.Get("file")
	e := msEntry{split: f.Name}
	e.meta, _ = meta.(string)
	e.file, _ = file.(string)
	if args, ok := info.Get("args"); ok {
		a, _ := args.(Struct)
		if d, _ := a.Get("delimiter"); d != nil {
			if s, ok := d.(string); ok && len(s) == 1 {
				e.comma = s[0]
			}
		}
	}
	return e, e.meta != "" && slices.Contains(names, e.meta) && builderOf(ext(e.meta)) == "csv"
}

// pickNative returns the subset called name. Without a name there must be one only.
func pickNative(subsets []msSubset, name string) (msSubset, error) {
	var names []string
	for _, s := range subsets {
		if s.name == name || name == "" && len(subsets) == 1 {
			return s, nil
		}
		names = append(names, s.name)
	}
	return msSubset{}, &Error{Kind: Missing, Op: "dataset", What: "subset", Have: strconv.Quote(name), Want: "one of " + strings.Join(names, ", ")}
}

// openNative opens one split: its table, and the archive its :FILE columns look into.
func openNative(e msEntry, o *options) (Source, error) {
	plain := *o
	plain.comma = e.comma
	table, err := openCSV(File{e.meta, o.fsys}, &plain)
	if err != nil {
		return nil, err
	}
	s := &nativeSource{Source: table, dir: path.Dir(e.meta)}
	for _, c := range table.Columns() {
		if strings.HasSuffix(c.Name, ":FILE") {
			c.Type = Type{Kind: Picture}
		}
		s.columns = append(s.columns, c)
	}
	if ext(e.file) == ".zip" {
		if s.archive, err = openArchive(File{e.file, o.fsys}); err != nil {
			return nil, err
		}
		s.file = e.file
	}
	return s, nil
}

type nativeSource struct {
	Source
	columns []Column
	dir     string
	file    string
	archive *archive
}

func (s *nativeSource) Columns() []Column { return s.columns }

func (s *nativeSource) Close() error {
	if s.archive != nil {
		s.archive.Close()
	}
	return s.Source.Close()
}

func (s *nativeSource) Rows(ctx context.Context, from int) iter.Seq2[[]any, error] {
	return func(yield func([]any, error) bool) {
		for row, err := range s.Source.Rows(ctx, from) {
			for i := range row {
				if s.columns[i].Type.Kind != Picture || row[i] == nil {
					continue
				}
				var bad error
				if row[i], bad = s.picture(row[i]); bad != nil && err == nil {
					err = bad
				}
			}
			if !yield(row, err) || row == nil {
				return
			}
		}
	}
}

func (s *nativeSource) picture(v any) (any, error) {
	name, ok := v.(string)
	if !ok || !safeName(name) {
		return nil, fail(Invalid, s.dir, "file name %v leaves the folder", v)
	}
	if s.archive == nil {
		return Image{Path: path.Join(s.dir, name)}, nil
	}
	return Image{Path: s.file, Member: path.Clean(name), from: s.archive}, nil
}
