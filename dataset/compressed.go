package dataset

import (
	"compress/gzip"
	"io"
	"io/fs"
	"path"
	"strings"
)

// openText opens a file of text, unpacked where its name ends in .gz. What it unpacks to
// is bounded as in an archive.
func (f File) openText() (fs.File, error) {
	r, err := f.Open()
	if err != nil {
		return nil, err
	}
	switch ext(f.Name) {
	case ".gz":
	case ".zst", ".bz2", ".xz", ".lz4":
		r.Close()
		return nil, fail(Unsupported, f.Name, "compression %s: unpack the file first", ext(f.Name))
	default:
		return r, nil
	}
	info, err := r.Stat()
	if err == nil {
		var z *gzip.Reader
		if z, err = gzip.NewReader(r); err == nil {
			return &gzipFile{r, z, info.Size(), 0, f.Name}, nil
		}
	}
	r.Close()
	return nil, failed(Invalid, f.Name, err)
}

// gzipFile reads a gzipped file forwards.
type gzipFile struct {
	f          fs.File
	z          *gzip.Reader
	size, read int64
	name       string
}

func (g *gzipFile) Stat() (fs.FileInfo, error) { return g.f.Stat() }
func (g *gzipFile) Close() error               { return g.f.Close() }

func (g *gzipFile) Read(b []byte) (int, error) {
	n, err := g.z.Read(b)
	if g.read += int64(n); g.read > ratioFloor && g.read > ratioLimit*g.size {
		return 0, fail(Limit, g.name, "%d bytes unpack to more than %d", g.size, g.read)
	}
	if err != nil && err != io.EOF {
		err = failed(Invalid, g.name, err)
	}
	return n, err
}

// innerExt is the extension of a name without that of its compression.
func innerExt(name string) string {
	return ext(strings.TrimSuffix(name, compressionExt(name)))
}

func compressionExt(name string) string {
	switch e := path.Ext(name); strings.ToLower(e) {
	case ".gz", ".zst", ".bz2", ".xz", ".lz4":
		return e
	}
	return ""
}
