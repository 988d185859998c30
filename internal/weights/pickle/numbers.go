package pickle

import (
	"encoding/binary"
	"math"
	"math/big"
	"strconv"
	"strings"
)

// fixed reads an unsigned number of so many bytes.
func fixed(bytes int) func(*machine) (any, error) {
	return func(m *machine) (any, error) {
		n, err := m.uint(bytes)
		return int64(n), err
	}
}

func (m *machine) int32() (any, error) {
	n, err := m.uint(4)
	return int64(int32(n)), err
}

// long reads a number in as many bytes as the count before it says.
func long(bytes int) func(*machine) (any, error) {
	return func(m *machine) (any, error) {
		b, err := m.counted(bytes)
		if err == nil {
			err = m.Charge(4 * int64(len(b)))
		}
		return integer(b), err
	}
}

func (m *machine) float() (any, error) {
	b, err := m.take(8)
	if err != nil {
		return nil, err
	}
	return math.Float64frombits(binary.BigEndian.Uint64(b)), nil
}

func (m *machine) intText() (any, error) {
	s, err := m.line()
	switch {
	case err != nil:
		return nil, err
	case s == "00":
		return false, nil
	case s == "01":
		return true, nil
	}
	return decimal(s)
}

func (m *machine) longText() (any, error) {
	s, err := m.line()
	if err != nil {
		return nil, err
	}
	return decimal(strings.TrimSuffix(s, "L"))
}

func (m *machine) floatText() (any, error) {
	s, err := m.line()
	if err != nil {
		return nil, err
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil && !math.IsInf(f, 0) {
		return nil, invalid("%.20q is no number", s)
	}
	return f, nil
}

// integer reads a two's complement number, little endian.
func integer(b []byte) any {
	if len(b) > 8 {
		return bigInteger(b)
	}
	n := uint64(0)
	for i := range b {
		n |= uint64(b[i]) << (8 * i)
	}
	if shift := 64 - 8*len(b); len(b) > 0 {
		return int64(n<<shift) >> shift
	}
	return int64(0)
}

func bigInteger(b []byte) any {
	be := make([]byte, len(b))
	for i := range b {
		be[len(b)-1-i] = b[i]
	}
	n := new(big.Int).SetBytes(be)
	if be[0] >= 0x80 {
		n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(8*len(b))))
	}
	if n.IsInt64() {
		return n.Int64()
	}
	return n
}

// decimal reads a number as text. Parsing takes time quadratic in its length, which
// is bounded for that reason.
func decimal(s string) (any, error) {
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return n, nil
	}
	if len(s) <= 4300 { // Python's own limit
		if n, ok := new(big.Int).SetString(s, 10); ok {
			return n, nil
		}
	}
	return nil, invalid("%.20q is no number", s)
}
