package arrow

import (
	"encoding/binary"
	"errors"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/easel-go/easel/dataset"
)

// TestDamagedOffsets: a list that claims more elements than its array has is an error,
// and not memory for them.
func TestDamagedOffsets(t *testing.T) {
	b := array.NewInt64Builder(memory.DefaultAllocator)
	b.AppendValues([]int64{1, 2, 3}, nil)
	values := b.NewInt64Array()
	for _, end := range []int32{1 << 30, -1, 4} {
		offsets := binary.LittleEndian.AppendUint32(make([]byte, 4), uint32(end))
		data := array.NewData(arrow.ListOf(arrow.PrimitiveTypes.Int64), 1, []*memory.Buffer{nil, memory.NewBufferBytes(offsets)}, []arrow.ArrayData{values.Data()}, 0, 0)
		err := guarded("x", func() error {
			new(row).value(array.NewListData(data), 0)
			return nil
		})
		if !errors.Is(err, dataset.Invalid) {
			t.Errorf("a list of %d: %v", end, err)
		}
	}
}
