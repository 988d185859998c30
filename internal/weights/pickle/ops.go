package pickle

import (
	"encoding/binary"
	"math"
	"math/big"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/easel-go/easel/internal/fault"
)

// do executes one opcode other than STOP.
func (m *machine) do(op byte) error {
	if f := control[op]; f != nil {
		return f(m)
	}
	if f := literals[op]; f != nil {
		v, err := f(m)
		if err == nil {
			err = m.Charge(valueCost)
		}
		if err != nil {
			return err
		}
		return m.push(v)
	}
	return fault.Newf(fault.Unsupported, "pickle", "opcode %#02x is none that is known", op)
}

// literals are the opcodes that push one new value.
var literals [256]func(*machine) (any, error)

// control are all others.
var control [256]func(*machine) error

func init() {
	value := func(v any) func(*machine) (any, error) {
		return func(*machine) (any, error) { return v, nil }
	}
	empty := func(make func() any) func(*machine) (any, error) {
		return func(m *machine) (any, error) { return make(), m.Charge(containerCost) }
	}
	literals['('] = value(mark{})
	literals['N'] = value(nil)
	literals[0x88] = value(true)
	literals[0x89] = value(false)
	literals[']'] = empty(func() any { return &List{} })
	literals[')'] = empty(func() any { return &Tuple{} })
	literals['}'] = empty(func() any { return &Dict{} })
	literals[0x8f] = literals[']'] // set()
	numbers()
	texts()
	containers()
	objects()
}

func numbers() {
	small := func(bytes int) func(*machine) (any, error) {
		return func(m *machine) (any, error) {
			n, err := m.uint(bytes)
			return int64(n), err
		}
	}
	long := func(bytes int) func(*machine) (any, error) {
		return func(m *machine) (any, error) {
			b, err := m.counted(bytes)
			if err == nil {
				err = m.Charge(4 * int64(len(b)))
			}
			return integer(b), err
		}
	}
	literals['K'] = small(1)
	literals['M'] = small(2)
	literals['J'] = func(m *machine) (any, error) {
		n, err := m.uint(4)
		return int64(int32(n)), err
	}
	literals[0x8a] = long(1)
	literals[0x8b] = long(4)
	literals['G'] = func(m *machine) (any, error) {
		b, err := m.take(8)
		if err != nil {
			return nil, err
		}
		return math.Float64frombits(binary.BigEndian.Uint64(b)), nil
	}
	literals['I'] = func(m *machine) (any, error) {
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
	literals['L'] = func(m *machine) (any, error) {
		s, err := m.line()
		if err != nil {
			return nil, err
		}
		return decimal(strings.TrimSuffix(s, "L"))
	}
	literals['F'] = func(m *machine) (any, error) {
		s, err := m.line()
		if err != nil {
			return nil, err
		}
		f, err := strconv.ParseFloat(s, 64)
		if err != nil && !math.IsInf(f, 0) {
			return nil, invalid("%q is no number", s)
		}
		return f, nil
	}
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

func texts() {
	text := func(bytes int) func(*machine) (any, error) {
		return func(m *machine) (any, error) {
			b, err := m.counted(bytes)
			if err != nil {
				return nil, err
			}
			return m.text(b)
		}
	}
	raw := func(bytes int, convert func([]byte) any) func(*machine) (any, error) {
		return func(m *machine) (any, error) {
			b, err := m.counted(bytes)
			if err == nil {
				err = m.Charge(int64(len(b)))
			}
			if err != nil {
				return nil, err
			}
			return convert(b), nil
		}
	}
	bytes := func(b []byte) any { return append([]byte(nil), b...) }
	literals['X'] = text(4)
	literals[0x8c] = text(1)
	literals[0x8d] = text(8)
	literals['B'] = raw(4, bytes)
	literals['C'] = raw(1, bytes)
	literals[0x8e] = raw(8, bytes)
	literals[0x96] = raw(8, bytes) // bytearray
	literals['T'] = raw(4, python2)
	literals['U'] = raw(1, python2)
	literals['S'] = func(m *machine) (any, error) {
		s, err := m.line()
		if err != nil {
			return nil, err
		}
		return quoted(s)
	}
	literals['V'] = func(m *machine) (any, error) {
		s, err := m.line()
		if err != nil {
			return nil, err
		}
		return rawUnicode(s)
	}
}

func (m *machine) text(b []byte) (any, error) {
	if !utf8.Valid(b) {
		return nil, invalid("text that is not UTF-8")
	}
	if err := m.Charge(int64(len(b))); err != nil {
		return nil, err
	}
	return string(b), nil
}

// python2 is a string of Python 2, which may be text or bytes.
func python2(b []byte) any {
	if utf8.Valid(b) {
		return string(b)
	}
	return append([]byte(nil), b...)
}

// quoted reads the repr of a string of Python 2.
func quoted(s string) (any, error) {
	if len(s) < 2 || s[0] != s[len(s)-1] || s[0] != '\'' && s[0] != '"' {
		return nil, invalid("a string without quotes")
	}
	s = s[1 : len(s)-1]
	var b []byte
	for len(s) > 0 {
		if strings.HasPrefix(s, `\'`) || strings.HasPrefix(s, `\"`) {
			b, s = append(b, s[1]), s[2:]
			continue
		}
		c, wide, tail, err := strconv.UnquoteChar(s, 0)
		if err != nil {
			return nil, invalid("a bad escape in a string")
		}
		if wide {
			b = utf8.AppendRune(b, c)
		} else {
			b = append(b, byte(c))
		}
		s = tail
	}
	return python2(b), nil
}

// rawUnicode reads Latin-1 text in which \uXXXX and \UXXXXXXXX are escapes.
func rawUnicode(s string) (any, error) {
	var b []byte
	for i := 0; i < len(s); {
		n := 0
		if s[i] == '\\' && i+1 < len(s) {
			n = map[byte]int{'u': 4, 'U': 8}[s[i+1]]
		}
		if n == 0 {
			b = utf8.AppendRune(b, rune(s[i]))
			i++
			continue
		}
		if i+2+n > len(s) {
			return nil, invalid("a bad escape in text")
		}
		r, err := strconv.ParseUint(s[i+2:i+2+n], 16, 32)
		if err != nil || !utf8.ValidRune(rune(r)) {
			return nil, invalid("a bad escape in text")
		}
		b = utf8.AppendRune(b, rune(r))
		i += 2 + n
	}
	return string(b), nil
}
