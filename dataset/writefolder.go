package dataset

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"github.com/easel-go/easel/internal/imageio"
)

// Metadata is the form of the table beside the pictures of a folder.
type Metadata uint8

// The forms.
const (
	// MetadataCSV is metadata.csv with the columns file_name and text, which
	// DiffSynth-Studio's trainer and the datasets library read.
	MetadataCSV Metadata = iota
	// MetadataJSONL is metadata.jsonl with file_name, text and every other column, which
	// the datasets library reads.
	MetadataJSONL
	// MetadataDataJuicer is metadata.jsonl with text, every other column, and the
	// column image: a list of the picture's path, relative to the file. It is ASCII.
	MetadataDataJuicer
)

// WithMetadata sets the form of the table that CreateFolder writes.
func WithMetadata(m Metadata) WriteOption {
	return func(o *writeOptions) error {
		if m > MetadataDataJuicer {
			return fail(Invalid, "", "metadata form %d", m)
		}
		o.metadata = m
		return nil
	}
}

// CreateFolder writes a folder of pictures and the table of their texts: 0.jpg, 1.jpg,
// … as RGB JPEGs, upright, of quality 75 with halved colour, without EXIF. Each sample
// must have one picture. The folder takes its name when the Writer is closed; one that
// is there already must be empty, or go with [Replace].
func CreateFolder(dir string, opts ...WriteOption) (*Writer, error) {
	o, err := newWriteOptions(opts)
	if err != nil {
		return nil, err
	}
	w := &Writer{}
	f, err := newFolderSink(dir, o)
	if err == nil {
		w.done, err = f.begin()
	}
	if err != nil {
		return nil, failed(Invalid, dir, err)
	}
	w.sink = f
	return w, nil
}

// folderSink writes into a folder of another name beside the final one.
type folderSink struct {
	o       *writeOptions
	parent  *os.Root
	name    string
	partial string
	root    *os.Root // the partial folder
	table   *lineSink
	current string // the file name of the sample that the table's next line is about
}

func newFolderSink(dir string, o *writeOptions) (*folderSink, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	f := &folderSink{o: o, name: filepath.Base(abs)}
	f.partial = partialName(f.name)
	if err := os.MkdirAll(filepath.Dir(abs), 0o777); err != nil {
		return nil, err
	}
	if f.parent, err = os.OpenRoot(filepath.Dir(abs)); err != nil {
		return nil, err
	}
	if err := f.free(); err != nil {
		f.parent.Close()
		return nil, err
	}
	return f, nil
}

// free sees that the final name can be taken.
func (f *folderSink) free() error {
	list, err := fs.ReadDir(f.parent.FS(), f.name)
	switch {
	case errors.Is(err, fs.ErrNotExist) || err == nil && len(list) == 0:
		return nil
	case err == nil && !f.o.replace:
		return &Error{Kind: Invalid, Op: "dataset", Where: f.name, What: "the folder holds", Have: fmt.Sprintf("%d files", len(list)), Want: "an empty one, or the option Replace"}
	}
	return err
}

// begin opens the partial folder and its table, and tells how many samples are there.
func (f *folderSink) begin() (done int, err error) {
	if !f.o.resume {
		if err := f.parent.RemoveAll(f.partial); err != nil {
			return 0, err
		}
	}
	if err := f.parent.Mkdir(f.partial, 0o777); err != nil && !errors.Is(err, fs.ErrExist) {
		return 0, err
	}
	if f.root, err = f.parent.OpenRoot(f.partial); err != nil {
		return 0, err
	}
	dir := filepath.Join(f.parent.Name(), f.partial)
	name, line, count := "metadata.jsonl", f.jsonLine, countLines
	if f.o.metadata == MetadataCSV {
		c := &csvLines{columns: []string{"file_name", "text"}, strict: f.o.strict}
		name, count = "metadata.csv", c.count
		line = func(b []byte, s *Sample) ([]byte, error) {
			return c.line(b, &Sample{Fields: Struct{{"file_name", f.current}, {"text", s.Text()}}})
		}
		f.table = &lineSink{last: c.header}
	} else {
		f.table = &lineSink{}
	}
	f.table.line = line
	f.table.partialFile, err = createLines(filepath.Join(dir, name), f.o, &done, count)
	return done, err
}

// jsonLine spells the table's line in the two JSON forms.
func (f *folderSink) jsonLine(b []byte, s *Sample) ([]byte, error) {
	row := Struct{}
	if f.o.metadata == MetadataJSONL {
		row = append(row, Field{"file_name", f.current})
	}
	row = append(row, Field{"text", s.Text()})
	if f.o.metadata == MetadataDataJuicer {
		row = append(row, Field{"image", []any{f.current}})
	}
	for _, c := range s.Fields {
		if _, taken := row.Get(c.Name); !taken && c.Name != s.TextColumn() && !aboutPicture(c) {
			row = append(row, c)
		}
	}
	return append(appendJSON(b, row, jsonStyle{ascii: f.o.metadata == MetadataDataJuicer}), '\n'), nil
}

// aboutPicture reports whether the column holds or names the picture that is written.
func aboutPicture(c Field) bool {
	for _, name := range imageNames {
		if c.Name == name {
			return true
		}
	}
	switch v := c.Value.(type) {
	case Image, []byte:
		return true
	case []any:
		for _, e := range v {
			if _, ok := e.(Image); ok {
				return true
			}
		}
	}
	return false
}

func (f *folderSink) write(i int, s *Sample) error {
	images := s.Images()
	if len(images) != 1 {
		return &Error{Kind: Invalid, Op: "dataset", Where: s.ID, What: "the sample's pictures", Have: strconv.Itoa(len(images)), Want: "1"}
	}
	data, suffix, err := f.encode(images[0])
	if err != nil {
		return err
	}
	f.current = strconv.Itoa(i) + suffix
	if err := f.root.WriteFile(f.current, data, 0o666); err != nil {
		return onDiskError(err)
	}
	if err := f.table.write(i, s); err != nil {
		f.root.Remove(f.current)
		return err
	}
	return nil
}

// encode returns the bytes to write and their extension.
func (f *folderSink) encode(m Image) ([]byte, string, error) {
	if f.o.originals {
		b, err := m.Bytes()
		if err != nil {
			return nil, "", err
		}
		suffix, err := pictureSuffix(b, m)
		return b, suffix, err
	}
	b, err := m.Bytes()
	if err != nil {
		return nil, "", err
	}
	p, err := imageio.DecodeRGB(b, imageio.Strict)
	if err != nil {
		return nil, "", failed(Invalid, m.String(), err)
	}
	var buf bytes.Buffer
	err = imageio.EncodeJPEG(&buf, p, imageio.JPEGOptions{Quality: 75})
	return buf.Bytes(), ".jpg", failed(Limit, m.String(), err)
}

// pictureSuffix tells the extension from the picture's content.
func pictureSuffix(b []byte, m Image) (string, error) {
	info, err := imageio.HeaderBytes(b, imageio.Strict)
	if err != nil {
		return "", failed(Invalid, m.String(), err)
	}
	switch info.Format {
	case imageio.JPEG:
		return ".jpg", nil
	case imageio.PNG:
		return ".png", nil
	case imageio.GIF:
		return ".gif", nil
	case imageio.WebP:
		return ".webp", nil
	case imageio.BMP:
		return ".bmp", nil
	case imageio.TIFF:
		return ".tiff", nil
	}
	return ext(m.Name()), nil
}

// commit puts the folder in its place: first the table gets its name, then the folder.
func (f *folderSink) commit() error {
	defer f.parent.Close()
	if err := errors.Join(f.table.commit(), f.root.Close()); err != nil {
		return err
	}
	if err := f.free(); err != nil {
		return err
	}
	old := f.partial + ".old"
	if err := f.parent.RemoveAll(old); err != nil {
		return err
	}
	if err := f.parent.Rename(f.name, old); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := f.parent.Rename(f.partial, f.name); err != nil {
		f.parent.Rename(old, f.name)
		return err
	}
	return f.parent.RemoveAll(old)
}

func (f *folderSink) abort() error {
	defer f.parent.Close()
	return errors.Join(f.table.abort(), f.root.Close())
}
