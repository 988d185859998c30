package clip

import (
	"encoding/binary"
	"math"

	"github.com/easel-go/easel/internal/asm"
	"github.com/easel-go/easel/internal/fault"
	"github.com/easel-go/easel/internal/weights"
)

// floats returns a tensor's values as float32, a copy, and its shape.
func floats(src *weights.Source, name string) ([]float32, []int, error) {
	info, ok := src.Info(name)
	if !ok {
		return nil, nil, &fault.Error{Kind: fault.Missing, Op: "clip", Where: src.Path(), What: "tensor " + name, Have: "is not there"}
	}
	b, err := src.Bytes(name)
	if err != nil {
		return nil, nil, err
	}
	size := info.Dtype.Bits() / 8
	widen, ok := widen[info.Dtype]
	if !ok {
		return nil, nil, &fault.Error{Kind: fault.Unsupported, Op: "clip", Where: src.Path(), What: "tensor " + name, Have: "of " + string(info.Dtype), Want: "F32, F16, BF16 or F64"}
	}
	x := make([]float32, len(b)/size)
	for i := range x {
		x[i] = widen(b[i*size:])
	}
	return x, info.Shape, nil
}

var widen = map[weights.Dtype]func([]byte) float32{
	weights.F32:  func(b []byte) float32 { return math.Float32frombits(binary.LittleEndian.Uint32(b)) },
	weights.F64:  func(b []byte) float32 { return float32(math.Float64frombits(binary.LittleEndian.Uint64(b))) },
	weights.F16:  func(b []byte) float32 { return asm.Float16(binary.LittleEndian.Uint16(b)) },
	weights.BF16: func(b []byte) float32 { return math.Float32frombits(uint32(binary.LittleEndian.Uint16(b)) << 16) },
}
