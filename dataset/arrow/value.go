package arrow

import (
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/easel-go/easel/dataset"
)

// typeOf returns the column type of an Arrow type.
func typeOf(t arrow.DataType) dataset.Type {
	switch t := t.(type) {
	case *arrow.NullType:
		return dataset.Type{}
	case *arrow.BooleanType:
		return dataset.Type{Kind: dataset.Bool}
	case *arrow.Int8Type, *arrow.Int16Type, *arrow.Int32Type, *arrow.Int64Type, *arrow.Time32Type, *arrow.Time64Type, *arrow.DurationType:
		return dataset.Type{Kind: dataset.Int64}
	case *arrow.Uint8Type, *arrow.Uint16Type, *arrow.Uint32Type, *arrow.Uint64Type:
		return dataset.Type{Kind: dataset.Uint64}
	case *arrow.Float16Type, *arrow.Float32Type:
		return dataset.Type{Kind: dataset.Float32}
	case *arrow.Float64Type:
		return dataset.Type{Kind: dataset.Float64}
	case *arrow.BinaryType, *arrow.LargeBinaryType, *arrow.BinaryViewType, *arrow.FixedSizeBinaryType:
		return dataset.Type{Kind: dataset.Bytes}
	case *arrow.Date32Type, *arrow.Date64Type, *arrow.TimestampType:
		return dataset.Type{Kind: dataset.Time}
	case *arrow.DictionaryType:
		return typeOf(t.ValueType)
	case arrow.ExtensionType:
		if t.ExtensionName() == "arrow.json" {
			return dataset.Type{Kind: dataset.Raw}
		}
		return typeOf(t.StorageType())
	case *arrow.StructType:
		s := dataset.Type{Kind: dataset.Record}
		for _, f := range t.Fields() {
			s.Fields = append(s.Fields, dataset.Column{Name: f.Name, Type: typeOf(f.Type)})
		}
		return s
	case arrow.ListLikeType:
		elem := typeOf(t.Elem())
		return dataset.Type{Kind: dataset.List, Elem: &elem}
	}
	return dataset.Type{Kind: dataset.String} // strings, and what is spelled out: decimals, intervals
}

// row assembles the values of one row. It counts the elements of lists: damaged offsets
// can make few bytes look like any number of them.
type row struct{ elements int64 }

// maxElements bounds the elements of all lists in a row.
const maxElements = 1 << 26

// value returns value i of an array, copied out of its buffers. It panics, as the
// library does, where the array is damaged.
func (r *row) value(a arrow.Array, i int) any {
	if a.IsNull(i) {
		return nil
	}
	switch a := a.(type) {
	case *array.Null:
		return nil
	case *array.Boolean:
		return a.Value(i)
	case *array.Float16:
		return a.Value(i).Float32()
	case *array.Float32:
		return a.Value(i)
	case *array.Float64:
		return a.Value(i)
	case *array.Dictionary:
		return r.value(a.Dictionary(), a.GetValueIndex(i))
	case *array.Struct:
		return r.record(a, i)
	case *array.Timestamp:
		return timestamp(int64(a.Value(i)), a.DataType().(*arrow.TimestampType))
	case *array.Date32:
		return a.Value(i).ToTime().UTC()
	case *array.Date64:
		return a.Value(i).ToTime().UTC()
	case array.ExtensionArray:
		return r.value(a.Storage(), i)
	case array.ListLike:
		return r.list(a, i)
	}
	if v, ok := integer(a, i); ok {
		return v
	}
	return text(a, i)
}

func (r *row) list(a array.ListLike, i int) any {
	from, to := a.ValueOffsets(i)
	if from < 0 || to < from || to > int64(a.ListValues().Len()) {
		panic(damaged("a list from %d to %d of %d values", from, to, a.ListValues().Len()))
	}
	if r.elements += to - from; r.elements > maxElements {
		panic(dataset.Fail(dataset.Limit, "arrow", "a row of more than %d values in lists", maxElements))
	}
	list := make([]any, 0, to-from)
	for k := from; k < to; k++ {
		list = append(list, r.value(a.ListValues(), int(k)))
	}
	return list
}

func (r *row) record(a *array.Struct, i int) any {
	t := a.DataType().(*arrow.StructType)
	s := make(dataset.Struct, a.NumField())
	for k := range s {
		s[k] = dataset.Field{Name: t.Field(k).Name, Value: r.value(a.Field(k), i)}
	}
	return s
}

func integer(a arrow.Array, i int) (any, bool) {
	switch a := a.(type) {
	case *array.Int8:
		return int64(a.Value(i)), true
	case *array.Int16:
		return int64(a.Value(i)), true
	case *array.Int32:
		return int64(a.Value(i)), true
	case *array.Int64:
		return a.Value(i), true
	case *array.Uint8:
		return uint64(a.Value(i)), true
	case *array.Uint16:
		return uint64(a.Value(i)), true
	case *array.Uint32:
		return uint64(a.Value(i)), true
	case *array.Uint64:
		return a.Value(i), true
	case *array.Time32:
		return int64(a.Value(i)), true
	case *array.Time64:
		return int64(a.Value(i)), true
	case *array.Duration:
		return int64(a.Value(i)), true
	}
	return nil, false
}

func text(a arrow.Array, i int) any {
	switch a := a.(type) {
	case *array.String:
		return string([]byte(a.Value(i)))
	case *array.LargeString:
		return string([]byte(a.Value(i)))
	case *array.StringView:
		return string([]byte(a.Value(i)))
	case *array.Binary:
		return append([]byte{}, a.Value(i)...)
	case *array.LargeBinary:
		return append([]byte{}, a.Value(i)...)
	case *array.BinaryView:
		return append([]byte{}, a.Value(i)...)
	case *array.FixedSizeBinary:
		return append([]byte{}, a.Value(i)...)
	}
	return a.ValueStr(i)
}

func timestamp(v int64, t *arrow.TimestampType) time.Time {
	switch t.Unit {
	case arrow.Second:
		return time.Unix(v, 0).UTC()
	case arrow.Millisecond:
		return time.UnixMilli(v).UTC()
	case arrow.Microsecond:
		return time.UnixMicro(v).UTC()
	}
	return time.Unix(0, v).UTC()
}
