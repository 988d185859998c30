// Package cases compares what package dataset reads with the golden datasets, for its
// own tests and for those of the modules that add formats.
package cases

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/easel-go/easel/dataset"
	"github.com/easel-go/easel/internal/golden"
)

// caseFile is a file of goldens/dataset/cases: what the reference made of the folder
// beside it.
type caseFile struct {
	Note     string             `json:"note"`
	Versions map[string]string  `json:"versions"`
	Seed     int                `json:"seed"`
	Load     json.RawMessage    `json:"load"`
	Splits   Ordered[caseSplit] `json:"splits"`
	Error    *caseError         `json:"error"`
	Easel    *caseRule          `json:"easel"`
	Needs    string             `json:"needs"`
}

type caseError struct {
	Type    string `json:"type"`
	Cause   string `json:"cause"`
	Message string `json:"message"`
}

type caseRule struct {
	Splits Ordered[caseSplit] `json:"splits"`
	Refuse []string           `json:"refuse"`
	Rows   []int              `json:"rows"`
}

type caseSplit struct {
	NumRows  int               `json:"num_rows"`
	Features Ordered[string]   `json:"features"`
	Rows     []json.RawMessage `json:"rows"`
}

// Ordered is a JSON object whose order matters.
type Ordered[T any] []struct {
	Key   string
	Value T
}

func (o *Ordered[T]) UnmarshalJSON(b []byte) error {
	v, err := dataset.ParseJSON(b)
	if err != nil {
		return err
	}
	s, _ := v.(dataset.Struct)
	var values map[string]json.RawMessage
	if err := json.Unmarshal(b, &values); err != nil {
		return err
	}
	for _, f := range s {
		d := json.NewDecoder(strings.NewReader(string(values[f.Name])))
		d.DisallowUnknownFields()
		var e struct {
			Key   string
			Value T
		}
		e.Key = f.Name
		if err := d.Decode(&e.Value); err != nil {
			return err
		}
		*o = append(*o, e)
	}
	return nil
}

type caseLoad struct {
	Builder   *string         `json:"builder"`
	DataFiles Ordered[string] `json:"data_files"`
	Name      string          `json:"name"`
	Sep       string          `json:"sep"`
	Field     string          `json:"field"`
}

// options returns what opens the case as the reference opened it.
func (l caseLoad) options() []dataset.Option {
	var opts []dataset.Option
	if l.Builder != nil {
		opts = append(opts, dataset.WithFormat(*l.Builder))
	}
	for _, f := range l.DataFiles {
		opts = append(opts, dataset.WithFiles(f.Key, f.Value))
	}
	if l.Sep != "" {
		opts = append(opts, dataset.WithDelimiter(l.Sep[0]))
	}
	if l.Field != "" {
		opts = append(opts, dataset.WithField(l.Field))
	}
	return opts
}

// Run opens every layout and compares splits, columns, types, rows and pictures with
// what the datasets library read. A case that needs a module must be refused by name,
// unless it is among modules: the formats that are registered.
func Run(t *testing.T, modules ...string) {
	dir := golden.Part(t, "dataset/cases")
	for _, file := range golden.Glob(t, dir, "*.json") {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		t.Run(name, func(t *testing.T) {
			var kind struct {
				Load *json.RawMessage `json:"load"`
			}
			json.Unmarshal(golden.Bytes(t, file), &kind)
			folder := strings.TrimSuffix(file, ".json")
			if kind.Load == nil {
				otherCase(t, file, folder)
				return
			}
			checkCase(t, golden.JSON[caseFile](t, file), folder, modules)
		})
	}
}

func checkCase(t *testing.T, c caseFile, folder string, modules []string) {
	var load caseLoad
	if string(c.Load) != `"load_from_disk"` {
		load = golden.Decode[caseLoad](t, "load", c.Load)
	}
	if c.Needs != "" && !slices.Contains(modules, c.Needs) {
		_, err := dataset.Open(folder, load.options()...)
		if !errors.Is(err, dataset.Unsupported) || !strings.Contains(err.Error(), "dataset/"+c.Needs) {
			t.Errorf("without the module: %v, want an error that names it", err)
		}
		return
	}
	splits := c.Splits
	if c.Easel != nil && c.Easel.Splits != nil {
		splits = c.Easel.Splits
	}
	if splits == nil {
		wantRefused(t, folder, load)
		return
	}
	var names []string
	for _, s := range splits {
		names = append(names, s.Key)
		d, err := dataset.Open(folder, append(load.options(), dataset.WithSplit(load.Name, s.Key))...)
		if err != nil {
			if c.Easel != nil && slices.Contains(c.Easel.Refuse, "open") {
				continue
			}
			t.Errorf("split %q: %v", s.Key, err)
			continue
		}
		if have := d.Splits(); len(have) != len(splits) {
			t.Errorf("splits %q, want %d", have, len(splits))
		}
		checkSplit(t, d, s.Value, c, load, folder)
		d.Close()
	}
	d, err := dataset.Open(folder, append(load.options(), dataset.WithSplit(load.Name, names[0]))...)
	if err == nil {
		golden.Equal(t, "splits", d.Splits(), names)
	}
}

// wantRefused checks that a dataset is an error of Open or of a row.
func wantRefused(t *testing.T, folder string, load caseLoad) {
	t.Helper()
	d, err := dataset.Open(folder, append(load.options(), dataset.WithSplit(load.Name, ""))...)
	if err != nil {
		return
	}
	for _, err := range d.All(t.Context()) {
		if err != nil {
			return
		}
	}
	t.Errorf("read to its end, want an error as in the reference")
}

func checkSplit(t *testing.T, d *dataset.Dataset, want caseSplit, c caseFile, load caseLoad, folder string) {
	t.Helper()
	if d.Len() != want.NumRows {
		t.Errorf("%d rows, want %d", d.Len(), want.NumRows)
	}
	var columns []string
	for i, f := range want.Features {
		columns = append(columns, f.Key)
		if i < len(d.Columns()) {
			if have := featureClass(d.Columns()[i].Type); f.Value != "Value('null')" && have != classOf(f.Value) {
				t.Errorf("column %s is %s, want %s", f.Key, have, classOf(f.Value))
			}
		}
	}
	var have []string
	for _, col := range d.Columns() {
		have = append(have, col.Name)
	}
	golden.Equal(t, "columns", have, columns)
	g := grader{t: t, folder: folder, tol: floatRule(folder, load)}
	i := 0
	for s, err := range d.All(t.Context()) {
		if i >= len(want.Rows) {
			t.Errorf("more than %d rows", len(want.Rows))
			break
		}
		refuse := c.Easel != nil && slices.Contains(c.Easel.Rows, i)
		switch {
		case refuse:
			if err == nil && slices.Contains(c.Easel.Refuse, "decode") {
				_, err = s.Images()[0].Decode()
			}
			if err == nil {
				t.Errorf("row %d: read, want an error at %v", i, c.Easel.Refuse)
			}
		case err != nil:
			t.Errorf("row %d: %v", i, err)
		default:
			g.row(i, s, want.Rows[i])
			at, err := d.At(i)
			if err != nil || at.ID != s.ID {
				t.Errorf("At(%d) is %q, %v, want %q", i, at.ID, err, s.ID)
			}
			g.row(i, at, want.Rows[i])
		}
		i++
	}
	if i != len(want.Rows) {
		t.Errorf("%d rows read, want %d", i, len(want.Rows))
	}
}

// floatRule says how far the reference's own floats lie from the file's. It reads
// JSON that is no list of lines through a text of 10 decimals, and CSV by pandas'
// parser, which may be off by the last bit.
func floatRule(folder string, load caseLoad) golden.Tol {
	tol := golden.Tol{}
	filepath.WalkDir(folder, func(name string, d fs.DirEntry, err error) error {
		switch filepath.Ext(name) {
		case ".json":
			tol = golden.Tol{Abs: 1e-10, From: "the reference's 10 decimals"}
		case ".csv", ".tsv":
			tol = golden.Tol{Rel: 2.3e-16, From: "the last bit of pandas' parser"}
		}
		return err
	})
	if load.Field != "" {
		tol = golden.Tol{Abs: 1e-10, From: "the reference's 10 decimals"}
	}
	return tol
}

// featureClass names the class of a type as classOf names the reference's.
func featureClass(t dataset.Type) string {
	switch t.Kind {
	case dataset.Int64, dataset.Uint64:
		if t.Names != nil {
			return fmt.Sprintf("ClassLabel%q", t.Names)
		}
		return "integer"
	case dataset.Float32, dataset.Float64:
		return "float"
	case dataset.Raw:
		return "Json"
	case dataset.Picture:
		return "Image"
	case dataset.Time:
		return "timestamp"
	case dataset.Bytes:
		return "binary"
	case dataset.List:
		return "List(" + featureClass(*t.Elem) + ")"
	case dataset.Record:
		var parts []string
		for _, f := range t.Fields {
			parts = append(parts, f.Name+": "+featureClass(f.Type))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	}
	return t.Kind.String()
}

// classOf reads the Python repr of a feature.
func classOf(repr string) string {
	inner := func(prefix string) string { return strings.TrimSuffix(strings.TrimPrefix(repr, prefix), ")") }
	switch {
	case strings.HasPrefix(repr, "Image("):
		return "Image"
	case strings.HasPrefix(repr, "Json("):
		return "Json"
	case strings.HasPrefix(repr, "ClassLabel(names="):
		names := []string{}
		for n := range strings.SplitSeq(strings.Trim(inner("ClassLabel(names="), "[]"), ", ") {
			names = append(names, strings.Trim(n, "'\""))
		}
		return fmt.Sprintf("ClassLabel%q", names)
	case strings.HasPrefix(repr, "List("):
		return "List(" + classOf(inner("List(")) + ")"
	case strings.HasPrefix(repr, "{"):
		return "{" + structClass(strings.TrimSuffix(repr[1:], "}")) + "}"
	case strings.HasPrefix(repr, "Value('"):
		v := strings.TrimSuffix(inner("Value('"), "'")
		switch {
		case strings.Contains(v, "int"):
			return "integer"
		case strings.HasPrefix(v, "float"):
			return "float"
		case strings.Contains(v, "string"):
			return "string"
		case strings.HasPrefix(v, "timestamp"):
			return "timestamp"
		case strings.Contains(v, "binary"):
			return "binary"
		}
		return v
	}
	return "unknown " + repr
}

// structClass reads 'x': Value('int64'), 'y': {…} with nesting.
func structClass(s string) string {
	var parts []string
	depth, start := 0, 0
	for i := 0; i <= len(s); i++ {
		switch {
		case i == len(s) || s[i] == ',' && depth == 0:
			name, repr, _ := strings.Cut(strings.TrimSpace(s[start:i]), ": ")
			parts = append(parts, strings.Trim(name, "'")+": "+classOf(repr))
			start = i + 1
		case strings.IndexByte("({[", s[i]) >= 0:
			depth++
		case strings.IndexByte(")}]", s[i]) >= 0:
			depth--
		}
	}
	return strings.Join(parts, ", ")
}

// grader compares rows.
type grader struct {
	t      *testing.T
	folder string
	tol    golden.Tol
}

func (g grader) row(i int, s *dataset.Sample, raw json.RawMessage) {
	g.t.Helper()
	v, err := dataset.ParseJSON(raw)
	if err != nil {
		g.t.Fatalf("row %d: %v", i, err)
	}
	want := v.(dataset.Struct)
	if len(want) != len(s.Fields) {
		g.t.Errorf("row %d: %d columns, want %d", i, len(s.Fields), len(want))
		return
	}
	for j, f := range want {
		if s.Fields[j].Name != f.Name {
			g.t.Errorf("row %d: column %q, want %q", i, s.Fields[j].Name, f.Name)
		}
		g.value(fmt.Sprintf("row %d: %s", i, f.Name), s.Fields[j].Value, f.Value)
	}
}

// Want is how the goldens describe a picture.
type Want struct {
	Path    *string `json:"path"`
	Inline  bool    `json:"inline"`
	Sha256  string  `json:"sha256"`
	Format  string  `json:"format"`
	Mode    string  `json:"mode"`
	Size    []int   `json:"size"`
	RGB     string  `json:"rgb_sha256"`
	Member  string  `json:"member"`
	Missing bool    `json:"missing"`
}

func (g grader) value(where string, have, want any) {
	g.t.Helper()
	switch w := want.(type) {
	case dataset.Struct:
		g.object(where, have, w)
		return
	case []any:
		h, ok := have.([]any)
		if !ok || len(h) != len(w) {
			g.t.Errorf("%s = %v, want a list of %d", where, have, len(w))
			return
		}
		for i := range w {
			g.value(fmt.Sprintf("%s[%d]", where, i), h[i], w[i])
		}
		return
	}
	if j, ok := have.(dataset.JSON); ok {
		have = j.Value()
	}
	if hf, ok := asNumber(have); ok {
		if wf, ok := asNumber(want); ok {
			golden.Close(g.t, where, []float64{hf}, []float64{wf}, g.tol)
			return
		}
	}
	if w, ok := want.(string); ok {
		want = strings.ReplaceAll(w, "{case}", filepath.ToSlash(g.folder))
		if abs, err := filepath.Abs(g.folder); err == nil && w != want {
			want = strings.ReplaceAll(w, "{case}", filepath.ToSlash(abs))
		}
	}
	if have != want {
		g.t.Errorf("%s = %#v, want %#v", where, have, want)
	}
}

// asNumber reads floats, and the names of those that JSON has none for; integers that
// are compared as such are none.
func asNumber(v any) (float64, bool) {
	switch v := v.(type) {
	case float32:
		return float64(v), true
	case float64:
		return v, true
	case string:
		switch v {
		case "NaN":
			return math.NaN(), true
		case "Infinity":
			return math.Inf(1), true
		case "-Infinity":
			return math.Inf(-1), true
		}
	case uint64:
		return float64(v), v < 1<<53
	case int64:
		return float64(v), -1<<53 < v && v < 1<<53
	}
	return 0, false
}

func (g grader) object(where string, have any, want dataset.Struct) {
	g.t.Helper()
	if b64, ok := want.Get("b64"); ok {
		h, ok := have.([]byte)
		if !ok || base64.StdEncoding.EncodeToString(h) != b64 {
			g.t.Errorf("%s = %v, want %v", where, have, b64)
		}
		return
	}
	if _, ok := want.Get("bytes_sha256"); ok {
		h, _ := have.([]byte)
		if sum, _ := want.Get("bytes_sha256"); sum != sha(h) {
			g.t.Errorf("%s: %d bytes with another hash", where, len(h))
		}
		return
	}
	if at, ok := want.Get("datetime"); ok {
		if h, ok := have.(time.Time); !ok || isoTime(h) != at {
			g.t.Errorf("%s = %v, want %v", where, have, at)
		}
		return
	}
	if _, ok := want.Get("inline"); ok {
		g.picture(where, have, golden.Decode[Want](g.t, where, dataset.AppendJSON(nil, want)))
		return
	}
	h, ok := have.(dataset.Struct)
	if !ok || len(h) != len(want) {
		g.t.Errorf("%s = %v, want %v", where, have, want)
		return
	}
	for i, f := range want {
		if h[i].Name != f.Name {
			g.t.Errorf("%s has the field %q, want %q", where, h[i].Name, f.Name)
		}
		g.value(where+"."+f.Name, h[i].Value, f.Value)
	}
}

func sha(b []byte) string {
	s := sha256.Sum256(b)
	return hex.EncodeToString(s[:])
}

func (g grader) picture(where string, have any, want Want) {
	g.t.Helper()
	m, ok := have.(dataset.Image)
	if s, isStruct := have.(dataset.Struct); isStruct {
		m, ok = asImage(s)
	}
	if !ok {
		g.t.Errorf("%s = %v, want a picture", where, have)
		return
	}
	if want.Inline != (m.Data != nil) || want.Path != nil && *want.Path != m.Path || want.Member != m.Member {
		g.t.Errorf("%s is %v (inline %v), want %s:%s (inline %v)", where, m, m.Data != nil, *want.Path, want.Member, want.Inline)
	}
	b, err := m.Bytes()
	if want.Missing {
		if !errors.Is(err, dataset.Missing) {
			g.t.Errorf("%s: %v, want the picture to be missing", where, err)
		}
		return
	}
	if err != nil {
		g.t.Errorf("%s: %v", where, err)
		return
	}
	if sha(b) != want.Sha256 {
		g.t.Errorf("%s: %d bytes with another hash", where, len(b))
	}
	Pixels(g.t, where, m, want)
}

// Pixels compares a picture's size and its pixels as RGB.
func Pixels(t *testing.T, where string, m dataset.Image, want Want) {
	t.Helper()
	c, err := m.Config()
	if err != nil || []int{c.Width, c.Height}[0] != want.Size[0] || c.Height != want.Size[1] {
		t.Errorf("%s: header says %dx%d, %v, want %v", where, c.Width, c.Height, err, want.Size)
	}
	p, err := m.Decode()
	if err != nil {
		t.Errorf("%s: %v", where, err)
		return
	}
	_, _, rgb := golden.RGB(p)
	if sha(rgb) != want.RGB {
		t.Errorf("%s (%s, %s): other pixels than the reference's", where, want.Format, want.Mode)
	}
}

// otherCase compares the goldens that have a form of their own, told apart by their
// fields.
func otherCase(t *testing.T, file, folder string) {
	var head map[string]json.RawMessage
	if err := json.Unmarshal(golden.Bytes(t, file), &head); err != nil {
		t.Fatal(err)
	}
	switch {
	case head["path"] != nil:
		trainerCase(t, file, folder)
	case head["cases"] != nil:
		nativeCase(t, file, folder)
	default:
		t.Fatalf("a golden of unknown form")
	}
}

func trainerCase(t *testing.T, file, folder string) {
	want := golden.JSON[struct {
		Note     string            `json:"note"`
		Versions map[string]string `json:"versions"`
		Path     []string          `json:"path"`
		Text     []string          `json:"text"`
	}](t, file)
	d, err := dataset.Open(folder)
	if err != nil {
		t.Fatal(err)
	}
	var paths, texts []string
	for s, err := range d.All(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		paths, texts = append(paths, s.Images()[0].Path), append(texts, s.Text())
	}
	golden.Equal(t, "path", paths, want.Path)
	golden.Equal(t, "text", texts, want.Text)
}

func nativeCase(t *testing.T, file, folder string) {
	want := golden.JSON[struct {
		Note     string            `json:"note"`
		Versions map[string]string `json:"versions"`
		Seed     int               `json:"seed"`
		Name     string            `json:"name"`
		Cases    []struct {
			Subset *string                    `json:"subset"`
			Split  *string                    `json:"split"`
			Chosen string                     `json:"chosen"`
			Rows   Ordered[[]json.RawMessage] `json:"rows"`
			Error  *caseError                 `json:"error"`
		} `json:"cases"`
	}](t, file)
	for _, c := range want.Cases {
		subset, split := deref(c.Subset), deref(c.Split)
		if c.Error != nil {
			if _, err := dataset.Open(folder, dataset.WithSplit(subset, split)); !errors.Is(err, dataset.Missing) {
				t.Errorf("subset %q split %q: %v, want a missing one", subset, split, err)
			}
		}
		for _, r := range c.Rows {
			d, err := dataset.Open(folder, dataset.WithSplit(subset, r.Key))
			if err != nil {
				t.Errorf("subset %q split %q: %v", subset, r.Key, err)
				continue
			}
			nativeRows(t, d, r.Value)
			d.Close()
		}
	}
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func nativeRows(t *testing.T, d *dataset.Dataset, want []json.RawMessage) {
	t.Helper()
	i := 0
	for s, err := range d.All(t.Context()) {
		if err != nil || i >= len(want) {
			t.Fatalf("row %d: %v, want %d rows", i, err, len(want))
		}
		v, _ := dataset.ParseJSON(want[i])
		for j, f := range v.(dataset.Struct) {
			have := s.Fields[j].Value
			if m, ok := have.(dataset.Image); ok {
				if _, err := m.Decode(); err != nil {
					t.Errorf("row %d: %v", i, err)
				}
				have = "{zip}/" + m.Member
			}
			if s.Fields[j].Name != f.Name || have != f.Value {
				t.Errorf("row %d: %s = %v, want %s = %v", i, s.Fields[j].Name, have, f.Name, f.Value)
			}
		}
		i++
	}
	if i != len(want) {
		t.Errorf("%d rows, want %d", i, len(want))
	}
}

// isoTime spells a time as Python's isoformat does.
func isoTime(t time.Time) string {
	if t.Nanosecond() == 0 {
		return t.Format("2006-01-02T15:04:05")
	}
	return t.Format("2006-01-02T15:04:05.000000")
}

// asImage reads a struct of bytes and path.
func asImage(s dataset.Struct) (dataset.Image, bool) {
	b, ok := s.Get("bytes")
	p, _ := s.Get("path")
	data, _ := b.([]byte)
	name, _ := p.(string)
	return dataset.Image{Path: name, Data: data}, ok
}
