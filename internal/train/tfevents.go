package train

import (
	"encoding/binary"
	"hash/crc32"
	"io"
	"math"
)

// Events writes a TensorBoard event file: records of TensorFlow's TFRecord format
// (length, masked CRC-32C, data, masked CRC-32C) that hold Event protocol buffers
// (tensorflow/core/util/event.proto, framework/summary.proto).
type Events struct{ w io.Writer }

// NewEvents writes the file's first record.
func NewEvents(w io.Writer, wall float64) (*Events, error) {
	e := &Events{w}
	return e, e.event(wall, 0, bytesField(nil, 3, []byte("brain.Event:2")))
}

// Scalar adds a number under a tag.
func (e *Events) Scalar(wall float64, step int64, tag string, v float32) error {
	value := bytesField(nil, 1, []byte(tag))
	value = binary.LittleEndian.AppendUint32(field(value, 2, 5), math.Float32bits(v))
	return e.event(wall, step, bytesField(nil, 5, bytesField(nil, 1, value)))
}

// Picture adds a PNG file of width×height RGB pixels under a tag.
func (e *Events) Picture(wall float64, step int64, tag string, width, height int, png []byte) error {
	const rgb = 3
	m := varintField(nil, 1, uint64(height))
	m = varintField(m, 2, uint64(width))
	m = varintField(m, 3, rgb)
	m = bytesField(m, 4, png)
	value := bytesField(bytesField(nil, 1, []byte(tag)), 4, m)
	return e.event(wall, step, bytesField(nil, 5, bytesField(nil, 1, value)))
}

// event writes a record. A step of 0 is left out, as protocol buffers leave out zeros.
func (e *Events) event(wall float64, step int64, what []byte) error {
	b := binary.LittleEndian.AppendUint64(field(nil, 1, 1), math.Float64bits(wall))
	if step != 0 {
		b = varintField(b, 2, uint64(step))
	}
	b = append(b, what...)
	r := binary.LittleEndian.AppendUint64(nil, uint64(len(b)))
	r = binary.LittleEndian.AppendUint32(r, masked(r))
	r = append(r, b...)
	_, err := e.w.Write(binary.LittleEndian.AppendUint32(r, masked(b)))
	return err
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// masked is TFRecord's checksum: of data that hold checksums themselves.
func masked(b []byte) uint32 {
	c := crc32.Checksum(b, castagnoli)
	return (c>>15 | c<<17) + 0xa282ead8
}

func field(b []byte, number, kind uint64) []byte { return binary.AppendUvarint(b, number<<3|kind) }

func varintField(b []byte, number, v uint64) []byte {
	return binary.AppendUvarint(field(b, number, 0), v)
}

func bytesField(b []byte, number uint64, v []byte) []byte {
	return append(binary.AppendUvarint(field(b, number, 2), uint64(len(v))), v...)
}
