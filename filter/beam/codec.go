package beam

import (
	"encoding/binary"
	"errors"
	"math"
	"path/filepath"
	"time"

	"github.com/easel-go/easel/dataset"
)

// The codec carries samples between workers without losing the types of their values: a
// tag, then the value, lengths as varints.
const (
	tagNil = iota
	tagFalse
	tagTrue
	tagInt
	tagUint
	tagFloat32
	tagFloat64
	tagText
	tagBytes
	tagTime
	tagList
	tagStruct
	tagJSON
	tagImage
)

var errCodec = errors.New("beam: damaged element")

func encode(b []byte, v any) []byte {
	switch v := v.(type) {
	case bool:
		if v {
			return append(b, tagTrue)
		}
		return append(b, tagFalse)
	case int64:
		return binary.AppendVarint(append(b, tagInt), v)
	case uint64:
		return binary.AppendUvarint(append(b, tagUint), v)
	case float32:
		return binary.LittleEndian.AppendUint32(append(b, tagFloat32), math.Float32bits(v))
	case float64:
		return binary.LittleEndian.AppendUint64(append(b, tagFloat64), math.Float64bits(v))
	case string:
		return text(append(b, tagText), v)
	case []byte:
		return text(append(b, tagBytes), string(v))
	case dataset.JSON:
		return text(append(b, tagJSON), string(v))
	case time.Time:
		t, _ := v.MarshalBinary()
		return text(append(b, tagTime), string(t))
	case dataset.Image:
		return encodeImage(append(b, tagImage), v)
	case []any:
		b = binary.AppendUvarint(append(b, tagList), uint64(len(v)))
		for _, e := range v {
			b = encode(b, e)
		}
		return b
	case dataset.Struct:
		b = binary.AppendUvarint(append(b, tagStruct), uint64(len(v)))
		for _, f := range v {
			b = encode(text(b, f.Name), f.Value)
		}
		return b
	}
	return append(b, tagNil)
}

// encodeImage takes the picture itself along where another worker could not find it by
// its path: it lies in an archive, or beside the data.
func encodeImage(b []byte, m dataset.Image) []byte {
	if m.Data == nil && m.Path != "" && m.File() != filepath.FromSlash(m.Path) {
		m.Data, _ = m.Bytes() // a picture that is not there is found missing by the op that wants it
	}
	b = text(text(b, m.Path), m.Member)
	if m.Data == nil {
		return append(b, tagFalse)
	}
	return text(append(b, tagTrue), string(m.Data))
}

func text(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// decode returns the value at the beginning of b, and what follows it.
func decode(b []byte) (v any, rest []byte, err error) {
	if len(b) == 0 {
		return nil, nil, errCodec
	}
	tag, b := b[0], b[1:]
	switch tag {
	case tagNil:
		return nil, b, nil
	case tagFalse, tagTrue:
		return tag == tagTrue, b, nil
	case tagInt:
		n, size := binary.Varint(b)
		if size <= 0 {
			return nil, nil, errCodec
		}
		return n, b[size:], nil
	case tagUint:
		n, size := binary.Uvarint(b)
		if size <= 0 {
			return nil, nil, errCodec
		}
		return n, b[size:], nil
	case tagFloat32:
		if len(b) < 4 {
			return nil, nil, errCodec
		}
		return math.Float32frombits(binary.LittleEndian.Uint32(b)), b[4:], nil
	case tagFloat64:
		if len(b) < 8 {
			return nil, nil, errCodec
		}
		return math.Float64frombits(binary.LittleEndian.Uint64(b)), b[8:], nil
	case tagList, tagStruct:
		return decodeMany(tag, b)
	case tagImage:
		return decodeImage(b)
	}
	s, b, err := untext(b)
	if err != nil {
		return nil, nil, err
	}
	switch tag {
	case tagText:
		return s, b, nil
	case tagBytes:
		return []byte(s), b, nil
	case tagJSON:
		return dataset.JSON(s), b, nil
	case tagTime:
		var t time.Time
		err := t.UnmarshalBinary([]byte(s))
		return t, b, err
	}
	return nil, nil, errCodec
}

func untext(b []byte) (string, []byte, error) {
	n, size := binary.Uvarint(b)
	if size <= 0 || n > uint64(len(b)-size) {
		return "", nil, errCodec
	}
	b = b[size:]
	return string(b[:n]), b[n:], nil
}

func decodeMany(tag byte, b []byte) (any, []byte, error) {
	n, size := binary.Uvarint(b)
	if size <= 0 || n > uint64(len(b)) {
		return nil, nil, errCodec
	}
	b = b[size:]
	list, fields := []any{}, dataset.Struct{}
	for range n {
		var name string
		var v any
		var err error
		if tag == tagStruct {
			if name, b, err = untext(b); err != nil {
				return nil, nil, err
			}
		}
		if v, b, err = decode(b); err != nil {
			return nil, nil, err
		}
		list, fields = append(list, v), append(fields, dataset.Field{Name: name, Value: v})
	}
	if tag == tagList {
		return list, b, nil
	}
	return fields, b, nil
}

func decodeImage(b []byte) (any, []byte, error) {
	var m dataset.Image
	var err error
	for _, to := range []*string{&m.Path, &m.Member} {
		if *to, b, err = untext(b); err != nil {
			return nil, nil, err
		}
	}
	if len(b) == 0 || b[0] != tagFalse && b[0] != tagTrue {
		return nil, nil, errCodec
	}
	if tag := b[0]; tag == tagFalse {
		return m, b[1:], nil
	}
	data, b, err := untext(b[1:])
	m.Data = append([]byte{}, data...)
	return m, b, err
}
