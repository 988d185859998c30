package weights

import (
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"

	"github.com/easel-go/easel/internal/fault"
)

// mapping is the content of one file.
type mapping struct {
	data   []byte
	mapped bool // data is the file, not a copy
	unmap  func() error
}

func (m *mapping) close() error {
	if m == nil || m.unmap == nil {
		return nil
	}
	unmap := m.unmap
	m.data, m.unmap = nil, nil
	return unmap()
}

// load maps a file, or reads it where it is not one of the operating system's or
// cannot be mapped.
func load(f fs.File) (*mapping, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, &fault.Error{Kind: fault.Invalid, Have: "is " + info.Mode().Type().String(), Want: "a regular file"}
	}
	size := info.Size()
	if size > math.MaxInt {
		return nil, &fault.Error{Kind: fault.Limit, Have: "is larger than the address space"}
	}
	if f, ok := f.(*os.File); ok && size > 0 {
		if data, unmap, err := mapFile(f, int(size)); err == nil {
			return &mapping{data: data, mapped: true, unmap: unmap}, nil
		}
	}
	return read(f, int(size))
}

// read copies a file to memory, aligned as a mapping would be. A size that is only
// claimed is not believed: room is made as bytes come.
func read(f fs.File, size int) (*mapping, error) {
	const first = 64 << 20
	b := aligned8(min(size, first))
	for n := 0; ; {
		m, err := io.ReadFull(f, b[n:])
		n += m
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			return nil, &fault.Error{Kind: fault.Truncated, What: "the file", Have: fmt.Sprintf("ends after %d bytes", n), Want: fmt.Sprint(size)}
		}
		if err != nil || n == size {
			return &mapping{data: b}, err
		}
		more := aligned8(min(size, 2*len(b)))
		copy(more, b)
		b = more
	}
}
