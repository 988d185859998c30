package arrow

import "encoding/binary"

// table is a table of a flatbuffer: just enough of the format to look into a head
// before the library does. A field that is not there, or lies outside, reads as zero.
type table struct {
	b  []byte
	at int
}

func root(b []byte) table { return table{b, int(at32(b, 0))} }

func at32(b []byte, i int) uint32 {
	if i < 0 || i+4 > len(b) {
		return 0
	}
	return binary.LittleEndian.Uint32(b[i:])
}

// field returns where field n is, or -1.
func (t table) field(n int) int {
	if t.at <= 0 || t.at+4 > len(t.b) {
		return -1
	}
	v := t.at - int(int32(at32(t.b, t.at)))
	slot := v + 4 + 2*n
	if v < 0 || v+2 > len(t.b) || slot+2 > v+int(binary.LittleEndian.Uint16(t.b[v:])) || slot+2 > len(t.b) {
		return -1
	}
	off := int(binary.LittleEndian.Uint16(t.b[slot:]))
	if off == 0 {
		return -1
	}
	return t.at + off
}

func (t table) has(n int) bool { return t.field(n) >= 0 }

func (t table) uint8(n int) uint8 {
	if i := t.field(n); i >= 0 && i < len(t.b) {
		return t.b[i]
	}
	return 0
}

func (t table) int64(n int) int64 {
	if i := t.field(n); i >= 0 && i+8 <= len(t.b) {
		return int64(binary.LittleEndian.Uint64(t.b[i:]))
	}
	return 0
}

func (t table) table(n int) table {
	i := t.field(n)
	if i < 0 {
		return table{}
	}
	return table{t.b, i + int(at32(t.b, i))}
}

// vector returns where the elements of a vector begin and how many there are. ok is
// false if they do not lie in the buffer; a vector that is not there has none.
func (t table) vector(n, size int) (at, count int, ok bool) {
	i := t.field(n)
	if i < 0 {
		return 0, 0, true
	}
	i += int(at32(t.b, i))
	if i < 0 || i+4 > len(t.b) {
		return 0, 0, false
	}
	count = int(at32(t.b, i))
	return i + 4, count, count <= (len(t.b)-i-4)/size
}

// structs returns the elements of a vector of structs of size bytes.
func (t table) structs(n, size int) [][]byte {
	at, count, ok := t.vector(n, size)
	if !ok {
		return nil
	}
	out := make([][]byte, count)
	for k := range out {
		out[k] = t.b[at+k*size : at+(k+1)*size]
	}
	return out
}

// maxFields bounds the fields of a schema, nested ones counted.
const maxFields = 1 << 16

// check sees that the vectors of a message's head, which the library makes room for as
// they say, lie in it. Numbers of fields are those of Message.fbs and Schema.fbs.
func (t table) check(k kind) error {
	const messageMetadata, header = 4, 2
	head := t.table(header)
	ok := fits(t, messageMetadata, 4)
	switch k {
	case kindSchema:
		left := maxFields
		return head.checkFields(1, 2, &left, 0)
	case kindDictionary:
		head = head.table(1)
		fallthrough
	case kindBatch:
		ok = ok && fits(head, 1, 16) && fits(head, 2, 16) && fits(head, 4, 8)
	}
	if !ok {
		return damaged("a vector that is longer than its message")
	}
	return nil
}

func fits(t table, n, size int) bool {
	_, _, ok := t.vector(n, size)
	return ok
}

// checkFields checks a vector of fields and what is below them; metadata is the number
// of the vector of key-value pairs beside it.
func (t table) checkFields(n, metadata int, left *int, depth int) error {
	const typeKind, typeTable, children, fieldMetadata, union = 2, 3, 5, 6, 14
	at, count, ok := t.vector(n, 4)
	if *left -= count; !ok || !fits(t, metadata, 4) || *left < 0 || depth > 64 {
		return damaged("a schema of more fields than it has room for")
	}
	for i := range count {
		at := at + 4*i
		f := table{t.b, at + int(at32(t.b, at))}
		if f.uint8(typeKind) == union && !fits(f.table(typeTable), 1, 4) {
			return damaged("a union of more kinds than it has room for")
		}
		if err := f.checkFields(children, fieldMetadata, left, depth+1); err != nil {
			return err
		}
	}
	return nil
}
