package spm

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/easel-go/easel/internal/fault"
)

// Wire types of protocol buffers.
const (
	wireVarint = 0
	wireI64    = 1
	wireBytes  = 2
	wireI32    = 5
)

// field is a field of a message: a number, or bytes.
type field struct {
	number, wire int
	value        uint64
	bytes        []byte
}

// fields calls f for each field of a message, in order. The bytes are part of b.
func fields(b []byte, f func(field) error) error {
	for len(b) > 0 {
		key, n := binary.Uvarint(b)
		if n <= 0 || key>>3 == 0 || key>>3 > 1<<29-1 {
			return malformed(n, "key of a field")
		}
		b = b[n:]
		x := field{number: int(key >> 3), wire: int(key & 7)}
		if n, err := x.read(b); err != nil {
			return err
		} else {
			b = b[n:]
		}
		if err := f(x); err != nil {
			return err
		}
	}
	return nil
}

// read reads the field's contents from the head of b and returns their length.
func (x *field) read(b []byte) (int, error) {
	size := 0
	switch x.wire {
	case wireVarint:
		v, n := binary.Uvarint(b)
		if n <= 0 {
			return 0, malformed(n, "number")
		}
		x.value = v
		return n, nil
	case wireI64:
		size = 8
	case wireI32:
		size = 4
	case wireBytes:
		v, n := binary.Uvarint(b)
		if n <= 0 {
			return 0, malformed(n, "length")
		}
		if v > uint64(len(b)-n) {
			return 0, truncated(fmt.Sprintf("field %d of %d bytes", x.number, v), len(b)-n)
		}
		x.bytes = b[n : n+int(v)]
		return n + int(v), nil
	default:
		return 0, invalid("field "+fmt.Sprint(x.number), fmt.Sprintf("of wire type %d", x.wire), "0, 1, 2 or 5")
	}
	if len(b) < size {
		return 0, truncated(fmt.Sprintf("number of %d bytes", size), len(b))
	}
	if size == 4 {
		x.value = uint64(binary.LittleEndian.Uint32(b))
	} else {
		x.value = binary.LittleEndian.Uint64(b)
	}
	return size, nil
}

// text returns a string field.
func (x field) text() string { return string(x.bytes) }

// flag returns a bool field.
func (x field) flag() bool { return x.value != 0 }

// float returns a float field.
func (x field) float() float32 { return math.Float32frombits(uint32(x.value)) }

// malformed says what is wrong with a varint: n is what binary.Uvarint returned.
func malformed(n int, what string) error {
	if n == 0 {
		return truncated(what, 0)
	}
	return invalid(what, "out of range", "a number of protocol buffers")
}

func truncated(what string, left int) error {
	return &fault.Error{Kind: fault.Truncated, Op: "tokenizer", Where: modelFile, What: what, Have: fmt.Sprintf("with %d bytes left", left), Want: "all of it"}
}

func invalid(what, have, want string) error {
	return &fault.Error{Kind: fault.Invalid, Op: "tokenizer", Where: modelFile, What: what, Have: have, Want: want}
}
