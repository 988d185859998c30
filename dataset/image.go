package dataset

import (
	"bytes"
	"image"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// maxPicture bounds the encoded bytes of one picture.
const maxPicture = 1 << 30

// Image says where the encoded bytes of a picture are. It opens nothing until asked,
// and its methods may be called from several goroutines at once.
type Image struct {
	// Path is the picture's file, with forward slashes: relative to the dataset's
	// folder, or absolute where the dataset's row is. With Data it is only the name
	// that the row gives. In a zip archive it is the archive.
	Path string

	// Member is the picture's name inside the archive Path, or "".
	Member string

	// Data is the encoded file where the dataset stores it in the row, else nil.
	Data []byte

	from opener
}

// opener opens pictures by name: a folder or an archive.
type opener interface {
	open(path, member string) (io.ReadCloser, error)
}

// SameOrigin reports whether both pictures are opened at the same place: in the same
// folder, archive or fs.FS. One is then a copy of the other but for Path, Member and
// Data.
func (m Image) SameOrigin(other Image) bool { return m.from == other.from }

// Name returns the base name of the picture's file, "" if nothing is known.
func (m Image) Name() string {
	name := m.Path
	if m.Member != "" {
		name = m.Member
	}
	if name == "" {
		return ""
	}
	return path.Base(name)
}

// String names the picture for messages.
func (m Image) String() string {
	switch {
	case m.Member != "":
		return m.Path + ":" + m.Member
	case m.Path == "" && m.Data != nil:
		return "picture in the row"
	}
	return m.Path
}

// File returns the path of the picture's own file on disk, or "" if it has none:
// its bytes are in the row, in an archive or in an fs.FS.
func (m Image) File() string {
	if m.Data != nil || m.Member != "" || m.Path == "" {
		return ""
	}
	f, ok := m.from.(*files)
	if m.from == nil || ok && f == nil {
		return filepath.FromSlash(m.Path)
	}
	if !ok {
		return ""
	}
	return f.osPath(m.Path)
}

// Open opens the encoded picture. A Path without a dataset is a file of the
// operating system.
func (m Image) Open() (io.ReadCloser, error) {
	if m.Data != nil {
		return io.NopCloser(bytes.NewReader(m.Data)), nil
	}
	if m.Path == "" {
		return nil, fail(Missing, "", "the sample has no picture there")
	}
	if f, ok := m.from.(*files); m.from != nil && (!ok || f != nil) {
		return m.from.open(m.Path, m.Member)
	}
	r, err := os.Open(filepath.FromSlash(m.Path))
	if err != nil {
		return nil, failed(Missing, m.Path, err)
	}
	return r, nil
}

// Bytes returns the encoded picture, at most 1 GiB. The caller must not change it.
func (m Image) Bytes() ([]byte, error) {
	if m.Data != nil {
		return m.Data, nil
	}
	r, err := m.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return readLimited(r, m.String(), maxPicture)
}

// readLimited reads r to its end, or fails when it holds more than limit bytes.
func readLimited(r io.Reader, where string, limit int64) ([]byte, error) {
	var buf bytes.Buffer
	if f, ok := r.(fs.File); ok {
		if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
			buf.Grow(int(min(info.Size(), limit)) + bytes.MinRead)
		}
	}
	_, err := buf.ReadFrom(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, failed(Invalid, where, err)
	}
	if int64(buf.Len()) > limit {
		return nil, fail(Limit, where, "more than %d bytes", limit)
	}
	return buf.Bytes(), nil
}

// Config reads the picture's header: its size as stored, before any turn that its
// EXIF orientation asks for. The colour model is [Image.Decode]'s.
func (m Image) Config() (image.Config, error) {
	if m.Data != nil {
		c, err := decodeConfig(bytes.NewReader(m.Data), m.String())
		return c, failed(Invalid, m.String(), err)
	}
	r, err := m.Open()
	if err != nil {
		return image.Config{}, err
	}
	defer r.Close()
	c, err := decodeConfig(r, m.String())
	return c, failed(Invalid, m.String(), err)
}

// Decode reads the picture: the first frame of a JPEG, PNG, GIF, WebP, BMP, TIFF, PPM
// or ICO file, turned upright by its EXIF orientation, as opaque RGB (alpha is dropped,
// not blended, as Pillow's convert("RGB") does). Pictures of more than 178 956 970
// pixels and damaged or cut ones are refused.
func (m Image) Decode() (image.Image, error) {
	b, err := m.Bytes()
	if err != nil {
		return nil, err
	}
	p, err := decode(b)
	if err != nil {
		return nil, failed(Invalid, m.String(), err)
	}
	return p, nil
}

// files is the place that a dataset's relative paths begin at.
type files struct {
	fsys   fs.FS
	dir    string // the same place on disk, or "" where it is an fs.FS
	inside bool   // paths that leave the place are refused: the dataset is a stranger's
}

// osPath returns where name is on disk, or "" if nowhere.
func (f *files) osPath(name string) string {
	if f.dir == "" {
		return ""
	}
	name = filepath.FromSlash(name)
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(f.dir, name)
}

func (f *files) open(name, _ string) (io.ReadCloser, error) {
	if safeName(name) {
		r, err := f.fsys.Open(path.Clean(name))
		if err != nil {
			return nil, failed(Missing, name, err)
		}
		return r, nil
	}
	if f.inside || f.dir == "" || strings.ContainsRune(name, 0) {
		return nil, fail(Invalid, name, "the path leaves the dataset's folder")
	}
	r, err := os.Open(f.osPath(name))
	if err != nil {
		return nil, failed(Missing, name, err)
	}
	return r, nil
}

// safeName reports whether name is a path with forward slashes that stays where it
// begins on every system: not empty or absolute, without "..", backslash, NUL or a
// drive letter.
func safeName(name string) bool {
	if name == "" || name[0] == '/' || strings.ContainsAny(name, "\\\x00") || len(name) > 1 && name[1] == ':' {
		return false
	}
	for part := range strings.SplitSeq(name, "/") {
		if part == ".." {
			return false
		}
	}
	return true
}
