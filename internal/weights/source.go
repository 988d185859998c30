package weights

import (
	"maps"
	"slices"
	"sync/atomic"

	"gorgonia.org/tensor"

	"github.com/easel-go/easel/internal/fault"
)

// Info is what a file says of a tensor besides its values.
type Info struct {
	Dtype Dtype
	Shape tensor.Shape // empty for a scalar
}

// Source is an open checkpoint: names, shapes and, on demand, values. Where a file
// was mapped, values are read from it in place.
//
// A Source may be used by several goroutines, but for Close, which must come last.
// [Identify] makes further Sources over the same files: closing one closes all.
type Source struct {
	path    string
	names   []string // in the order of the file
	entries map[string]entry
	meta    map[string]string
	root    any
	files   *files
}

// entry is one tensor: its bytes, or how to make them.
type entry struct {
	Info
	raw  []byte                 // little endian, row-major; used where load is nil
	load func() ([]byte, error) // for values that must be put together first
}

func (e entry) bytes() ([]byte, error) {
	if e.load != nil {
		return e.load()
	}
	return e.raw, nil
}

// files are the mappings that a Source and those made from it share.
type files struct {
	maps   []*mapping
	closed atomic.Bool
}

func (f *files) close() error {
	if f.closed.Swap(true) {
		return nil
	}
	var first error
	for _, m := range f.maps {
		if err := m.close(); err != nil && first == nil {
			first = err
		}
	}
	return first
}

func newSource(path string, maps ...*mapping) *Source {
	return &Source{path: path, entries: map[string]entry{}, files: &files{maps: maps}}
}

// derived returns an empty Source over s's files.
func (s *Source) derived() *Source {
	return &Source{path: s.path, entries: map[string]entry{}, meta: s.meta, root: s.root, files: s.files}
}

// reserve makes room for n tensors.
func (s *Source) reserve(n int) {
	s.names, s.entries = make([]string, 0, n), make(map[string]entry, n)
}

// add appends a tensor; false if there is one of that name.
func (s *Source) add(name string, e entry) bool {
	if _, ok := s.entries[name]; ok {
		return false
	}
	s.entries[name] = e
	s.names = append(s.names, name)
	return true
}

// FromTensors returns a Source over tensors in memory, in the order of their names.
// Their dtypes must be ones that a file can hold.
func FromTensors(tensors map[string]*tensor.Dense) (*Source, error) {
	s := newSource("tensors in memory")
	for _, name := range slices.Sorted(maps.Keys(tensors)) {
		d, b, err := encode(name, tensors[name])
		if err != nil {
			return nil, err
		}
		s.add(name, entry{Info: Info{d, tensors[name].Shape().Clone()}, raw: b})
	}
	return s, nil
}

// Path returns what the Source was opened from.
func (s *Source) Path() string { return s.path }

// Names returns the tensors' names in the order of the file.
func (s *Source) Names() []string { return slices.Clone(s.names) }

// Len returns the number of tensors.
func (s *Source) Len() int { return len(s.names) }

// Has reports whether there is a tensor called name.
func (s *Source) Has(name string) bool { _, ok := s.entries[name]; return ok }

// Info returns the type and shape of a tensor; ok is false if there is none of
// that name.
func (s *Source) Info(name string) (info Info, ok bool) {
	e, ok := s.entries[name]
	if !ok {
		return Info{}, false
	}
	return Info{e.Dtype, e.Shape.Clone()}, true
}

// Metadata returns a copy of the text that a safetensors file carries besides its
// tensors; nil if there is none.
func (s *Source) Metadata() map[string]string { return maps.Clone(s.meta) }

// Object returns what a torch file holds besides tensors, as package pickle
// represents it: *pickle.Dict, pickle.List, numbers and strings, with a
// [TensorName] in the place of each tensor. nil for safetensors.
func (s *Source) Object() any { return s.root }

// TensorName stands in [Source.Object] for the tensor of that name.
type TensorName string

// Tensor returns the tensor called name. Its values are the mapped file's where that
// is possible: they must not be written to, and are gone after Close. Errors:
// Missing; Closed; Unsupported for a type that package tensor cannot hold.
func (s *Source) Tensor(name string) (*tensor.Dense, error) {
	b, err := s.Bytes(name)
	if err != nil {
		return nil, err
	}
	e := s.entries[name]
	t, ok := dense(e.Dtype, e.Shape, b)
	if !ok {
		return nil, s.fault(fault.Unsupported, "tensor "+name, "of type "+string(e.Dtype), "")
	}
	return t, nil
}

// Bytes returns the values of the tensor called name as they would stand in a
// safetensors file: little endian, row-major, without gaps. They are read-only and
// gone after Close.
func (s *Source) Bytes(name string) ([]byte, error) {
	if s.files.closed.Load() {
		return nil, s.fault(fault.Closed, "tensor "+name, "", "")
	}
	e, ok := s.entries[name]
	if !ok {
		return nil, s.fault(fault.Missing, "tensor "+name, "", "")
	}
	b, err := e.bytes()
	if err != nil {
		return nil, &fault.Error{Kind: fault.KindOf(err), Op: "weights", Where: s.path, What: "tensor " + name, Err: err}
	}
	return b, nil
}

// Mapped returns how many bytes of files are mapped: address space, of which only
// what is read becomes resident. Files that were copied (see [WithFS]) do not count.
func (s *Source) Mapped() int64 {
	n := int64(0)
	for _, m := range s.files.maps {
		if m.mapped {
			n += int64(len(m.data))
		}
	}
	return n
}

// Close unmaps the files. No tensor of this Source, nor of one made from it, may be
// read afterwards. Closing twice is no error.
func (s *Source) Close() error {
	if err := s.files.close(); err != nil {
		return &fault.Error{Op: "weights", Where: s.path, Err: err}
	}
	return nil
}

// fault returns an error about this Source.
func (s *Source) fault(k fault.Kind, what, have, want string) error {
	return &fault.Error{Kind: k, Op: "weights", Where: s.path, What: what, Have: have, Want: want}
}
