package beam

import (
	"bytes"
	"testing"

	"github.com/easel-go/easel/dataset"
)

func TestCodec(t *testing.T) {
	v := dataset.Struct{{Name: "a", Value: nil}, {Name: "b", Value: []any{true, false, int64(-3), uint64(1 << 63), 1.5, "x", []byte{0}, dataset.JSON("[]"), dataset.Image{Path: "a/b.png", Member: "c", Data: []byte{}}, dataset.Image{Path: "a"}}}, {Name: "c", Value: dataset.Struct{{Name: "d", Value: float32(2)}}}}
	have, rest, err := decode(encode(nil, v))
	if err != nil || len(rest) > 0 || !bytes.Equal(dataset.AppendJSON(nil, have), dataset.AppendJSON(nil, v)) {
		t.Errorf("%v, %v left, %v", have, rest, err)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(encode(nil, dataset.Struct{{Name: "a", Value: []any{"x", int64(1)}}}))
	f.Fuzz(func(t *testing.T, b []byte) { decode(b) })
}
