package filter

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/easel-go/easel/dataset"
	"github.com/easel-go/easel/internal/imageio"
)

// Row is a sample on its way through the ops, with what they measured. One goroutine
// works on it at a time.
type Row struct {
	Sample *dataset.Sample
	Stats  *Stats

	// Index is the number of the sample in the source, counted from 0.
	Index int

	// Strict asks ops to do what Data-Juicer 1.6.1 does even where Rules has something better.
	Strict bool

	keys     *Keys
	tokens   *tokens
	sizes    map[string]imageio.Info // by path: pictures whose header was read
	bands    []uint64                // of document_minhash_deduplicator
	verdicts []Verdict
	dropped  bool
	err      error
	changes  []change // by mappers, of a run with traces
	process  int      // which of np Data-Juicer would have the row in, in strict mode
}

// NewRow returns a row to try an op on, whose text and pictures are in the given
// columns; empty names are the defaults.
func NewRow(s *dataset.Sample, keys Keys) *Row {
	r := newRow(s, 0)
	keys = keys.withDefaults()
	r.keys = &keys
	return r
}

// newRow wraps a sample. Statistics that it brings along are kept: ops do not measure
// again what is there.
func newRow(s *dataset.Sample, index int) *Row {
	both := new(struct {
		Row
		Stats
	})
	r := &both.Row
	r.Sample, r.Stats, r.Index = s, &both.Stats, index
	if v, ok := s.Get(statsColumn); ok {
		if j, isJSON := v.(dataset.JSON); isJSON {
			v = j.Value()
		}
		if st, ok := v.(dataset.Struct); ok {
			r.Stats.fields = append(r.Stats.fields, st...)
		}
	}
	return r
}

// Copy returns a row with the same columns and statistics, to be changed on its own.
func (r *Row) Copy() *Row {
	c := *r
	c.Sample, c.Stats = r.Sample.Clone(), r.Stats.clone()
	c.verdicts = append([]Verdict(nil), r.verdicts...)
	return &c
}

func (r *Row) key() *Keys {
	if r.keys == nil {
		r.keys = new(Keys)
		*r.keys = Keys{}.withDefaults()
	}
	return r.keys
}

// Get returns the value of a column, or of a field within one: "meta.source". A
// column whose name has the dots in it comes first.
func (r *Row) Get(name string) (any, bool) {
	if v, ok := r.Sample.Get(name); ok {
		return v, true
	}
	first, rest, ok := strings.Cut(name, ".")
	if !ok {
		return nil, false
	}
	v, ok := r.Sample.Get(first)
	if first == statsColumn {
		v, ok = r.Stats.fields, true
	}
	for ok && rest != "" {
		var s dataset.Struct
		if j, isJSON := v.(dataset.JSON); isJSON {
			v = j.Value()
		}
		if s, ok = v.(dataset.Struct); !ok {
			return nil, false
		}
		first, rest, _ = strings.Cut(rest, ".")
		v, ok = s.Get(first)
	}
	return v, ok
}

// Text returns the text of the column that the recipe names. Anything but text there
// is an error, as a null or a date would be.
func (r *Row) Text() (string, error) {
	name := r.key().Text
	v, ok := r.Get(name)
	if !ok {
		return "", &Error{Kind: Missing, Op: "filter", What: "text column " + name}
	}
	if s, ok := v.(string); ok {
		return s, nil
	}
	return "", &Error{Kind: Invalid, Op: "filter", What: "text column " + name, Have: pyTypeOf(v), Want: "text"}
}

// SetText replaces the text.
func (r *Row) SetText(text string) {
	if name := r.key().Text; !setNested(r.Sample, name, text) {
		r.Sample.Set(name, text)
	}
}

// setNested sets a field within a column, if name means one.
func setNested(s *dataset.Sample, name, text string) bool {
	if _, ok := s.Get(name); ok {
		return false
	}
	first, rest, ok := strings.Cut(name, ".")
	if !ok {
		return false
	}
	v, _ := s.Get(first)
	st, ok := v.(dataset.Struct)
	if !ok || strings.Contains(rest, ".") {
		return false
	}
	st = append(dataset.Struct(nil), st...)
	for i := range st {
		if st[i].Name == rest {
			st[i].Value = text
			s.Set(first, st)
			return true
		}
	}
	return false
}

// picture is one entry of the image column: its bytes, or a path.
type picture struct {
	name string
	data []byte
	img  dataset.Image
}

// pictures returns the row's pictures. column is false if there is no such column.
// Bytes in the column of image bytes stand in for the path at the same place.
func (r *Row) pictures() (list []picture, column bool, err error) {
	v, ok := r.Get(r.key().Image)
	if !ok {
		return nil, false, nil
	}
	if list, err = items(v); err != nil {
		return nil, true, err
	}
	raw, _ := r.Get(r.key().ImageBytes)
	bytes, _ := raw.([]any)
	for i := range min(len(list), len(bytes)) {
		if b, ok := bytes[i].([]byte); ok {
			list[i].data = b
		}
	}
	return list, true, nil
}

func items(v any) ([]picture, error) {
	switch v := v.(type) {
	case nil:
		return nil, nil
	case string:
		return []picture{{name: v}}, nil
	case dataset.Image:
		return []picture{{name: v.String(), img: v, data: v.Data}}, nil
	case []any:
		list := make([]picture, 0, len(v))
		for _, e := range v {
			switch e := e.(type) {
			case string:
				list = append(list, picture{name: e})
			case dataset.Image:
				list = append(list, picture{name: e.String(), img: e, data: e.Data})
			default:
				return nil, fail(Invalid, "the image column holds a %s, want paths", pyTypeOf(e))
			}
		}
		return list, nil
	}
	return nil, fail(Invalid, "the image column is a %s, want a list of paths", pyTypeOf(v))
}

// file returns the picture's path on disk, or "" if its bytes are elsewhere.
func (p picture) file() string {
	if p.data != nil {
		return ""
	}
	if p.img.Path != "" {
		return p.img.File()
	}
	return p.name
}

// bytes returns the encoded picture.
func (p picture) bytes() ([]byte, error) {
	switch f := p.file(); {
	case p.data != nil:
		return p.data, nil
	case f != "":
		b, err := readPicture(f)
		return b, pictureError(p.name, err)
	}
	b, err := p.img.Bytes()
	return b, pictureError(p.name, err)
}

// maxPicture bounds the encoded bytes of one picture.
const maxPicture = 1 << 30

func readPicture(path string) ([]byte, error) {
	if err := regular(path); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
}

// regular refuses what is no ordinary file: opening a pipe would wait for its writer.
func regular(path string) error {
	st, err := os.Stat(path)
	if err != nil {
		return err
	}
	return regularMode(path, st.Mode(), st.Size())
}

func regularMode(path string, mode fs.FileMode, size int64) error {
	switch {
	case mode.IsDir():
		return as("IsADirectoryError", fail(Invalid, "%s is a folder", path))
	case !mode.IsRegular():
		return fail(Invalid, "%s is no regular file", path)
	case size > maxPicture:
		return fail(Limit, "%s has %d bytes, want at most %d", path, size, maxPicture)
	}
	return nil
}

func pictureError(name string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, fs.ErrNotExist):
		return as("FileNotFoundError", &Error{Kind: Missing, Op: "filter", What: "picture " + name, Err: err})
	}
	return as("UnidentifiedImageError", &Error{Kind: Invalid, Op: "filter", What: "picture " + name, Err: err})
}

// info returns the header of a picture: its size as it is meant to be seen. A header
// is read once a row, whatever the number of ops and of times the picture is named.
func (r *Row) info(p picture) (imageio.Info, error) {
	if i, ok := r.sizes[p.name]; ok && p.data == nil {
		return i, nil
	}
	info, err := header(p)
	if err != nil {
		return info, pictureError(p.name, err)
	}
	if p.data == nil {
		if r.sizes == nil {
			r.sizes = make(map[string]imageio.Info, 1)
		}
		r.sizes[p.name] = info
	}
	return info, nil
}

func header(p picture) (imageio.Info, error) {
	if f := p.file(); f != "" {
		r, err := openRegular(f)
		if err != nil {
			return imageio.Info{}, err
		}
		defer r.Close()
		return imageio.Header(r, imageio.Tolerant)
	}
	b, err := p.bytes()
	if err != nil {
		return imageio.Info{}, err
	}
	info, err := imageio.HeaderBytes(b, imageio.Tolerant)
	if p.img.Path == "" {
		info.Orientation = 0 // bytes of a column are not turned
	}
	return info, err
}

// decode returns a picture as RGB, upright.
func (p picture) decode() (*imageio.Picture, error) {
	b, err := p.bytes()
	if err != nil {
		return nil, err
	}
	pic, err := imageio.Decode(b, imageio.Tolerant)
	if err != nil {
		return nil, pictureError(p.name, err)
	}
	if p.data != nil && p.img.Path == "" {
		pic.Orientation = 0
	}
	return pic.Upright().RGB(), nil
}

// String names the row for messages.
func (r *Row) String() string {
	if r.Sample.ID != "" {
		return r.Sample.ID
	}
	return fmt.Sprintf("row %d", r.Index)
}
