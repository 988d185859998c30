package pickle

import (
	"encoding/binary"
	"math"
	"math/big"
	"math/bits"
	"unicode/utf8"

	"github.com/easel-go/easel/internal/fault"
)

// Write returns v as a pickle of protocol 2. Besides the values that reading gives,
// it takes int and float32, [Call] and [Persistent]; []byte and Object it does not.
// Unsupported is the error for anything else.
func Write(v any) ([]byte, error) {
	w := &writer{out: []byte{0x80, 2}}
	if err := w.value(v, 0); err != nil {
		return nil, err
	}
	return append(w.out, '.'), nil
}

type writer struct{ out []byte }

func (w *writer) value(v any, depth int) error {
	if depth > maxDepth {
		return fault.Newf(fault.Limit, "pickle", "values more than %d deep to write", maxDepth)
	}
	switch v := v.(type) {
	case nil:
		w.out = append(w.out, 'N')
	case bool:
		w.out = append(w.out, map[bool]byte{true: 0x88, false: 0x89}[v])
	case int:
		w.integer(int64(v))
	case int64:
		w.integer(v)
	case *big.Int:
		return w.big(v)
	case float32:
		w.float(float64(v))
	case float64:
		w.float(v)
	case string:
		return w.text(v)
	case Class:
		w.class(v)
	case *Tuple:
		return w.tuple(v.Items, depth)
	case *List:
		return w.list(v.Items, depth)
	case *Dict:
		return w.dict(v, depth)
	case Call:
		w.class(v.Func)
		if err := w.tuple(v.Args, depth); err != nil {
			return err
		}
		w.out = append(w.out, 'R')
	case Persistent:
		if err := w.value(v.ID, depth+1); err != nil {
			return err
		}
		w.out = append(w.out, 'Q')
	default:
		return fault.Newf(fault.Unsupported, "pickle", "a %T to write", v)
	}
	return nil
}

// integer writes 32 bits as BININT, more as LONG1.
func (w *writer) integer(n int64) {
	if int64(int32(n)) == n {
		w.out = binary.LittleEndian.AppendUint32(append(w.out, 'J'), uint32(n))
		return
	}
	w.out = binary.LittleEndian.AppendUint64(append(w.out, 0x8a, 8), uint64(n))
}

func (w *writer) big(n *big.Int) error {
	size := n.BitLen()/8 + 1
	if size > 255 {
		return fault.Newf(fault.Limit, "pickle", "a number of %d bits to write", n.BitLen())
	}
	twos := new(big.Int).Set(n)
	if n.Sign() < 0 {
		twos.Add(twos, new(big.Int).Lsh(big.NewInt(1), uint(8*size)))
	}
	be := twos.FillBytes(make([]byte, size))
	w.out = append(w.out, 0x8a, byte(size))
	for i := range be {
		w.out = append(w.out, be[size-1-i])
	}
	return nil
}

func (w *writer) float(f float64) {
	w.out = binary.BigEndian.AppendUint64(append(w.out, 'G'), math.Float64bits(f))
}

func (w *writer) text(s string) error {
	if bits.Len(uint(len(s))) > 31 {
		return fault.Newf(fault.Limit, "pickle", "a text of %d bytes to write", len(s))
	}
	if !utf8.ValidString(s) {
		return fault.Newf(fault.Invalid, "pickle", "text %.20q, want UTF-8", s)
	}
	w.out = binary.LittleEndian.AppendUint32(append(w.out, 'X'), uint32(len(s)))
	w.out = append(w.out, s...)
	return nil
}

func (w *writer) class(c Class) {
	w.out = append(w.out, 'c')
	w.out = append(w.out, c.Module+"\n"+c.Name+"\n"...)
}

func (w *writer) tuple(items []any, depth int) error {
	if len(items) == 0 {
		w.out = append(w.out, ')')
		return nil
	}
	return w.marked(items, 't', depth)
}

func (w *writer) list(items []any, depth int) error {
	w.out = append(w.out, ']')
	if len(items) == 0 {
		return nil
	}
	return w.marked(items, 'e', depth)
}

func (w *writer) dict(d *Dict, depth int) error {
	if len(d.Keys) != len(d.Values) {
		return fault.Newf(fault.Invalid, "pickle", "a dict of %d keys and %d values", len(d.Keys), len(d.Values))
	}
	w.out = append(w.out, '}')
	if len(d.Keys) == 0 {
		return nil
	}
	items := make([]any, 0, 2*len(d.Keys))
	for i := range d.Keys {
		items = append(items, d.Keys[i], d.Values[i])
	}
	return w.marked(items, 'u', depth)
}

// marked writes a mark, items, and the opcode that takes them.
func (w *writer) marked(items []any, op byte, depth int) error {
	w.out = append(w.out, '(')
	for _, v := range items {
		if err := w.value(v, depth+1); err != nil {
			return err
		}
	}
	w.out = append(w.out, op)
	return nil
}
