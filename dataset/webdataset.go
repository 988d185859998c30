package dataset

import (
	"archive/tar"
	"bufio"
	"compress/gzip"
	"context"
	"hash/maphash"
	"io"
	"io/fs"
	"iter"
	"path"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// What an archive may hold beyond its own size: more than ratioLimit times as much
// is a bomb, once it is more than ratioFloor bytes.
const (
	ratioLimit = 200
	ratioFloor = 8 << 20
)

// tarSource is a tar archive in WebDataset's form: the members of a sample stand one
// after another and share their name up to the first dot. Opening goes through all
// headers once: names, links, order and lengths are checked before the first row.
type tarSource struct {
	file    File
	url     string
	gzip    bool
	columns []Column
	json    map[string]Type // the columns parsed as JSON, and their types
	rows    int
	marks   []int64 // where the samples 0, 256, … begin; nil in a gzipped archive
}

func openTar(f File, o *options) (Source, error) {
	s := &tarSource{file: f, url: f.Name, gzip: ext(f.Name) == ".gz" || ext(f.Name) == ".tgz", json: map[string]Type{}}
	if o.dir != "" {
		s.url = path.Join(o.dir, f.Name)
	}
	if err := s.survey(); err != nil {
		return nil, failed(Invalid, f.Name, err)
	}
	return s, nil
}

func (s *tarSource) Columns() []Column { return s.columns }
func (s *tarSource) Len() int          { return s.rows }
func (s *tarSource) Close() error      { return nil }

// likeSamples is how many samples at the beginning must have the same members.
const likeSamples = 5

// survey goes through the archive's headers, and reads its first samples for the
// columns' types.
func (s *tarSource) survey() error {
	in, err := s.begin(0)
	if err != nil {
		return err
	}
	defer in.close()
	seen := map[uint64]bool{}
	seed := maphash.MakeSeed()
	for {
		smp, err := in.next(s.rows < likeSamples)
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		for _, m := range smp.members {
			h := maphash.String(seed, m.name)
			if seen[h] {
				return fail(Invalid, s.file.Name, "the member %q is there twice", m.name)
			}
			seen[h] = true
		}
		if err := s.learn(smp); err != nil {
			return err
		}
		if s.rows%markEvery == 0 && !s.gzip {
			s.marks = append(s.marks, smp.at)
		}
		s.rows++
	}
	if s.columns != nil {
		s.columns = append(s.columns, Column{"__key__", Type{Kind: String}}, Column{"__url__", Type{Kind: String}})
	}
	return nil
}

// learn takes the columns from the first sample and sees that those after it have
// the same.
func (s *tarSource) learn(smp *tarSample) error {
	if s.rows >= likeSamples {
		return nil
	}
	types := make([]Column, len(smp.members))
	for i, m := range smp.members {
		v, err := s.decode(m)
		if err != nil {
			return err
		}
		types[i] = Column{m.kind, typeOf(v, false)}
	}
	if s.rows == 0 {
		s.columns = types
	}
	if len(types) != len(s.columns) {
		return fail(Invalid, s.file.Name, "sample %q has %d members, the one before %d: not in WebDataset's form", smp.key, len(types), len(s.columns))
	}
	for i, t := range types {
		j := slices.IndexFunc(s.columns, func(c Column) bool { return c.Name == t.Name })
		if j < 0 {
			return fail(Invalid, s.file.Name, "sample %q has a member %q that the one before has not: not in WebDataset's form", smp.key, t.Name)
		}
		s.columns[j].Type = merge(s.columns[j].Type, types[i].Type)
	}
	return nil
}

func (s *tarSource) Rows(ctx context.Context, from int) iter.Seq2[[]any, error] {
	return func(yield func([]any, error) bool) {
		if from >= s.rows {
			return
		}
		start, at := 0, int64(0)
		if s.marks != nil {
			start, at = from-from%markEvery, s.marks[from/markEvery]
		}
		in, err := s.begin(at)
		if err != nil {
			yield(nil, err)
			return
		}
		defer in.close()
		for i := start; i < s.rows; i++ {
			smp, err := in.next(i >= from)
			if err == nil {
				err = ctx.Err()
			}
			if err != nil {
				yield(nil, failed(Truncated, s.file.Name+"#"+strconv.Itoa(i), changed(err)))
				return
			}
			if i < from {
				continue
			}
			row, err := s.row(smp)
			if !yield(row, err) {
				return
			}
		}
	}
}

// row orders a sample's members as the columns. A member that cannot be read, or is
// none of the columns, is the error of its row alone.
func (s *tarSource) row(smp *tarSample) ([]any, error) {
	row := make([]any, len(s.columns))
	row[len(row)-2], row[len(row)-1] = smp.key, s.url
	var bad error
	for _, m := range smp.members {
		i := slices.IndexFunc(s.columns[:len(row)-2], func(c Column) bool { return c.Name == m.kind })
		if i < 0 {
			bad = fail(Invalid, s.file.Name+":"+m.name, "no sample before it has a member %q", m.kind)
			continue
		}
		v, err := s.decode(m)
		if err != nil {
			bad = err
			continue
		}
		if t := s.columns[i].Type; t.Kind == Record && !equalTypes(merge(typeOf(v, false), t), t) {
			bad = fail(Invalid, s.file.Name+":"+m.name, "a %s, the samples before have a %s", typeOf(v, false), t)
			continue
		}
		row[i] = convert(v, s.columns[i].Type)
	}
	return row, bad
}

// decode reads a member by its extension: pictures, JSON, numbers and text; anything
// else is bytes.
func (s *tarSource) decode(m tarMember) (any, error) {
	where := s.file.Name + ":" + m.name
	last := m.kind[strings.LastIndexByte(m.kind, '.')+1:]
	switch {
	case pictureExts["."+strings.ToLower(last)]:
		return Image{Path: path.Base(m.name), Data: m.data}, nil
	case last == "json":
		v, err := parseJSON(m.data)
		return v, failed(Invalid, where, err)
	case last == "cls" || last == "cls2" || last == "index" || last == "inx" || last == "id":
		n, err := strconv.ParseInt(strings.TrimSpace(string(m.data)), 10, 64)
		if err != nil {
			return nil, fail(Invalid, where, "not a whole number")
		}
		return n, nil
	case last == "txt" || last == "text" || last == "transcript":
		if !utf8.Valid(m.data) {
			return nil, fail(Invalid, where, "not UTF-8")
		}
		return string(m.data), nil
	}
	return m.data, nil
}

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
