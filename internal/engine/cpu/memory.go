package cpu

import (
	"unsafe"

	"github.com/easel-go/easel/internal/engine"
	"github.com/easel-go/easel/internal/fault"
)

// memory is a page-aligned block outside Go's heap.
type memory struct {
	block []byte
	bytes int64
}

// Alloc returns zeroed memory of the given size from the operating system.
func (e *Engine) Alloc(bytes int64) (engine.Memory, error) {
	if bytes < 0 || int64(int(bytes)) != bytes {
		return nil, fault.Newf(fault.Limit, "cpu", "allocate %d bytes", bytes)
	}
	block, err := mapPages(int(max(bytes, 1)))
	if err != nil {
		return nil, fault.Newf(fault.Limit, "cpu", "allocate %d bytes: %w", bytes, err)
	}
	return &memory{block, bytes}, nil
}

// Ref points to the whole block.
func (m *memory) Ref() engine.Ref {
	return engine.Ref{Host: unsafe.Pointer(unsafe.SliceData(m.block)), Bytes: m.bytes}
}

// Free gives the block back.
func (m *memory) Free() error {
	block := m.block
	m.block, m.bytes = nil, 0
	return unmapPages(block)
}
