package weights

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/easel-go/easel/internal/fault"
)

// Limits on the header of a safetensors file. The first is the format's own.
const (
	maxHeader  = 100_000_000 // bytes
	maxTensors = 1 << 16     // and entries of metadata
	maxRank    = 32
	maxNesting = 32 // of members that the format does not know, which are passed over
)

// readSafetensors reads the header of a safetensors file and gives each tensor its
// part of the mapping. The format: 8 bytes, the header's length N, little endian;
// N bytes of JSON, name → {dtype, shape, data_offsets}, and "__metadata__", strings;
// the tensors' bytes, which fill the rest of the file without gaps or overlaps.
// (https://github.com/huggingface/safetensors, README, "Format")
func readSafetensors(path string, m *mapping) (*Source, error) {
	text, body, err := splitSafetensors(path, m.data)
	if err != nil {
		return nil, err
	}
	h := &header{json: strictJSON{s: text}}
	if err := h.read(); err != nil {
		return nil, &fault.Error{Kind: cmp.Or(fault.KindOf(err), fault.Invalid), Op: "weights", Where: path, What: "header", Err: err}
	}
	s := newSource(path, m)
	s.meta = h.meta
	s.reserve(len(h.tensors))
	slices.SortFunc(h.tensors, func(a, b headerTensor) int {
		return cmp.Or(cmp.Compare(a.begin, b.begin), cmp.Compare(a.end, b.end))
	})
	end := int64(0)
	for _, t := range h.tensors {
		if t.begin != end {
			return nil, s.fault(fault.Invalid, "tensor "+t.name, fmt.Sprintf("begins at byte %d", t.begin), fmt.Sprint(end))
		}
		if end = t.end; end > int64(len(body)) {
			return nil, s.fault(fault.Truncated, "tensor "+t.name, fmt.Sprintf("ends at byte %d", end), fmt.Sprintf("at most %d", len(body)))
		}
		if !s.add(t.name, entry{Info: t.Info, raw: body[t.begin:t.end:t.end]}) {
			return nil, s.fault(fault.Invalid, "tensor "+t.name, "is listed twice", "")
		}
	}
	if end != int64(len(body)) {
		return nil, s.fault(fault.Invalid, "the file", fmt.Sprintf("has %d bytes after the last tensor", int64(len(body))-end), "none")
	}
	return s, nil
}

// splitSafetensors returns the header's text and the bytes after it.
func splitSafetensors(path string, data []byte) (text string, body []byte, err error) {
	bad := func(k fault.Kind, have, want string) error {
		return &fault.Error{Kind: k, Op: "weights", Where: path, What: "header", Have: have, Want: want}
	}
	if len(data) < 8 {
		return "", nil, &fault.Error{Kind: fault.Truncated, Op: "weights", Where: path, What: "the file", Have: fmt.Sprintf("has %d bytes", len(data)), Want: "at least 8"}
	}
	n, body := binary.LittleEndian.Uint64(data), data[8:]
	switch {
	case n > maxHeader:
		return "", nil, bad(fault.Limit, fmt.Sprintf("of %d bytes", n), fmt.Sprintf("at most %d", maxHeader))
	case n > uint64(len(body)):
		return "", nil, bad(fault.Truncated, fmt.Sprintf("of %d bytes in a file of %d", n, len(data)), "a whole file")
	case n == 0 || body[0] != '{':
		return "", nil, bad(fault.Invalid, "is no JSON object", "{ as its first byte")
	case !utf8.Valid(body[:n]):
		return "", nil, bad(fault.Invalid, "is not UTF-8", "")
	}
	return string(body[:n]), body[n:], nil
}

// header is what the JSON of a safetensors file says.
type header struct {
	json    strictJSON
	tensors []headerTensor
	meta    map[string]string
}

type headerTensor struct {
	name string
	Info
	begin, end int64 // in the bytes after the header
}

// read checks everything that can be known without the file's size.
func (h *header) read() error {
	h.tensors = make([]headerTensor, 0, min(maxTensors, strings.Count(h.json.s, `"dtype"`)))
	meta := false
	err := h.json.object(func(name string) error {
		if name != "__metadata__" {
			return h.tensor(name)
		}
		if meta {
			return h.json.wrong("a second __metadata__")
		}
		meta = true
		return h.metadata()
	})
	if err != nil {
		return err
	}
	return h.json.end()
}

// metadata reads {"key": "text", …}; null is none, as for the reference library.
func (h *header) metadata() error {
	if h.json.literal("null") {
		return nil
	}
	h.meta = map[string]string{}
	return h.json.object(func(key string) error {
		if len(h.meta) == maxTensors {
			return &fault.Error{Kind: fault.Limit, What: "metadata", Have: "of more entries", Want: fmt.Sprintf("at most %d", maxTensors)}
		}
		text, err := h.json.str()
		if _, twice := h.meta[key]; err == nil && twice {
			err = h.json.wrong("a key that was there before")
		}
		h.meta[key] = text
		return err
	})
}

func (h *header) tensor(name string) error {
	if len(h.tensors) == maxTensors {
		return &fault.Error{Kind: fault.Limit, What: "tensors", Have: "are too many", Want: fmt.Sprintf("at most %d", maxTensors)}
	}
	t := headerTensor{name: name}
	var seen [3]bool
	err := h.json.object(func(field string) error {
		if i := slices.Index([]string{"dtype", "shape", "data_offsets"}, field); i >= 0 {
			if seen[i] {
				return h.json.wrong("a field that was there before")
			}
			seen[i] = true
		}
		return h.field(&t, field)
	})
	if err == nil && seen != [3]bool{true, true, true} {
		err = h.json.wrong("dtype, shape or data_offsets missing")
	}
	if err == nil {
		err = t.check()
	}
	if err != nil {
		return fmt.Errorf("tensor %s: %w", clip(name), err)
	}
	h.tensors = append(h.tensors, t)
	return nil
}

// field reads the value of one field; one that the format does not know is passed
// over, as by the reference library.
func (h *header) field(t *headerTensor, name string) (err error) {
	switch name {
	case "dtype":
		t.Dtype, err = h.dtype()
	case "shape":
		t.Shape, err = h.shape()
	case "data_offsets":
		t.begin, t.end, err = h.offsets()
	default:
		err = h.json.skip(maxNesting)
	}
	return err
}

func (h *header) dtype() (Dtype, error) {
	s, err := h.json.str()
	if err == nil && Dtype(s).Bits() == 0 {
		err = h.json.wrong("an unknown dtype " + clip(s))
	}
	return Dtype(s), err
}

func (h *header) shape() (shape []int, err error) {
	var dims [maxRank]int
	rank := 0
	err = h.json.array(func() error {
		if rank == maxRank {
			return &fault.Error{Kind: fault.Limit, What: "rank", Have: "of more sizes", Want: fmt.Sprintf("at most %d", maxRank)}
		}
		n, err := h.json.uint()
		if int64(int(n)) != n {
			err = h.json.wrong("a size beyond this machine's")
		}
		dims[rank] = int(n)
		rank++
		return err
	})
	return slices.Clone(dims[:rank]), err
}

func (h *header) offsets() (begin, end int64, err error) {
	var o [2]int64
	n := 0
	err = h.json.array(func() (err error) {
		if n == 2 {
			return h.json.wrong("a third offset")
		}
		o[n], err = h.json.uint()
		n++
		return err
	})
	if err == nil && n < 2 {
		err = h.json.wrong("less than two offsets")
	}
	return o[0], o[1], err
}

// check compares the number of bytes with what dtype and shape ask for.
func (t headerTensor) check() error {
	size, ok := t.Dtype.size(t.Shape)
	switch {
	case !ok:
		return &fault.Error{Kind: fault.Limit, What: "shape", Have: fmt.Sprint([]int(t.Shape)), Want: "a number of bytes that can be counted"}
	case t.end < t.begin || t.end-t.begin != size:
		return &fault.Error{Kind: fault.Shape, What: "data_offsets", Have: fmt.Sprintf("[%d,%d]", t.begin, t.end),
			Want: fmt.Sprintf("%d bytes, for %s %v", size, t.Dtype, []int(t.Shape))}
	}
	return nil
}

// clip shortens text from a file to what a message can show.
func clip(s string) string {
	if len(s) > 100 {
		s = s[:100] + "…"
	}
	return fmt.Sprintf("%q", s)
}
