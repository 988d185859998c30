package filter

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/easel-go/easel/internal/fault"
)

// spools makes the spools of a run.
type spools struct {
	dir, pattern string // of temporary files, as os.CreateTemp takes them
	steps        []Step
	bounds       [][]Bound
	tokens       *tokens
	strict       bool

	create func(dir, pattern string) (spoolFile, error) // tempFile, but for tests
}

// spools says where rows of the recipe's run wait: in its temp_dir, or beside the result.
// Names that a killed run left where files in use keep theirs are removed.
func (rec *Recipe) spools() (spools, error) {
	p := spools{dir: rec.TempDir, pattern: "." + filepath.Base(rec.ExportPath) + ".rows-*"}
	if p.dir == "" {
		p.dir = filepath.Dir(rec.ExportPath)
	}
	if err := os.MkdirAll(p.dir, 0o777); err != nil {
		return p, &Error{Kind: Invalid, Op: "filter", What: "temp_dir", Err: err}
	}
	files, _ := os.ReadDir(p.dir)
	for _, f := range files {
		if strings.HasPrefix(f.Name(), strings.TrimSuffix(p.pattern, "*")) {
			os.Remove(filepath.Join(p.dir, f.Name()))
		}
	}
	return p, nil
}

// spoolFile is where rows wait.
type spoolFile interface {
	io.Writer
	io.ReaderAt
	io.Closer
}

// spool holds rows for an op that must see them together. They are on disk, but for the
// first MiB of a small number of rows; memory holds eight bytes for every sixteenth. Rows
// are added first, and then read: in order as often as needed, or one at a time.
type spool struct {
	*spools
	rowCodec
	n     int
	buf   []byte // rows that are not in the file; all of them if there is none
	file  spoolFile
	size  int64   // of the file
	marks []int64 // where every stride'th row begins
	err   error   // the first failure; rows end there

	block   []byte // of at, the rows between two marks
	blockAt int
	row     []byte // scratch
}

// spoolBuffer is how many bytes wait in memory before they go to a file.
var spoolBuffer = 1 << 20

const stride = 16

func (p *spools) open() *spool { return &spool{spools: p, blockAt: -1} }

// add appends a row, which may be changed or forgotten then.
func (s *spool) add(r *Row) error {
	if s.err != nil {
		return s.err
	}
	if s.n%stride == 0 {
		s.marks = append(s.marks, s.size+int64(len(s.buf)))
	}
	s.row = s.encode(s.row[:0], r)
	s.buf = binary.AppendUvarint(s.buf, uint64(len(s.row)))
	s.buf = append(s.buf, s.row...)
	s.n++
	if len(s.buf) >= spoolBuffer {
		s.flush()
	}
	return s.err
}

func (s *spool) flush() {
	if s.file == nil {
		f, err := s.create(s.dir, s.pattern)
		if err != nil {
			s.fail("making a temporary file", err)
			return
		}
		s.file = f
	}
	n, err := s.file.Write(s.buf)
	s.size += int64(n)
	s.buf = s.buf[:0]
	s.fail("writing a temporary file", err)
}

func (s *spool) fail(what string, err error) {
	if err != nil {
		s.err = &Error{Kind: Invalid, Op: "filter", What: what, Where: s.dir, Err: err}
	}
}

// seal ends the adding.
func (s *spool) seal() error {
	if s.err == nil && s.file != nil && len(s.buf) > 0 {
		s.flush()
	}
	return s.err
}

func (s *spool) close() {
	if s.file != nil {
		s.file.Close()
		s.file = nil
	}
	s.buf, s.block = nil, nil
}

// all yields the rows in order, until ctx ends or reading fails, which is s.err then.
// Every pass yields fresh ones that look at the columns of keys.
func (s *spool) all(ctx context.Context, keys *Keys) iter.Seq[*Row] {
	return func(yield func(*Row) bool) {
		r := s.reader(0)
		for i := 0; i < s.n && s.err == nil && (i%1024 != 0 || ctx.Err() == nil); i++ {
			row, err := s.next(r)
			if s.fail("reading a temporary file", err); err != nil {
				return
			}
			row.keys = keys
			if !yield(row) {
				return
			}
		}
	}
}

// reader reads from a place on.
func (s *spool) reader(from int64) *bufio.Reader {
	if s.file == nil {
		return bufio.NewReader(bytes.NewReader(s.buf[from:]))
	}
	return bufio.NewReaderSize(io.NewSectionReader(s.file, from, s.size-from), 1<<17)
}

func (s *spool) next(r *bufio.Reader) (*Row, error) {
	n, err := binary.ReadUvarint(r)
	if err != nil {
		return nil, err
	}
	if n > uint64(s.size)+uint64(len(s.buf)) {
		return nil, errSpool
	}
	if uint64(cap(s.row)) < n {
		s.row = make([]byte, n)
	}
	if _, err := io.ReadFull(r, s.row[:n]); err != nil {
		return nil, err
	}
	return s.decode(string(s.row[:n]))
}

// at returns row i.
func (s *spool) at(i int, keys *Keys) (*Row, error) {
	if s.err != nil {
		return nil, s.err
	}
	if i/stride != s.blockAt {
		s.load(i / stride)
	}
	b := s.block
	for range i % stride {
		_, b = cutRow(b)
	}
	raw, _ := cutRow(b)
	r, err := s.decode(string(raw))
	if s.fail("reading a temporary file", err); s.err != nil {
		return nil, s.err
	}
	r.keys = keys
	return r, nil
}

// load reads the rows behind a mark.
func (s *spool) load(mark int) {
	from, to := s.marks[mark], s.size
	if s.file == nil {
		to = int64(len(s.buf))
	}
	if mark+1 < len(s.marks) {
		to = s.marks[mark+1]
	}
	if s.blockAt = mark; s.file == nil {
		s.block = s.buf[from:to]
		return
	}
	s.block = slices.Grow(s.block[:0], int(to-from))[:to-from]
	_, err := s.file.ReadAt(s.block, from)
	s.fail("reading a temporary file", err)
}

// cutRow takes the first row off b; nothing if b is damaged.
func cutRow(b []byte) (row, rest []byte) {
	n, size := binary.Uvarint(b)
	if size <= 0 || n > uint64(len(b)-size) {
		return nil, nil
	}
	return b[size:][:n], b[size:][n:]
}

var errSpool = fault.Newf(fault.Truncated, "filter", "a temporary file is damaged")

// tempFile makes a file that is gone once it is closed: it loses its name at once where
// the system lets it.
func tempFile(dir, pattern string) (spoolFile, error) {
	f, err := os.CreateTemp(dir, pattern)
	if err != nil {
		return nil, err
	}
	if os.Remove(f.Name()) == nil {
		return f, nil
	}
	return removing{f}, nil
}

// removing is a file that goes when it is closed.
type removing struct{ *os.File }

func (f removing) Close() error {
	err := f.File.Close()
	os.Remove(f.Name())
	return err
}
