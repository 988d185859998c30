package dataset

import (
	"archive/tar"
	"bufio"
	"compress/gzip"
	"io"
	"io/fs"
	"path"
	"strings"
	"unicode/utf8"
)

// tarSample is what belongs to one key.
type tarSample struct {
	key     string
	at      int64 // where its first header begins
	members []tarMember
}

type tarMember struct {
	name string // in the archive
	kind string // what follows the first dot of its base name
	data []byte
}

// tarStream reads an archive sample by sample.
type tarStream struct {
	name   string
	f      fs.File
	r      *tar.Reader
	bytes  *countReader
	header *tar.Header // of the member that the next sample begins with
	at     int64       // where that member's headers begin
	end    int64       // where the headers after it begin
	size   int64       // of the archive file
	gzip   bool
}

// countReader counts what is read, so that a member's place is known.
type countReader struct {
	r io.Reader
	n int64
}

func (c *countReader) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	c.n += int64(n)
	return n, err
}

func (c *countReader) Seek(off int64, whence int) (int64, error) {
	n, err := c.r.(io.Seeker).Seek(off, whence)
	if err == nil {
		c.n = n
	}
	return n, err
}

func (s *tarSource) begin(at int64) (*tarStream, error) {
	f, err := s.file.Open()
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil {
		err = seekTo(f, at, s.file.Name)
	}
	in := &tarStream{name: s.file.Name, f: f, gzip: s.gzip, bytes: &countReader{r: f, n: at}, end: at}
	if err == nil {
		in.size = info.Size()
		err = in.open()
	}
	if err != nil {
		f.Close()
		return nil, failed(Invalid, s.file.Name, err)
	}
	return in, nil
}

func (in *tarStream) open() error {
	var r io.Reader = struct{ io.Reader }{in.bytes} // without Seek: a hole is read over
	if _, ok := in.f.(io.Seeker); ok && !in.gzip {
		r = in.bytes
	}
	if in.gzip {
		z, err := gzip.NewReader(bufio.NewReaderSize(in.f, 64<<10))
		if err != nil {
			return err
		}
		in.bytes.r = z
	}
	in.r = tar.NewReader(r)
	return nil
}

func (in *tarStream) close() error { return in.f.Close() }

// next returns the next sample, with its members' data where load is true.
func (in *tarStream) next(load bool) (*tarSample, error) {
	if in.header == nil {
		if err := in.advance(); err != nil {
			return nil, err
		}
	}
	smp := &tarSample{at: in.at}
	smp.key, _ = splitKey(in.header.Name)
	for {
		key, kind := splitKey(in.header.Name)
		if key != smp.key {
			return smp, nil
		}
		m := tarMember{name: in.header.Name, kind: kind}
		if load {
			var err error
			if m.data, err = in.load(); err != nil {
				return nil, err
			}
		}
		smp.members = append(smp.members, m)
		err := in.advance()
		if err == io.EOF {
			return smp, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

// splitKey cuts a member's name at the first dot of its base name. A base name that
// has none, or begins with it, belongs to no sample: its kind is "".
func splitKey(name string) (key, kind string) {
	base := path.Base(name)
	i := strings.IndexByte(base, '.')
	if i <= 0 {
		return name, ""
	}
	return name[:len(name)-len(base)+i], base[i+1:]
}

// advance goes to the next regular member. Folders are passed over; everything that
// is neither is refused, and so are names that leave the archive.
func (in *tarStream) advance() error {
	for {
		in.header = nil
		h, err := in.r.Next()
		if err != nil {
			return err
		}
		if err := in.check(h); err != nil {
			return err
		}
		at := in.end
		in.end = in.bytes.n
		if h.Typeflag == tar.TypeReg {
			in.end = (in.bytes.n + h.Size + 511) &^ 511
		}
		if _, kind := splitKey(h.Name); h.Typeflag == tar.TypeReg && kind != "" {
			in.header, in.at = h, at
			return nil
		}
	}
}

func (in *tarStream) check(h *tar.Header) error {
	where := in.name + ":" + h.Name
	switch {
	case !safeName(h.Name) || !utf8.ValidString(h.Name):
		return fail(Invalid, in.name, "the member's name %q leaves the archive", h.Name)
	case h.Typeflag != tar.TypeReg && h.Typeflag != tar.TypeDir && h.Typeflag != tar.TypeXGlobalHeader || h.PAXRecords["GNU.sparse.major"] != "":
		return fail(Unsupported, where, "a link, device, pipe or file with holes (type %q)", h.Typeflag)
	case !in.gzip && h.Size > in.size-in.bytes.n:
		return fail(Truncated, where, "the member has %d bytes, the archive %d", h.Size, in.size)
	case h.Size > maxPicture:
		return fail(Limit, where, "a member of %d bytes, want at most %d", h.Size, maxPicture)
	}
	return in.inflated(h.Size)
}

// inflated refuses a gzipped archive that unpacks to too much.
func (in *tarStream) inflated(next int64) error {
	if total := in.bytes.n + next; in.gzip && total > ratioFloor && total > ratioLimit*in.size {
		return fail(Limit, in.name, "%d bytes unpack to more than %d", in.size, total)
	}
	return nil
}

func (in *tarStream) load() ([]byte, error) {
	b := make([]byte, 0, min(in.header.Size, 1<<20)+1)
	for {
		if len(b) == cap(b) {
			b = append(b, 0)[:len(b)]
		}
		n, err := in.r.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		if err == io.EOF {
			return b, nil
		}
		if err != nil {
			return nil, failed(Truncated, in.name+":"+in.header.Name, err)
		}
	}
}
