package dataset

import (
	"errors"
	"reflect"
	"slices"
	"time"

	"github.com/parquet-go/parquet-go"
)

const (
	groupBytes = 16 << 20 // of a row group, before compression
	groupRows  = 1000
	pageBytes  = 1 << 20
)

// CreateParquet writes a Parquet file of the given columns, such as
// [Dataset.Columns] gives them, compressed by Snappy. Pictures are written inside, as
// structs of their bytes and name; the metadata says so in the way of the datasets
// library. A sample's other columns are left out; those that it lacks are null.
func CreateParquet(path string, columns []Column, opts ...WriteOption) (*Writer, error) {
	if _, err := newWriteOptions(opts); err != nil {
		return nil, err
	}
	if len(columns) == 0 {
		return nil, fail(Invalid, path, "a Parquet file without columns")
	}
	p, err := createPartial(path, nil)
	if err != nil {
		return nil, err
	}
	s := &parquetSink{partialFile: p, columns: columns}
	err = guarded(path, func() error { return s.begin() })
	if err != nil {
		p.abort()
		return nil, err
	}
	return &Writer{sink: s}, nil
}

type parquetSink struct {
	*partialFile
	columns []Column
	nodes   []*parquetOut
	w       *parquet.GenericWriter[any]
	leaves  int
	rows    int
	bytes   int
}

func (s *parquetSink) begin() error {
	root := orderedGroup{Group: parquet.Group{}}
	for _, c := range s.columns {
		n, err := s.node(c.Type)
		if err != nil {
			return err
		}
		s.nodes = append(s.nodes, n)
		root.add(c.Name, n.schema)
	}
	opts := []parquet.WriterOption{parquet.NewSchema("schema", root), parquet.Compression(&parquet.Snappy), parquet.PageBufferSize(pageBytes),
		parquet.DataPageStatistics(false), parquet.KeyValueMetadata("huggingface", featuresOf(s.columns))}
	for _, c := range s.columns { // the library keeps the least and the greatest value of every page: no pictures, please
		for _, path := range bytesPaths(c.Type, []string{c.Name}) {
			opts = append(opts, parquet.SkipPageBounds(path...))
		}
	}
	s.w = parquet.NewGenericWriter[any](s.partialFile, opts...)
	return nil
}

// bytesPaths returns where in a column of the type bytes and long texts may lie.
func bytesPaths(t Type, at []string) (paths [][]string) {
	below := func(names ...string) []string { return append(slices.Clone(at), names...) }
	switch t.Kind {
	case Bytes, String, Raw:
		return [][]string{at}
	case Picture:
		return [][]string{below("bytes")}
	case List:
		return bytesPaths(*t.Elem, below("list", "element"))
	case Record:
		for _, f := range t.Fields {
			paths = append(paths, bytesPaths(f.Type, below(f.Name))...)
		}
	}
	return paths
}

func (s *parquetSink) write(_ int, smp *Sample) error {
	cells := make([][]parquet.Value, s.leaves)
	for i, c := range s.columns {
		v, _ := smp.Get(c.Name)
		if err := s.nodes[i].put(cells, s.prepare(smp, v, c.Type), 0, 0); err != nil {
			return failed(Invalid, smp.ID+": column "+c.Name, err)
		}
	}
	var row parquet.Row
	size := 0
	for _, vs := range cells {
		for _, v := range vs {
			if k := v.Kind(); k == parquet.ByteArray {
				size += len(v.ByteArray())
			}
		}
		size += 8 * len(vs)
		row = append(row, vs...)
	}
	return guarded(smp.ID, func() error { return s.put(row, size) })
}

// put writes a row, and ends the row group where it gets large.
func (s *parquetSink) put(row parquet.Row, size int) error {
	if s.rows > 0 && (s.rows >= groupRows || s.bytes+size > groupBytes) {
		if err := s.w.Flush(); err != nil {
			return err
		}
		s.rows, s.bytes = 0, 0
	}
	_, err := s.w.WriteRows([]parquet.Row{row})
	s.rows++
	s.bytes += size
	return err
}

// prepare makes structs of pictures, and text of JSON.
func (s *parquetSink) prepare(smp *Sample, v any, t Type) any {
	switch v := v.(type) {
	case Image:
		if v.from == nil && v.Data == nil {
			v.from = smp.files
		}
		return v
	case string:
		if t.Kind == Picture {
			return Image{Path: v, from: smp.files}
		}
	case []any:
		if t.Kind == List {
			out := make([]any, len(v))
			for i, e := range v {
				out[i] = s.prepare(smp, e, *t.Elem)
			}
			return out
		}
	}
	return v
}

func (s *parquetSink) commit() error {
	if err := guarded(s.name, s.w.Close); err != nil {
		s.partialFile.abort()
		return err
	}
	return s.partialFile.commit()
}

// orderedGroup is a group whose fields stand in the order given.
type orderedGroup struct {
	parquet.Group
	fields []parquet.Field
}

func (g *orderedGroup) add(name string, n parquet.Node) {
	g.Group[name] = n
	g.fields = append(g.fields, namedNode{n, name})
}

// Fields returns the fields in order.
func (g orderedGroup) Fields() []parquet.Field { return g.fields }

type namedNode struct {
	parquet.Node
	name string
}

// Name returns the field's name.
func (n namedNode) Name() string { return n.name }

// Value is part of parquet.Field; rows are given as values, so nobody asks.
func (n namedNode) Value(reflect.Value) reflect.Value { return reflect.Value{} }

// parquetOut writes the values of a type: every level of it is optional.
type parquetOut struct {
	schema   parquet.Node
	first, n int // its leaves
	leaf     func(any) (parquet.Value, error)
	elem     *parquetOut
	names    []string
	children []*parquetOut
	picture  bool
	rep      int // of a list's elements
}

func (s *parquetSink) node(t Type) (*parquetOut, error) { return s.build(t, 0) }

func (s *parquetSink) build(t Type, rep int) (*parquetOut, error) {
	n := &parquetOut{first: s.leaves}
	defer func() { n.n = s.leaves - n.first }()
	switch t.Kind {
	case List:
		elem, err := s.build(*t.Elem, rep+1)
		if err != nil {
			return nil, err
		}
		n.elem, n.rep = elem, rep+1
		n.schema = parquet.Optional(parquet.List(elem.schema))
		return n, nil
	case Picture:
		t = Type{Kind: Record, Fields: []Column{{"bytes", Type{Kind: Bytes}}, {"path", Type{Kind: String}}}}
		n.picture = true
	}
	if t.Kind != Record {
		leaf, put := outLeaf(t.Kind)
		if t.Kind == Bytes { // pictures mostly, which do not get smaller
			leaf = parquet.Compressed(leaf, &parquet.Uncompressed)
		}
		n.schema, n.leaf = parquet.Optional(leaf), put
		s.leaves++
		return n, nil
	}
	if len(t.Fields) == 0 {
		return nil, fail(Unsupported, "", "Parquet has no structs without fields")
	}
	g := orderedGroup{Group: parquet.Group{}}
	for _, f := range t.Fields {
		m, err := s.build(f.Type, rep)
		if err != nil {
			return nil, err
		}
		n.names, n.children = append(n.names, f.Name), append(n.children, m)
		g.add(f.Name, m.schema)
	}
	n.schema = parquet.Optional(g)
	return n, nil
}

// outLeaf returns the schema of a scalar, and how to write one.
func outLeaf(k Kind) (parquet.Node, func(any) (parquet.Value, error)) {
	switch k {
	case Null, String:
		return parquet.String(), outValue[string]
	case Bool:
		return parquet.Leaf(parquet.BooleanType), outValue[bool]
	case Int64:
		return parquet.Int(64), outValue[int64]
	case Uint64:
		return parquet.Uint(64), outValue[uint64]
	case Float32:
		return parquet.Leaf(parquet.FloatType), outValue[float32]
	case Float64:
		return parquet.Leaf(parquet.DoubleType), outValue[float64]
	case Time:
		return parquet.TimestampAdjusted(parquet.Microsecond, false), func(v any) (parquet.Value, error) {
			t, ok := v.(time.Time)
			return parquet.ValueOf(t.UnixMicro()), unless(ok, v, "time")
		}
	case Raw:
		return parquet.JSON(), func(v any) (parquet.Value, error) {
			if text, ok := v.(JSON); ok {
				return parquet.ValueOf([]byte(text)), nil // as it stands
			}
			return parquet.ValueOf(appendJSON(nil, v, jsonStyle{})), nil
		}
	}
	return parquet.Leaf(parquet.ByteArrayType), outValue[[]byte]
}

func outValue[T any](v any) (parquet.Value, error) {
	t, ok := v.(T)
	return parquet.ValueOf(t), unless(ok, v, reflect.TypeFor[T]().String())
}

func unless(ok bool, v any, want string) error {
	if ok {
		return nil
	}
	return &Error{Kind: Invalid, Op: "dataset", What: "value", Have: typeOf(v, false).String(), Want: want}
}

// put adds a value to its leaves, at a repetition and a definition level.
func (n *parquetOut) put(cells [][]parquet.Value, v any, rep, def int) error {
	if v == nil {
		for i := n.first; i < n.first+n.n; i++ {
			cells[i] = append(cells[i], parquet.Value{}.Level(rep, def, i))
		}
		return nil
	}
	switch {
	case n.picture:
		return n.putPicture(cells, v, rep, def)
	case n.leaf != nil:
		p, err := n.leaf(v)
		cells[n.first] = append(cells[n.first], p.Level(rep, def+1, n.first))
		return err
	case n.elem != nil:
		return n.putList(cells, v, rep, def)
	}
	s, ok := v.(Struct)
	if !ok {
		return unless(false, v, "a struct")
	}
	for i, m := range n.children {
		f, _ := s.Get(n.names[i])
		if err := m.put(cells, f, rep, def+1); err != nil {
			return err
		}
	}
	return nil
}

func (n *parquetOut) putList(cells [][]parquet.Value, v any, rep, def int) error {
	l, ok := v.([]any)
	if !ok {
		return unless(false, v, "a list")
	}
	if len(l) == 0 {
		for i := n.first; i < n.first+n.n; i++ {
			cells[i] = append(cells[i], parquet.Value{}.Level(rep, def+1, i))
		}
	}
	for _, e := range l {
		if err := n.elem.put(cells, e, rep, def+2); err != nil {
			return err
		}
		rep = n.rep
	}
	return nil
}

func (n *parquetOut) putPicture(cells [][]parquet.Value, v any, rep, def int) error {
	m, ok := v.(Image)
	if !ok {
		return unless(false, v, "a picture")
	}
	b, err := m.Bytes()
	if err != nil {
		return err
	}
	var name any
	if m.Name() != "" {
		name = m.Name()
	}
	return errors.Join(n.children[0].put(cells, b, rep, def+1), n.children[1].put(cells, name, rep, def+1))
}

// featuresOf spells the columns as the datasets library does in a file's metadata.
func featuresOf(columns []Column) string {
	features := Struct{}
	for _, c := range columns {
		features = append(features, Field{c.Name, featureOf(c.Type)})
	}
	return string(appendJSON(nil, Struct{{"info", Struct{{"features", features}}}}, jsonStyle{}))
}

func featureOf(t Type) any {
	value := func(dtype string) Struct { return Struct{{"dtype", dtype}, {"_type", "Value"}} }
	switch t.Kind {
	case Picture:
		return Struct{{"_type", "Image"}}
	case List:
		return Struct{{"feature", featureOf(*t.Elem)}, {"_type", "List"}}
	case Record:
		s := Struct{}
		for _, f := range t.Fields {
			s = append(s, Field{f.Name, featureOf(f.Type)})
		}
		return s
	case Int64:
		if t.Names != nil {
			names := make([]any, len(t.Names))
			for i, n := range t.Names {
				names[i] = n
			}
			return Struct{{"names", names}, {"_type", "ClassLabel"}}
		}
	case Null, Raw:
		return value("string")
	case Bytes:
		return value("binary")
	case Time:
		return value("timestamp[us]")
	}
	return value(t.Kind.String())
}
