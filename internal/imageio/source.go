package imageio

import (
	"encoding/binary"
	"errors"
	"io"

	"github.com/easel-go/easel/internal/fault"
)

// source gives random access to a file, through a small window of it, or to bytes.
// After a failed read it behaves as if the file ended there and holds the error.
type source struct {
	r   io.ReaderAt // nil if buf is the whole file
	buf []byte
	off int64 // where in the file buf begins
	err error
}

// windowSize is how much is read at a time: enough for most headers.
const windowSize = 1024

// at returns the n bytes at off, or as many as there are. They are valid until the
// next call.
func (s *source) at(off int64, n int) []byte {
	if off < 0 {
		return nil
	}
	if s.r != nil && (off < s.off || off+int64(n) > s.off+int64(len(s.buf))) {
		s.fill(off, max(n, windowSize))
	}
	lo := min(off-s.off, int64(len(s.buf)))
	return s.buf[lo:min(lo+int64(n), int64(len(s.buf)))]
}

func (s *source) fill(off int64, n int) {
	if cap(s.buf) < n {
		s.buf = make([]byte, n)
	}
	got, err := s.r.ReadAt(s.buf[:n], off)
	if err != nil && !errors.Is(err, io.EOF) && s.err == nil {
		s.err = &fault.Error{Kind: fault.Invalid, Op: op, What: "reading", Err: err}
	}
	s.buf, s.off = s.buf[:got], off
}

// be16, be32, le16 and le32 read an integer from b, or 0 beyond its end.
func be16(b []byte, i int) int {
	if i+2 > len(b) {
		return 0
	}
	return int(binary.BigEndian.Uint16(b[i:]))
}

func be32(b []byte, i int) uint32 {
	if i+4 > len(b) {
		return 0
	}
	return binary.BigEndian.Uint32(b[i:])
}

func le16(b []byte, i int) int {
	if i+2 > len(b) {
		return 0
	}
	return int(binary.LittleEndian.Uint16(b[i:]))
}

func le32(b []byte, i int) uint32 {
	if i+4 > len(b) {
		return 0
	}
	return binary.LittleEndian.Uint32(b[i:])
}
