package filter

import (
	"context"
	"iter"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/easel-go/easel/dataset"
	"github.com/easel-go/easel/internal/fault"
)

// source is the data of a recipe: one table after the other.
type source struct {
	rec     *Recipe
	tables  []table
	columns []dataset.Column // of all tables
	dir     string           // where relative paths of pictures begin; "" leaves them as they are
	nulls   int              // samples without text, passed over
	read    int
}

func (s *source) close() {
	for _, t := range s.tables {
		if t.close != nil {
			t.close()
		}
	}
}

// open opens the recipe's data.
func (rec *Recipe) open() (*source, error) {
	s := &source{rec: rec}
	paths, weights := rec.paths()
	if len(paths) == 0 {
		return nil, as("ValueError", fail(Missing, "dataset_path %q names no file", rec.DatasetPath))
	}
	for _, p := range paths {
		t, err := rec.openPath(p)
		if err != nil {
			s.close()
			return nil, err
		}
		s.tables = append(s.tables, t)
	}
	s.unite()
	if rec.DatasetPath != "" {
		s.dir = dirOf(rec.DatasetPath)
	}
	if rec.MaxSamples > 0 && rec.DatasetPath == "" {
		s.draw(weights, rec.MaxSamples)
	}
	return s, s.check()
}

// paths splits dataset_path as a shell would. Numbers between the paths are weights,
// which count only for "dataset:".
func (rec *Recipe) paths() (paths []string, weights []float64) {
	if rec.DatasetPath == "" {
		for _, c := range rec.Sources {
			paths, weights = append(paths, c.Path), append(weights, c.Weight)
		}
		return paths, weights
	}
	if _, err := os.Stat(rec.DatasetPath); err == nil {
		return []string{rec.DatasetPath}, []float64{1}
	}
	for _, word := range shellWords(rec.DatasetPath) {
		if _, err := strconv.ParseFloat(word, 64); err != nil {
			paths, weights = append(paths, word), append(weights, 1)
		}
	}
	return paths, weights
}

// shellWords cuts at blanks outside quotes.
func shellWords(s string) (words []string) {
	var b strings.Builder
	quote, open := rune(0), false
	for _, c := range s {
		switch {
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '"' || c == '\''):
			quote, open = c, true
		case quote == 0 && isPySpace(c):
			if open {
				words = append(words, b.String())
				b.Reset()
			}
			open = false
		default:
			b.WriteRune(c)
			open = true
		}
	}
	if open {
		words = append(words, b.String())
	}
	return words
}

func dirOf(path string) string {
	st, err := os.Stat(path)
	if err != nil {
		return ""
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return ""
	}
	if !st.IsDir() {
		abs = filepath.Dir(abs)
	}
	return filepath.ToSlash(abs)
}

// unite gives all tables the columns of all.
func (s *source) unite() {
	for _, t := range s.tables {
		for _, c := range t.cols {
			if !slices.ContainsFunc(s.columns, func(h dataset.Column) bool { return h.Name == c.Name }) {
				s.columns = append(s.columns, c)
			}
		}
	}
}

// draw lets every table give its share of most samples, in random order: the last gives
// what is missing.
func (s *source) draw(weights []float64, most int) {
	sum := 0.0
	for _, w := range weights {
		sum += w
	}
	left := most
	for i := range s.tables {
		k := min(left, int(math.Ceil(float64(most)*weights[i]/sum)))
		if i == len(s.tables)-1 {
			k = left
		}
		left -= k
		if s.tables[i].order = []int{}; k > 0 && s.tables[i].n > 0 {
			s.tables[i].order = randomSample(s.tables[i].n, k)
		}
	}
}

// check asks for the text columns.
func (s *source) check() error {
	for _, key := range s.rec.TextKeys {
		if !slices.ContainsFunc(s.columns, func(c dataset.Column) bool { return c.Name == key }) {
			return as("ValueError", &Error{Kind: Missing, Op: "filter", What: "column " + key, Where: s.rec.DatasetPath, Want: "text_keys to name columns"})
		}
	}
	return nil
}

func (s *source) len() (n int) {
	for _, t := range s.tables {
		n += t.len()
	}
	return n
}

// samples yields the samples that have a text, with absolute paths of pictures.
func (s *source) samples(ctx context.Context) iter.Seq2[*dataset.Sample, error] {
	return func(yield func(*dataset.Sample, error) bool) {
		for _, t := range s.tables {
			for sample, err := range t.all(ctx, 0) {
				s.read++
				if err == nil && !s.prepare(sample, t) {
					s.nulls++
					continue
				}
				if !yield(sample, err) {
					return
				}
			}
		}
	}
}

// prepare makes of a sample what the first op sees, and reports whether it has a text.
func (s *source) prepare(sample *dataset.Sample, t table) bool {
	s.normalise(sample, t)
	return !s.textless(sample)
}

func (s *source) textless(sample *dataset.Sample) bool {
	return slices.ContainsFunc(s.rec.TextKeys, func(key string) bool {
		v, _ := sample.Get(key)
		return v == nil
	})
}

func (s *source) ordered(fields dataset.Struct) bool {
	if len(fields) != len(s.columns) {
		return false
	}
	for i := range fields {
		if fields[i].Name != s.columns[i].Name {
			return false
		}
	}
	return true
}

func (s *source) normalise(sample *dataset.Sample, t table) {
	if !s.ordered(sample.Fields) {
		fields := make(dataset.Struct, len(s.columns))
		for i, c := range s.columns {
			v, _ := sample.Get(c.Name)
			fields[i] = dataset.Field{Name: c.Name, Value: v}
		}
		sample.Fields = fields
	}
	if t.suffix {
		file, _, _ := strings.Cut(sample.ID, "#")
		sample.Set(suffixColumn, strings.ToLower(filepath.Ext(file)))
	}
	if s.dir == "" {
		return
	}
	for _, key := range []string{s.rec.ImageKey, s.rec.AudioKey, s.rec.VideoKey} {
		if v, ok := sample.Get(key); ok {
			sample.Set(key, s.absolute(v))
		}
	}
}

// absolute puts the data's folder before relative paths. It does not clean them. In
// strict mode a path that is no list falls apart into letters, as it does there.
func (s *source) absolute(v any) any {
	switch v := v.(type) {
	case string:
		if s.rec.Compat != "strict" {
			return s.join(v)
		}
		var letters []any
		for _, c := range v {
			letters = append(letters, s.join(string(c)))
		}
		return letters
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = e
			if p, ok := e.(string); ok {
				out[i] = s.join(p)
			}
		}
		return out
	}
	return v
}

func (s *source) join(p string) string {
	if filepath.IsAbs(p) || strings.HasPrefix(p, "/") || isURL(p) {
		return p
	}
	return strings.TrimSuffix(s.dir, "/") + "/" + p
}

func isURL(p string) bool {
	scheme, _, ok := strings.Cut(p, "://")
	return ok && slices.Contains([]string{"http", "https", "s3", "hdfs", "oss"}, strings.ToLower(scheme))
}

// truncated is the error of a table that gave fewer samples than it said.
func (s *source) truncated() error {
	if n := s.len(); s.read < n {
		return &Error{Kind: fault.Truncated, Op: "filter", Where: s.rec.DatasetPath, What: "samples", Have: strconv.Itoa(s.read), Want: strconv.Itoa(n)}
	}
	return nil
}
