package dataset

import (
	"archive/zip"
	"io"
	"io/fs"
	"slices"
	"sync"
	"unicode/utf8"
)

// archive is a zip archive whose directory was checked: every name stays inside and
// is there once, nothing is a link or encrypted, and what it unpacks to is bounded.
// Members are read in place; none is written anywhere.
type archive struct {
	file    File
	r       ReaderAtCloser
	zip     *zip.Reader
	members map[string]*zip.File
	once    sync.Once
}

func openArchive(f File) (*archive, error) {
	r, size, err := f.OpenAt()
	if err != nil {
		return nil, err
	}
	a := &archive{file: f, r: r, members: map[string]*zip.File{}}
	if a.zip, err = zip.NewReader(r, size); err == nil {
		err = a.check(size)
	}
	if err != nil {
		r.Close()
		return nil, failed(Invalid, f.Name, err)
	}
	return a, nil
}

func (a *archive) check(size int64) error {
	total := uint64(0)
	for _, m := range a.zip.File {
		where := a.file.Name + ":" + m.Name
		if err := a.checkMember(m, where); err != nil {
			return err
		}
		total += m.UncompressedSize64
		if total > ratioFloor && total > ratioLimit*uint64(size) {
			return fail(Limit, a.file.Name, "%d bytes unpack to more than %d", size, total)
		}
		if !m.FileInfo().IsDir() {
			a.members[m.Name] = m
		}
	}
	return nil
}

func (a *archive) checkMember(m *zip.File, where string) error {
	n := m.UncompressedSize64
	switch {
	case !safeName(m.Name) || !utf8.ValidString(m.Name):
		return fail(Invalid, a.file.Name, "the member's name %q leaves the archive", m.Name)
	case m.Mode()&^fs.ModePerm&^fs.ModeDir&^(fs.ModeSetuid|fs.ModeSetgid|fs.ModeSticky) != 0:
		return fail(Unsupported, where, "a link or device (mode %v)", m.Mode())
	case m.Flags&1 != 0:
		return fail(Unsupported, where, "the member is encrypted")
	case m.Method != zip.Store && m.Method != zip.Deflate:
		return fail(Unsupported, where, "compression method %d", m.Method)
	case a.members[m.Name] != nil:
		return fail(Invalid, where, "the member is there twice")
	case n > maxPicture:
		return fail(Limit, where, "a member of %d bytes, want at most %d", n, maxPicture)
	case n > ratioFloor && n > ratioLimit*m.CompressedSize64:
		return fail(Limit, where, "%d bytes unpack to %d", m.CompressedSize64, n)
	}
	return nil
}

func (a *archive) Close() (err error) {
	a.once.Do(func() { err = a.r.Close() })
	return err
}

// names returns the members' names, sorted.
func (a *archive) names() []string {
	names := make([]string, 0, len(a.members))
	for name := range a.members {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// open opens a member; its length and checksum are checked when it is read to the end.
func (a *archive) open(_, member string) (io.ReadCloser, error) {
	where := a.file.Name + ":" + member
	m := a.members[member]
	if m == nil {
		return nil, fail(Missing, where, "no such member")
	}
	r, err := m.Open()
	if err != nil {
		return nil, failed(Invalid, where, err)
	}
	return &memberReader{r, int64(m.UncompressedSize64), where}, nil
}

// memberReader refuses a member that unpacks to more than its directory says.
type memberReader struct {
	io.ReadCloser
	left  int64
	where string
}

func (r *memberReader) Read(b []byte) (int, error) {
	n, err := r.ReadCloser.Read(b)
	if r.left -= int64(n); r.left < 0 {
		return 0, fail(Invalid, r.where, "the member is longer than the archive says")
	}
	if err != nil && err != io.EOF {
		err = failed(Invalid, r.where, err)
	}
	return n, err
}
