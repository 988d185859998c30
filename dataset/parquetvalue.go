package dataset

import (
	"encoding/binary"
	"math"
	"time"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"
)

// parquetNode is a column of a Parquet schema, or a part of one: a leaf, a struct or
// a list. Levels are those of the Dremel encoding (Melnik and others, VLDB 2010): a
// value is there if its definition level reaches def, else it is null.
type parquetNode struct {
	name     string
	typ      Type
	def      int
	first, n int            // the leaves below
	children []*parquetNode // of a struct
	leaf     func(parquet.Value) any

	elem             *parquetNode // of a list
	elemDef, elemRep int          // it has elements from elemDef on, and another one where the repetition level is elemRep
}

const maxNesting = 32

// parquetSchema builds nodes. It keeps the leaves as the footer describes them, whose
// logical types the library does not all tell.
type parquetSchema struct{ leaves []format.SchemaElement }

func newParquetSchema(m *format.FileMetaData) parquetSchema {
	var s parquetSchema
	for _, e := range m.Schema {
		if e.Type.Valid {
			s.leaves = append(s.leaves, e)
		}
	}
	return s
}

func (s parquetSchema) leaf(c *parquet.Column) (Type, func(parquet.Value) any) {
	if i := int(c.Index()); i < len(s.leaves) {
		if _, ok := s.leaves[i].LogicalType.Value.(*format.Float16Type); ok {
			return Type{Kind: Float32}, func(v parquet.Value) any { return half(v.ByteArray()) }
		}
	}
	return leafType(c.Type())
}

// node builds the node of a column whose parent has the levels def and rep.
func (s parquetSchema) node(c *parquet.Column, def, rep, depth int) (*parquetNode, error) {
	if depth > maxNesting {
		return nil, fail(Limit, "", "column %s nests more than %d deep", c.Name(), maxNesting)
	}
	if c.Repeated() { // a list without an annotation around it
		elem, err := s.bare(c, def+1, rep+1, depth)
		return listOf(c, elem, def, def+1, rep+1), err
	}
	if c.Optional() {
		def++
	}
	r := repeatedChild(c)
	if r == nil {
		return s.bare(c, def, rep, depth)
	}
	var elem *parquetNode
	var err error
	if isWrapper(c, r) {
		elem, err = s.node(r.Columns()[0], def+1, rep+1, depth+1)
	} else {
		elem, err = s.bare(r, def+1, rep+1, depth+1)
	}
	return listOf(c, elem, def, def+1, rep+1), err
}

func listOf(c *parquet.Column, elem *parquetNode, def, elemDef, elemRep int) *parquetNode {
	if elem == nil {
		return nil
	}
	return &parquetNode{name: c.Name(), typ: Type{Kind: List, Elem: &elem.typ}, def: def, first: elem.first, n: elem.n,
		elem: elem, elemDef: elemDef, elemRep: elemRep}
}

// repeatedChild returns the child that holds the elements of a group annotated as a
// list or map, or nil if c is none.
func repeatedChild(c *parquet.Column) *parquet.Column {
	if c.Leaf() || !isListType(c.Type()) || len(c.Columns()) != 1 || !c.Columns()[0].Repeated() {
		return nil
	}
	return c.Columns()[0]
}

// isWrapper reports whether r, the repeated child of list, is only a wrapper of its
// element: the usual three levels, by the rules of Parquet's LogicalTypes.
func isWrapper(list, r *parquet.Column) bool {
	return !r.Leaf() && len(r.Columns()) == 1 && r.Name() != "array" && r.Name() != list.Name()+"_tuple"
}

// bare builds the node of a leaf or struct, whatever its repetition.
func (s parquetSchema) bare(c *parquet.Column, def, rep, depth int) (*parquetNode, error) {
	n := &parquetNode{name: c.Name(), def: def}
	if c.Leaf() {
		n.first, n.n = int(c.Index()), 1
		n.typ, n.leaf = s.leaf(c)
		return n, nil
	}
	n.typ = Type{Kind: Record}
	for _, child := range c.Columns() {
		m, err := s.node(child, def, rep, depth+1)
		if err != nil {
			return nil, err
		}
		n.children = append(n.children, m)
		n.typ.Fields = append(n.typ.Fields, Column{m.name, m.typ})
		n.n += m.n
	}
	if len(n.children) == 0 {
		return nil, fail(Unsupported, "", "column %s is a group of nothing", c.Name())
	}
	n.first = n.children[0].first
	return n, nil
}

func isListType(t parquet.Type) bool {
	l := t.LogicalType()
	if l == nil {
		return false
	}
	switch l.Value.(type) {
	case *format.ListType, *format.MapType:
		return true
	}
	return false
}

// cells is one row: the values of each leaf, in order.
type cells struct {
	row   parquet.Row
	first int
	heads [][]parquet.Value // of the leaves from first on
}

// columnsOf gathers the values of a node's leaves.
func (c *cells) columnsOf(n *parquetNode) {
	c.first = n.first
	c.heads = c.heads[:0]
	for range n.n {
		c.heads = append(c.heads, nil)
	}
	start := 0
	for start < len(c.row) {
		col, end := c.row[start].Column(), start+1
		for end < len(c.row) && c.row[end].Column() == col {
			end++
		}
		if i := col - n.first; i >= 0 && i < n.n {
			c.heads[i] = c.row[start:end]
		}
		start = end
	}
}

// head returns the next value of the node's first leaf.
func (c *cells) head(n *parquetNode) (parquet.Value, bool) {
	h := c.heads[n.first-c.first]
	if len(h) == 0 {
		return parquet.Value{}, false
	}
	return h[0], true
}

// skip drops the next value of each leaf below the node: the marks of a null.
func (c *cells) skip(n *parquetNode) {
	for i := n.first - c.first; i < n.first-c.first+n.n; i++ {
		if len(c.heads[i]) > 0 {
			c.heads[i] = c.heads[i][1:]
		}
	}
}

// value assembles the node's next value.
func (n *parquetNode) value(c *cells) (any, error) {
	v, ok := c.head(n)
	switch {
	case !ok:
		return nil, fail(Truncated, "", "column %s has too few values", n.name)
	case v.DefinitionLevel() < n.def:
		c.skip(n)
		return nil, nil
	case n.elem != nil:
		return n.list(c, v)
	case n.leaf != nil:
		c.skip(n)
		return n.leaf(v), nil
	}
	s := make(Struct, len(n.children))
	for i, m := range n.children {
		v, err := m.value(c)
		if err != nil {
			return nil, err
		}
		s[i] = Field{m.name, v}
	}
	return s, nil
}

func (n *parquetNode) list(c *cells, v parquet.Value) (any, error) {
	list := []any{}
	if v.DefinitionLevel() < n.elemDef {
		c.skip(n)
		return list, nil
	}
	for {
		e, err := n.elem.value(c)
		if err != nil {
			return nil, err
		}
		list = append(list, e)
		if v, ok := c.head(n); !ok || v.RepetitionLevel() < n.elemRep {
			return list, nil
		}
	}
}

// leafType returns the type of a leaf and how to read a value of it.
func leafType(t parquet.Type) (Type, func(parquet.Value) any) {
	var l format.LogicalTypeValue
	if lt := t.LogicalType(); lt != nil {
		l = lt.Value
	}
	switch l := l.(type) {
	case *format.StringType, *format.EnumType:
		return Type{Kind: String}, func(v parquet.Value) any { return string(v.ByteArray()) }
	case *format.JsonType:
		return Type{Kind: Raw}, func(v parquet.Value) any { return JSON(v.ByteArray()) }
	case *format.DateType:
		return Type{Kind: Time}, func(v parquet.Value) any { return time.Unix(int64(v.Int32())*86400, 0).UTC() }
	case *format.TimestampType:
		return Type{Kind: Time}, timestamp(l.Unit)
	case *format.NullType:
		return Type{}, func(parquet.Value) any { return nil }
	case *format.IntType:
		if !l.IsSigned {
			return Type{Kind: Uint64}, unsigned(t.Kind())
		}
	}
	return plainType(t.Kind())
}

func plainType(k parquet.Kind) (Type, func(parquet.Value) any) {
	switch k {
	case parquet.Boolean:
		return Type{Kind: Bool}, func(v parquet.Value) any { return v.Boolean() }
	case parquet.Int32:
		return Type{Kind: Int64}, func(v parquet.Value) any { return int64(v.Int32()) }
	case parquet.Int64:
		return Type{Kind: Int64}, func(v parquet.Value) any { return v.Int64() }
	case parquet.Int96:
		return Type{Kind: Time}, func(v parquet.Value) any { i := v.Int96(); return julian(i[0], i[1], i[2]) }
	case parquet.Float:
		return Type{Kind: Float32}, func(v parquet.Value) any { return v.Float() }
	case parquet.Double:
		return Type{Kind: Float64}, func(v parquet.Value) any { return v.Double() }
	}
	return Type{Kind: Bytes}, func(v parquet.Value) any { return append([]byte{}, v.ByteArray()...) }
}

func unsigned(k parquet.Kind) func(parquet.Value) any {
	if k == parquet.Int32 {
		return func(v parquet.Value) any { return uint64(v.Uint32()) }
	}
	return func(v parquet.Value) any { return v.Uint64() }
}

func timestamp(u format.TimeUnit) func(parquet.Value) any {
	switch u.Value.(type) {
	case *format.MilliSeconds:
		return func(v parquet.Value) any { return time.UnixMilli(v.Int64()).UTC() }
	case *format.MicroSeconds:
		return func(v parquet.Value) any { return time.UnixMicro(v.Int64()).UTC() }
	}
	return func(v parquet.Value) any { return time.Unix(0, v.Int64()).UTC() }
}

// julian reads the deprecated 96-bit time: nanoseconds of a day, and its Julian
// number (2440588 is the first of January 1970).
func julian(low, mid, day uint32) time.Time {
	nanos := int64(uint64(mid)<<32 | uint64(low))
	return time.Unix((int64(day)-2440588)*86400, nanos).UTC()
}

// half reads an IEEE 754 half-precision number.
func half(b []byte) float32 {
	if len(b) != 2 {
		return float32(math.NaN())
	}
	h := binary.LittleEndian.Uint16(b)
	sign, exp, frac := 1.0, int(h>>10&31), float64(h&1023)
	if h>>15 == 1 {
		sign = -1
	}
	switch exp {
	case 0:
		return float32(sign * math.Ldexp(frac, -24))
	case 31:
		if frac != 0 {
			return float32(math.NaN())
		}
		return float32(math.Inf(int(sign)))
	}
	return float32(sign * math.Ldexp(1+frac/1024, exp-15))
}
