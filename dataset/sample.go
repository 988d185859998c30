package dataset

import (
	"slices"
	"strconv"
	"time"
)

// Sample is one entry of a dataset: an ordered list of columns. Every read yields a
// fresh one, so a Sample may be kept, changed and passed between goroutines.
//
// The zero value is an empty sample; one made by hand is as good as one read:
//
//	s := &dataset.Sample{Fields: dataset.Struct{
//		{Name: "image", Value: dataset.Image{Path: "a.png"}},
//		{Name: "text", Value: "1girl, solo"},
//	}}
type Sample struct {
	// ID says where the sample comes from. It is unique in its dataset and the same
	// on every read: "data/train.parquet#7", with rows counted from 0 in each file.
	ID string

	// Fields holds the columns in order. A Value is nil (null) or one of bool, int64,
	// uint64, float32, float64, string, []byte, time.Time, []any (a list), [Struct],
	// [Image] and [JSON].
	Fields Struct

	// Err says what is wrong with the sample, if anything is: the same error that
	// iteration yields beside it. Fields then holds what could be read.
	Err error

	text, image string // the columns that Text and Images look at; "" is the rule of each
	files       *files // where relative paths of pictures begin
}

// Struct is an ordered list of named values.
type Struct []Field

// Field is a named value.
type Field struct {
	Name  string
	Value any
}

// JSON is a value kept as JSON text: one of a column whose rows have unlike types.
type JSON string

// Get returns the value of the field called name, and whether there is one.
func (s Struct) Get(name string) (any, bool) {
	for i := range s {
		if s[i].Name == name {
			return s[i].Value, true
		}
	}
	return nil, false
}

// Get returns the value of a column, and whether there is one.
func (s *Sample) Get(name string) (any, bool) { return s.Fields.Get(name) }

// Set replaces the value of a column, or adds the column at the end.
func (s *Sample) Set(name string, value any) {
	if i := s.index(name); i >= 0 {
		s.Fields[i].Value = value
		return
	}
	s.Fields = append(s.Fields, Field{name, value})
}

// Delete removes a column.
func (s *Sample) Delete(name string) {
	s.Fields = slices.DeleteFunc(s.Fields, func(f Field) bool { return f.Name == name })
}

func (s *Sample) index(name string) int {
	return slices.IndexFunc(s.Fields, func(f Field) bool { return f.Name == name })
}

// Clone returns a copy whose list of columns is its own; values are shared.
func (s *Sample) Clone() *Sample {
	c := *s
	c.Fields = slices.Clone(s.Fields)
	return &c
}

// SameOrigin reports whether both samples come from one dataset that was opened once,
// so that Text and Images look in the same columns and the same place.
func (s *Sample) SameOrigin(other *Sample) bool {
	return s.files == other.files && s.text == other.text && s.image == other.image
}

// textNames are the columns that hold the text, best first, where nobody says which.
var textNames = []string{"text", "caption", "txt", "prompt"}

// TextColumn returns the name of the column that holds the text: the one that
// [WithColumns] names, else the first there is of text, caption, txt and prompt,
// else "text".
func (s *Sample) TextColumn() string {
	if s.text != "" {
		return s.text
	}
	for _, name := range textNames {
		if s.index(name) >= 0 {
			return name
		}
	}
	return textNames[0]
}

// Text returns the sample's text, "" if it has none. A number or bool in the text
// column is spelled out.
func (s *Sample) Text() string {
	v, _ := s.Get(s.TextColumn())
	switch v := v.(type) {
	case string:
		return v
	case JSON:
		return string(v)
	case bool:
		return strconv.FormatBool(v)
	case int64:
		return strconv.FormatInt(v, 10)
	case uint64:
		return strconv.FormatUint(v, 10)
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64)
	case float32:
		return strconv.FormatFloat(float64(v), 'g', -1, 32)
	case time.Time:
		return isoTime(v)
	}
	return ""
}

// SetText sets the sample's text.
func (s *Sample) SetText(text string) { s.Set(s.TextColumn(), text) }

// imageNames are the columns whose strings name pictures where no column holds any.
var imageNames = []string{"image", "images", "file_name", "file_names"}

// Images returns the sample's pictures in column order: those of the column that
// [WithColumns] names, else every [Image] there is, else the files named by strings
// in the columns image, images, file_name and file_names. A relative path begins at
// the dataset's folder.
func (s *Sample) Images() []Image {
	if s.image != "" {
		v, _ := s.Get(s.image)
		return s.pictures(nil, v, true)
	}
	var found []Image
	for _, f := range s.Fields {
		found = s.pictures(found, f.Value, false)
	}
	for _, name := range imageNames {
		if found == nil {
			v, _ := s.Get(name)
			found = s.pictures(nil, v, true)
		}
	}
	return found
}

// pictures appends the pictures in v to found. Where named is true, v is known to
// be about pictures: strings are paths then, and structs of bytes and path count.
func (s *Sample) pictures(found []Image, v any, named bool) []Image {
	switch v := v.(type) {
	case Image:
		if v.from == nil {
			v.from = s.files
		}
		return append(found, v)
	case string:
		if named {
			return append(found, Image{Path: v, from: s.files})
		}
	case Struct:
		if m, ok := asImage(v); ok && named {
			m.from = s.files
			return append(found, m)
		}
	case []byte:
		if named {
			return append(found, Image{Data: v})
		}
	case []any:
		for _, e := range v {
			found = s.pictures(found, e, named)
		}
	}
	return found
}

// asImage reads a struct of bytes and path, the form of a picture in a table.
func asImage(v Struct) (Image, bool) {
	b, hasBytes := v.Get("bytes")
	p, hasPath := v.Get("path")
	if !hasBytes || !hasPath || len(v) != 2 {
		return Image{}, false
	}
	data, _ := b.([]byte)
	path, _ := p.(string)
	return Image{Path: path, Data: data}, data != nil || path != ""
}
