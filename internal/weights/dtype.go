package weights

import (
	"encoding/binary"
	"reflect"
	"unsafe"

	"gorgonia.org/tensor"

	"github.com/easel-go/easel/internal/engine"
)

// Dtype is an element type under its safetensors name.
type Dtype string

// The element types that files use. F4, F6, F8_E8M0 and the FNUZ forms are known by
// size only: Bytes returns them, Tensor does not.
const (
	Bool       Dtype = "BOOL"
	U8         Dtype = "U8"
	I8         Dtype = "I8"
	U16        Dtype = "U16"
	I16        Dtype = "I16"
	U32        Dtype = "U32"
	I32        Dtype = "I32"
	U64        Dtype = "U64"
	I64        Dtype = "I64"
	F8E4M3     Dtype = "F8_E4M3"
	F8E5M2     Dtype = "F8_E5M2"
	F8E8M0     Dtype = "F8_E8M0"
	F8E4M3FNUZ Dtype = "F8_E4M3FNUZ"
	F8E5M2FNUZ Dtype = "F8_E5M2FNUZ"
	F4         Dtype = "F4"
	F6E2M3     Dtype = "F6_E2M3"
	F6E3M2     Dtype = "F6_E3M2"
	F16        Dtype = "F16"
	BF16       Dtype = "BF16"
	F32        Dtype = "F32"
	F64        Dtype = "F64"
	C64        Dtype = "C64"
	C128       Dtype = "C128"
)

// Float8E4M3 and Float8E5M2 hold the bits of the two 8-bit floats of torch
// (float8_e4m3fn, float8_e5m2). They are storage only.
type (
	Float8E4M3 uint8
	Float8E5M2 uint8
)

// element is what is known of a Dtype: its size and, where Go has such a type, how
// bytes become a slice of it.
type element struct {
	bits  int
	part  int // size in bytes of the unit that byte order turns round; 0: bits/8
	slice func(b []byte) any
}

var elements = map[Dtype]element{
	Bool:       {bits: 8}, // its slice is made by bools: a byte that is neither 0 nor 1 is no Go bool
	U8:         {bits: 8, slice: sliceOf[uint8]},
	I8:         {bits: 8, slice: sliceOf[int8]},
	U16:        {bits: 16, slice: sliceOf[uint16]},
	I16:        {bits: 16, slice: sliceOf[int16]},
	U32:        {bits: 32, slice: sliceOf[uint32]},
	I32:        {bits: 32, slice: sliceOf[int32]},
	U64:        {bits: 64, slice: sliceOf[uint64]},
	I64:        {bits: 64, slice: sliceOf[int64]},
	F8E4M3:     {bits: 8, slice: sliceOf[Float8E4M3]},
	F8E5M2:     {bits: 8, slice: sliceOf[Float8E5M2]},
	F8E8M0:     {bits: 8},
	F8E4M3FNUZ: {bits: 8},
	F8E5M2FNUZ: {bits: 8},
	F4:         {bits: 4},
	F6E2M3:     {bits: 6},
	F6E3M2:     {bits: 6},
	F16:        {bits: 16, slice: sliceOf[engine.F16]},
	BF16:       {bits: 16, slice: sliceOf[engine.BF16]},
	F32:        {bits: 32, slice: sliceOf[float32]},
	F64:        {bits: 64, slice: sliceOf[float64]},
	C64:        {bits: 64, part: 4, slice: sliceOf[complex64]},
	C128:       {bits: 128, part: 8, slice: sliceOf[complex128]},
}

// dtypeOf finds the Dtype of a Go type.
var dtypeOf = map[reflect.Type]Dtype{
	reflect.TypeFor[bool]():        Bool,
	reflect.TypeFor[uint8]():       U8,
	reflect.TypeFor[int8]():        I8,
	reflect.TypeFor[uint16]():      U16,
	reflect.TypeFor[int16]():       I16,
	reflect.TypeFor[uint32]():      U32,
	reflect.TypeFor[int32]():       I32,
	reflect.TypeFor[uint64]():      U64,
	reflect.TypeFor[int64]():       I64,
	reflect.TypeFor[Float8E4M3]():  F8E4M3,
	reflect.TypeFor[Float8E5M2]():  F8E5M2,
	reflect.TypeFor[engine.F16]():  F16,
	reflect.TypeFor[engine.BF16](): BF16,
	reflect.TypeFor[float32]():     F32,
	reflect.TypeFor[float64]():     F64,
	reflect.TypeFor[complex64]():   C64,
	reflect.TypeFor[complex128]():  C128,
}

// Bits returns the size of an element in bits, 0 for a type that is not known.
func (d Dtype) Bits() int { return elements[d].bits }

// unit returns how many bytes byte order turns round at a time, and to what multiple
// of bytes a slice of such elements must be aligned.
func (e element) unit() int {
	if e.part > 0 {
		return e.part
	}
	return max(1, e.bits/8)
}

// size returns how many bytes a tensor of this type and shape has, or false when
// that overflows or is no whole number of bytes.
func (d Dtype) size(shape []int) (int64, bool) {
	const limit = 1 << 62
	n := uint64(1)
	for _, s := range shape {
		if s < 0 || s > 0 && n > limit/uint64(s) {
			return 0, false
		}
		n *= uint64(s)
	}
	bits := uint64(d.Bits())
	if n > limit/bits || n*bits%8 != 0 {
		return 0, false
	}
	return int64(n * bits / 8), true
}

// sliceOf sees b as a slice of T, without copying. b is aligned and its length a
// multiple of T's size.
func sliceOf[T any](b []byte) any {
	var t T
	if len(b) == 0 {
		return []T{}
	}
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(b))), len(b)/int(unsafe.Sizeof(t)))
}

// dense makes a tensor of little-endian bytes: of the very bytes where this machine
// can read them in place, of a copy where they are misaligned, in an order that is
// not its own, or bools.
func dense(d Dtype, shape []int, b []byte) (*tensor.Dense, bool) {
	var slice any
	e := elements[d]
	switch {
	case d == Bool:
		slice = bools(b)
	case e.slice == nil:
		return nil, false
	default:
		slice = e.slice(native(b, e.unit()))
	}
	return tensor.New(tensor.WithShape(shape...), tensor.WithBacking(slice)), true
}

func bools(b []byte) []bool {
	v := make([]bool, len(b))
	for i := range b {
		v[i] = b[i] != 0
	}
	return v
}

// bigEndian says that this machine stores the high byte first.
var bigEndian = binary.NativeEndian.Uint16([]byte{0, 1}) == 1

// native returns little-endian elements of unit bytes as this machine reads them.
func native(b []byte, unit int) []byte {
	aligned := uintptr(unsafe.Pointer(unsafe.SliceData(b)))%uintptr(unit) == 0
	if aligned && (!bigEndian || unit == 1) {
		return b
	}
	c := aligned8(len(b))
	copy(c, b)
	if bigEndian {
		reverse(c, unit)
	}
	return c
}

// aligned8 returns n bytes whose first lies at a multiple of 8.
func aligned8(n int) []byte {
	w := make([]uint64, (n+7)/8)
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(w))), len(w)*8)[:n]
}

// reverse turns the bytes of each unit round.
func reverse(b []byte, unit int) {
	for ; len(b) >= unit; b = b[unit:] {
		for i, j := 0, unit-1; i < j; i, j = i+1, j-1 {
			b[i], b[j] = b[j], b[i]
		}
	}
}
