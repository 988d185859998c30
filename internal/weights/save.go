package weights

import (
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/nlpodyssey/safetensors"
	"gorgonia.org/tensor"

	"github.com/easel-go/easel/internal/fault"
)

// SaveSafetensors writes tensors and metadata (nil for none) to a safetensors file.
// The file appears under its name only when it is whole; what was there before stays
// until then. Each tensor must be contiguous and row-major.
func SaveSafetensors(path string, tensors map[string]*tensor.Dense, metadata map[string]string) error {
	return Replace(path, func(w io.Writer) error {
		return WriteSafetensors(w, tensors, metadata)
	})
}

// WriteSafetensors writes what [SaveSafetensors] does to w: larger element types
// first, then by name, so that equal input gives equal bytes.
func WriteSafetensors(w io.Writer, tensors map[string]*tensor.Dense, metadata map[string]string) error {
	views := make(map[string]savedView, len(tensors))
	for _, name := range slices.Sorted(maps.Keys(tensors)) {
		if name == "__metadata__" {
			return &fault.Error{Kind: fault.Invalid, Op: "weights", What: "tensor", Have: clip(name), Want: "a name that the format does not use itself"}
		}
		d, b, err := encode(name, tensors[name])
		if err != nil {
			return err
		}
		dt, ok := writable[d]
		if !ok {
			return &fault.Error{Kind: fault.Unsupported, Op: "weights", What: "tensor " + name, Have: "of type " + string(d) + " to write"}
		}
		views[name] = savedView{dt, tensors[name].Shape(), b}
	}
	return safetensors.SerializeToWriter(views, metadata, w)
}

// savedView is a tensor as the safetensors module takes it. It is our own because the
// module's has no scalars.
type savedView struct {
	dtype safetensors.DType
	shape tensor.Shape
	data  []byte
}

func (v savedView) DType() safetensors.DType { return v.dtype }
func (v savedView) Data() []byte             { return v.data }
func (v savedView) DataLen() uint64          { return uint64(len(v.data)) }

func (v savedView) Shape() []uint64 {
	s := make([]uint64, len(v.shape))
	for i, n := range v.shape {
		s[i] = uint64(n)
	}
	return s
}

var writable = map[Dtype]safetensors.DType{
	Bool: safetensors.BOOL, U8: safetensors.U8, I8: safetensors.I8, U16: safetensors.U16, I16: safetensors.I16,
	U32: safetensors.U32, I32: safetensors.I32, U64: safetensors.U64, I64: safetensors.I64,
	F16: safetensors.F16, BF16: safetensors.BF16, F32: safetensors.F32, F64: safetensors.F64,
}

// encode returns a tensor's type and its values as little-endian bytes, which may be
// the tensor's own memory.
func encode(name string, t *tensor.Dense) (Dtype, []byte, error) {
	bad := func(k fault.Kind, have, want string) (Dtype, []byte, error) {
		return "", nil, &fault.Error{Kind: k, Op: "weights", What: "tensor " + name, Have: have, Want: want}
	}
	if t == nil {
		return bad(fault.Invalid, "nil", "a tensor")
	}
	d, ok := dtypeOf[t.Dtype().Type]
	if !ok {
		return bad(fault.Unsupported, "of type "+t.Dtype().String(), "a type that checkpoints hold")
	}
	size, ok := d.size(t.Shape())
	if size == 0 && ok {
		return d, nil, nil
	}
	if t.RequiresIterator() || t.DataOrder().IsColMajor() || !ok || size != int64(len(t.Raw)) {
		return bad(fault.Shape, fmt.Sprintf("%v is a view with gaps", t.Shape()), "contiguous, row-major values")
	}
	b := t.Raw
	if e := elements[d]; bigEndian && e.unit() > 1 {
		b = slices.Clone(b)
		reverse(b, e.unit())
	}
	return d, b, nil
}
