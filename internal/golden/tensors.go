package golden

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"slices"
	"testing"
)

// Tensor is one array of a safetensors file.
type Tensor struct {
	Dtype string // safetensors' name: F32, F64, F16, BF16, I64, I32, I8, U8, BOOL
	Shape []int
	Data  []byte // little endian, row-major
}

// File is a safetensors file.
type File struct {
	Path    string
	Meta    map[string]string
	Tensors map[string]Tensor
}

// Tensors reads a safetensors file.
func Tensors(t testing.TB, path string) *File {
	t.Helper()
	b := Bytes(t, path)
	if len(b) < 8 {
		t.Fatalf("golden: %s: %d bytes", path, len(b))
	}
	n := binary.LittleEndian.Uint64(b)
	if n > uint64(len(b)-8) {
		t.Fatalf("golden: %s: header of %d bytes in a file of %d", path, n, len(b))
	}
	var head map[string]json.RawMessage
	if err := json.Unmarshal(b[8:8+n], &head); err != nil {
		t.Fatalf("golden: %s: %v", path, err)
	}
	f := &File{Path: path, Tensors: map[string]Tensor{}}
	body := b[8+n:]
	for name, raw := range head {
		if name == "__metadata__" {
			f.Meta = Decode[map[string]string](t, path, raw)
			continue
		}
		e := Decode[struct {
			Dtype   string `json:"dtype"`
			Shape   []int  `json:"shape"`
			Offsets [2]int `json:"data_offsets"`
		}](t, path, raw)
		f.Tensors[name] = Tensor{e.Dtype, e.Shape, body[e.Offsets[0]:e.Offsets[1]]}
	}
	return f
}

// Has reports whether the file holds a tensor called name.
func (f *File) Has(name string) bool { _, ok := f.Tensors[name]; return ok }

// Names returns the tensors' names, sorted.
func (f *File) Names() []string { return Keys(f.Tensors) }

// Get returns the tensor called name; its absence is a failure.
func (f *File) Get(t testing.TB, name string) Tensor {
	t.Helper()
	x, ok := f.Tensors[name]
	if !ok {
		t.Fatalf("golden: %s has no tensor %s", f.Path, name)
	}
	return x
}

// Len returns the number of elements.
func (x Tensor) Len() int {
	n := 1
	for _, d := range x.Shape {
		n *= d
	}
	return n
}

// Float64s returns the values, widened or converted.
func (x Tensor) Float64s() []float64 {
	le := binary.LittleEndian
	v := make([]float64, x.Len())
	for i := range v {
		switch x.Dtype {
		case "F64":
			v[i] = math.Float64frombits(le.Uint64(x.Data[8*i:]))
		case "F32":
			v[i] = float64(math.Float32frombits(le.Uint32(x.Data[4*i:])))
		case "BF16":
			v[i] = float64(math.Float32frombits(uint32(le.Uint16(x.Data[2*i:])) << 16))
		case "F16":
			v[i] = half(le.Uint16(x.Data[2*i:]))
		case "I64":
			v[i] = float64(int64(le.Uint64(x.Data[8*i:])))
		case "I32":
			v[i] = float64(int32(le.Uint32(x.Data[4*i:])))
		case "I8":
			v[i] = float64(int8(x.Data[i]))
		case "U8", "BOOL":
			v[i] = float64(x.Data[i])
		default:
			panic("golden: dtype " + x.Dtype)
		}
	}
	return v
}

// Float32s returns the values as float32.
func (x Tensor) Float32s() []float32 {
	v := x.Float64s()
	w := make([]float32, len(v))
	for i := range v {
		w[i] = float32(v[i])
	}
	return w
}

// Ints returns the values of an integer tensor.
func (x Tensor) Ints() []int {
	le := binary.LittleEndian
	v := make([]int, x.Len())
	for i := range v {
		switch x.Dtype {
		case "I64":
			v[i] = int(le.Uint64(x.Data[8*i:]))
		case "I32":
			v[i] = int(int32(le.Uint32(x.Data[4*i:])))
		case "I8":
			v[i] = int(int8(x.Data[i]))
		case "U8", "BOOL":
			v[i] = int(x.Data[i])
		default:
			panic("golden: " + x.Dtype + " is no integer type")
		}
	}
	return v
}

// Is reports whether the shape is dims.
func (x Tensor) Is(dims ...int) bool { return slices.Equal(x.Shape, dims) }

// half returns the value of an IEEE binary16.
func half(h uint16) float64 {
	sign := 1 - 2*float64(h>>15)
	exp, frac := int(h>>10&31), float64(h&1023)
	switch exp {
	case 0:
		return sign * frac * 0x1p-24
	case 31:
		if frac != 0 {
			return math.NaN()
		}
		return sign * math.Inf(1)
	}
	return sign * math.Ldexp(1+frac/1024, exp-15)
}
