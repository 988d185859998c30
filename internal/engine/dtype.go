package engine

import (
	"reflect"

	_ "go4.org/unsafe/assume-no-moving-gc" // at this version gorgonia runs on today's Go
	"gorgonia.org/tensor"
)

// F16 holds the bits of an IEEE binary16, BF16 those of a bfloat16. They are storage
// types: no arithmetic is defined on them.
type (
	F16  uint16
	BF16 uint16
)

// The dtypes of the module: what weights are stored in and what kernels take.
// Float16 and Bfloat16 are registered with package tensor.
var (
	Float32  = tensor.Float32
	Float64  = tensor.Float64
	Float16  = tensor.Dtype{Type: reflect.TypeFor[F16]()}
	Bfloat16 = tensor.Dtype{Type: reflect.TypeFor[BF16]()}
	Int32    = tensor.Int32
	Int64    = tensor.Int64
	Uint8    = tensor.Uint8
	Bool     = tensor.Bool
)

func init() {
	tensor.Register(Float16)
	tensor.Register(Bfloat16)
}
