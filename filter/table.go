package filter

import (
	"context"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/easel-go/easel/dataset"
)

// table is one part: a dataset, and which of its samples in which order.
type table struct {
	rows   func(ctx context.Context, from int) iter.Seq2[*dataset.Sample, error]
	cols   []dataset.Column
	n      int
	order  []int // nil means all
	at     func(i int) (*dataset.Sample, error)
	suffix bool // add the column of the file's suffix
	close  func() error
}

func (t table) len() int {
	if t.order != nil {
		return len(t.order)
	}
	return t.n
}

func (t table) all(ctx context.Context, from int) iter.Seq2[*dataset.Sample, error] {
	if t.order == nil {
		return t.rows(ctx, from)
	}
	return func(yield func(*dataset.Sample, error) bool) {
		for _, i := range t.order[from:] {
			if ctx.Err() != nil || !yield(t.at(i)) {
				return
			}
		}
	}
}

func (rec *Recipe) openPath(path string) (table, error) {
	st, err := os.Stat(path)
	switch {
	case err != nil:
		return table{}, as("ValueError", &Error{Kind: Missing, Op: "filter", What: "dataset_path", Have: path, Want: "a file or a folder", Err: err})
	case st.IsDir():
		return rec.openFolder(path)
	}
	return rec.openFile(path)
}

// formats are the groups of suffixes that are read together, in Data-Juicer's order.
var formats = []struct {
	name     string
	suffixes []string
}{
	{"csv", []string{".csv"}}, {"json", []string{".json", ".jsonl"}}, {"parquet", []string{".parquet"}},
	{"text", []string{".txt", ".md", ".tex", ".html", ".htm", ".py", ".go", ".java", ".c", ".cpp", ".h", ".js", ".sh", ".xml"}}, {"tsv", []string{".tsv"}},
}

func formatOf(path string) string {
	suffix := strings.ToLower(filepath.Ext(path))
	for _, f := range formats {
		if slices.Contains(f.suffixes, suffix) {
			return f.name
		}
	}
	return ""
}

// openFolder reads the files of a folder and all below it whose format has the most
// files: those of one suffix after the other, sorted by path.
func (rec *Recipe) openFolder(dir string) (table, error) {
	byFormat := map[string][]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || !rec.suffixFits(path) {
			return err
		}
		if f := formatOf(path); f != "" {
			rel, err := filepath.Rel(dir, path)
			byFormat[f] = append(byFormat[f], filepath.ToSlash(rel))
			return err
		}
		return nil
	})
	best := ""
	for _, f := range formats {
		if len(byFormat[f.name]) > len(byFormat[best]) {
			best = f.name
		}
	}
	if err != nil || best == "" {
		return table{}, as("OSError", &Error{Kind: Missing, Op: "filter", What: "files", Where: dir, Want: ".jsonl, .json, .csv, .tsv, .parquet or .txt", Err: err})
	}
	files := bySuffix(byFormat[best])
	if best == "text" {
		for i := range files {
			files[i] = filepath.Join(dir, files[i])
		}
		return textTable(files)
	}
	opts := []dataset.Option{dataset.WithFiles("train", files...)}
	if best == "tsv" {
		best = "csv"
		opts = append(opts, dataset.WithDelimiter('\t'))
	}
	return rec.openDataset(dir, append(opts, dataset.WithFormat(best))...)
}

// bySuffix brings files of one suffix together, in the order in which suffixes first
// come.
func bySuffix(files []string) []string {
	rank := map[string]int{}
	suffix := func(file string) string { return strings.ToLower(filepath.Ext(file)) }
	for _, f := range files {
		if _, ok := rank[suffix(f)]; !ok {
			rank[suffix(f)] = len(rank)
		}
	}
	slices.SortStableFunc(files, func(a, b string) int { return rank[suffix(a)] - rank[suffix(b)] })
	return files
}

func (rec *Recipe) suffixFits(path string) bool {
	if len(rec.Suffixes) == 0 {
		return true
	}
	return slices.ContainsFunc(rec.Suffixes, func(s string) bool {
		return strings.EqualFold("."+strings.TrimPrefix(s, "."), filepath.Ext(path))
	})
}

func (rec *Recipe) openFile(path string) (table, error) {
	switch f := formatOf(path); {
	case f == "text":
		return textTable([]string{path})
	case f == "json" && rec.Lenient:
		return rec.lenientTable(path)
	}
	return rec.openDataset(path)
}

func (rec *Recipe) openDataset(path string, opts ...dataset.Option) (table, error) {
	if rec.Compat != "strict" {
		opts = append(opts, dataset.WithVerbatim(rec.TextKeys...))
	}
	d, err := dataset.Open(path, opts...)
	if err != nil {
		return table{}, as("DatasetGenerationError", err)
	}
	if d.Len() == 0 && rec.Compat == "strict" && !strings.HasSuffix(path, ".parquet") {
		d.Close()
		return table{}, as("StopIteration", fail(Invalid, "%s has no samples", path))
	}
	return table{rows: d.From, cols: firstRowFirst(path, d.Columns()), n: d.Len(), at: d.At, suffix: rec.wantsSuffix(), close: d.Close}, nil
}

// firstRowFirst puts columns of unlike values, which are kept as JSON, right behind the
// columns that the first row of JSON lines has, where datasets has them.
func firstRowFirst(path string, cols []dataset.Column) []dataset.Column {
	raw := func(c dataset.Column) bool { return c.Type.Kind == dataset.Raw }
	if !slices.ContainsFunc(cols, raw) || formatOf(path) != "json" {
		return cols
	}
	var first dataset.Struct
	for s := range lenientRows(path) {
		if s != nil {
			first = s.Fields
		}
		break
	}
	rank := func(c dataset.Column) int {
		if _, ok := first.Get(c.Name); ok {
			return 0
		}
		if raw(c) {
			return 1
		}
		return 2
	}
	cols = slices.Clone(cols)
	slices.SortStableFunc(cols, func(a, b dataset.Column) int { return rank(a) - rank(b) })
	return cols
}

func (rec *Recipe) wantsSuffix() bool {
	return slices.ContainsFunc(rec.Steps, func(s Step) bool { _, ok := s.Op.(*suffixFilter); return ok })
}

// textTable has one sample a file: all of its text, line ends made LF.
func textTable(files []string) (table, error) {
	at := func(i int) (*dataset.Sample, error) {
		s := &dataset.Sample{ID: files[i] + "#0"}
		b, err := readText(files[i])
		s.Fields = dataset.Struct{{Name: "text", Value: strings.ReplaceAll(b, "\r\n", "\n")}}
		s.Err = err
		return s, err
	}
	return table{n: len(files), at: at, cols: []dataset.Column{{Name: "text", Type: dataset.Type{Kind: dataset.String}}},
		rows: func(_ context.Context, from int) iter.Seq2[*dataset.Sample, error] {
			return func(yield func(*dataset.Sample, error) bool) {
				for i := from; i < len(files); i++ {
					if !yield(at(i)) {
						return
					}
				}
			}
		}}, nil
}

// maxText bounds the size of a text file that is one sample.
const maxText = 1 << 28

func readText(path string) (string, error) {
	st, err := os.Stat(path)
	if err == nil && st.Size() > maxText {
		return "", fail(Limit, "%s has %d bytes, want at most %d", path, st.Size(), maxText)
	}
	b, err := os.ReadFile(path)
	return strings.ToValidUTF8(string(b), "\ufffd"), err
}
