package filter

import (
	"encoding/binary"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/easel-go/easel/dataset"
	"github.com/easel-go/easel/internal/imageio"
)

// rowCodec makes bytes of rows and rows of these bytes, equal to what they were. What
// comes again and again stands in its lists, and a number for it in the bytes.
type rowCodec struct {
	names   []string // of columns, statistics, files and formats
	numbers map[string]uint64
	origins []*dataset.Sample // samples without columns
	folders []dataset.Image   // pictures without path and bytes
	odd     []any             // values of types that are none of package dataset's
}

// maxNames bounds the names that have a number; others stand in the bytes.
const maxNames = 1 << 16

// The tags of values. Lengths of what may be nil are one more, and 0 for nil.
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
	tagOdd
)

func (s *spool) encode(b []byte, r *Row) []byte {
	b = binary.AppendUvarint(b, uint64(r.Index))
	b = s.appendSample(b, r.Sample)
	b = s.appendStruct(b, r.Stats.fields)
	b = s.appendVerdicts(b, r)
	b = s.appendSizes(b, r.sizes)
	b = binary.AppendUvarint(b, uint64(len(r.bands)))
	for _, h := range r.bands {
		b = binary.LittleEndian.AppendUint64(b, h)
	}
	return b
}

func (s *spool) decode(raw string) (*Row, error) {
	d := &rowReader{rowCodec: &s.rowCodec, s: raw}
	r := &Row{Index: int(d.uvarint()), Strict: s.strict, tokens: s.tokens}
	r.Sample = d.sample()
	r.Stats = &Stats{d.structure()}
	r.verdicts = d.verdicts(s.spools, r.Stats)
	r.sizes = d.sizes()
	if n := d.count(8); n > 0 {
		r.bands = make([]uint64, n)
		for i := range r.bands {
			r.bands[i] = d.fixed64()
		}
	}
	if d.bad || d.s != "" {
		return nil, errSpool
	}
	return r, nil
}

func (c *rowCodec) appendSample(b []byte, s *dataset.Sample) []byte {
	i := slices.IndexFunc(c.origins, s.SameOrigin)
	if i < 0 {
		i = len(c.origins)
		origin := *s
		origin.ID, origin.Fields, origin.Err = "", nil, nil
		c.origins = append(c.origins, &origin)
	}
	b = binary.AppendUvarint(b, uint64(i))
	cut := strings.LastIndexByte(s.ID, '#') + 1 // "file#7": the file comes again
	b = appendString(c.appendName(b, s.ID[:cut]), s.ID[cut:])
	var failed any
	if s.Err != nil {
		failed = s.Err
	}
	return c.appendStruct(c.appendValue(b, failed), s.Fields)
}

func (d *rowReader) sample() *dataset.Sample {
	i := d.uvarint()
	if d.bad = d.bad || i >= uint64(len(d.origins)); d.bad {
		return &dataset.Sample{}
	}
	s := *d.origins[i]
	s.ID = d.name() + d.string()
	s.Err, _ = d.value().(error)
	s.Fields = d.structure()
	return &s
}

// appendName appends the number of a name, or 0 and the name itself.
func (c *rowCodec) appendName(b []byte, name string) []byte {
	n, ok := c.numbers[name]
	if !ok && len(c.names) < maxNames {
		if c.numbers == nil {
			c.numbers = map[string]uint64{}
		}
		name = strings.Clone(name)
		c.names = append(c.names, name)
		n = uint64(len(c.names))
		c.numbers[name] = n
	}
	b = binary.AppendUvarint(b, n)
	if n == 0 {
		b = appendString(b, name)
	}
	return b
}

func (c *rowCodec) appendStruct(b []byte, s dataset.Struct) []byte {
	if s == nil {
		return append(b, 0)
	}
	b = binary.AppendUvarint(b, uint64(len(s))+1)
	for _, f := range s {
		b = c.appendValue(c.appendName(b, f.Name), f.Value)
	}
	return b
}

func (c *rowCodec) appendValue(b []byte, v any) []byte {
	switch v := v.(type) {
	case nil:
		return append(b, tagNil)
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
		return binary.LittleEndian.AppendUint64(append(b, tagFloat32), uint64(math.Float32bits(v)))
	case float64:
		return binary.LittleEndian.AppendUint64(append(b, tagFloat64), math.Float64bits(v))
	case string:
		return appendString(append(b, tagText), v)
	case dataset.JSON:
		return appendString(append(b, tagJSON), string(v))
	case []byte:
		return appendBytes(append(b, tagBytes), v)
	case []any:
		return c.appendList(append(b, tagList), v)
	case dataset.Struct:
		return c.appendStruct(append(b, tagStruct), v)
	case dataset.Image:
		return c.appendImage(append(b, tagImage), v)
	case time.Time:
		if raw, err := v.MarshalBinary(); err == nil {
			return appendString(append(b, tagTime), string(raw))
		}
	}
	c.odd = append(c.odd, v)
	return binary.AppendUvarint(append(b, tagOdd), uint64(len(c.odd)-1))
}

func (c *rowCodec) appendList(b []byte, list []any) []byte {
	if list == nil {
		return append(b, 0)
	}
	b = binary.AppendUvarint(b, uint64(len(list))+1)
	for _, e := range list {
		b = c.appendValue(b, e)
	}
	return b
}

func (c *rowCodec) appendImage(b []byte, m dataset.Image) []byte {
	i := slices.IndexFunc(c.folders, m.SameOrigin)
	if i < 0 {
		i = len(c.folders)
		folder := m
		folder.Path, folder.Member, folder.Data = "", "", nil
		c.folders = append(c.folders, folder)
	}
	b = binary.AppendUvarint(b, uint64(i))
	return appendBytes(appendString(appendString(b, m.Path), m.Member), m.Data)
}

func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func appendBytes(b, v []byte) []byte {
	if v == nil {
		return append(b, 0)
	}
	return append(binary.AppendUvarint(b, uint64(len(v))+1), v...)
}

// appendVerdicts appends the verdicts of a row that is still there: what they were
// decided by stands among the statistics, or else beside them.
func (c *rowCodec) appendVerdicts(b []byte, r *Row) []byte {
	b = binary.AppendUvarint(b, uint64(len(r.verdicts)))
	for _, v := range r.verdicts {
		kept := byte(0)
		if v.Kept {
			kept = 1
		}
		b = appendString(append(binary.AppendUvarint(b, uint64(v.Step)), kept), v.Like)
		b = binary.AppendUvarint(b, uint64(len(v.Numbers)))
		for _, f := range v.Numbers {
			i := slices.IndexFunc(r.Stats.fields, func(s dataset.Field) bool { return s.Name == f.Name })
			b = binary.AppendUvarint(b, uint64(i+1))
			if i < 0 {
				b = c.appendValue(c.appendName(b, f.Name), f.Value)
			}
		}
	}
	return b
}

func (d *rowReader) verdicts(p *spools, stats *Stats) (list []Verdict) {
	n := d.count(4)
	if n > 0 {
		list = make([]Verdict, 0, n+2)
	}
	for range n {
		v := Verdict{Step: int(d.uvarint()), Kept: d.byte() == 1, Like: d.string()}
		if d.bad = d.bad || uint(v.Step) >= uint(len(p.steps)); d.bad {
			return nil
		}
		v.Op, v.Bounds = p.steps[v.Step].Name, p.bounds[v.Step]
		for range d.count(1) {
			v.Numbers = append(v.Numbers, d.number(stats))
		}
		list = append(list, v)
	}
	return list
}

func (d *rowReader) number(stats *Stats) dataset.Field {
	i := d.uvarint()
	if i == 0 {
		return dataset.Field{Name: d.name(), Value: d.value()}
	}
	if d.bad = d.bad || i > uint64(len(stats.fields)); d.bad {
		return dataset.Field{}
	}
	return stats.fields[i-1]
}

func (c *rowCodec) appendSizes(b []byte, sizes map[string]imageio.Info) []byte {
	b = binary.AppendUvarint(b, uint64(len(sizes)))
	for name, i := range sizes {
		b = c.appendName(c.appendName(appendString(b, name), string(i.Format)), string(i.Mode))
		for _, n := range []int{i.Width, i.Height, i.Orientation} {
			b = binary.AppendVarint(b, int64(n))
		}
	}
	return b
}

func (d *rowReader) sizes() map[string]imageio.Info {
	n := d.count(6)
	if n == 0 {
		return nil
	}
	sizes := make(map[string]imageio.Info, n)
	for range n {
		name := d.string()
		sizes[name] = imageio.Info{Format: imageio.Format(d.name()), Mode: imageio.Mode(d.name()), Width: int(d.varint()), Height: int(d.varint()), Orientation: int(d.varint())}
	}
	return sizes
}

// rowReader takes values off s. Damage makes bad true, and zeroes of what follows.
type rowReader struct {
	*rowCodec
	s   string
	bad bool
}

func (d *rowReader) uvarint() (x uint64) {
	for i := 0; i < len(d.s) && i < binary.MaxVarintLen64; i++ {
		c := d.s[i]
		x |= uint64(c&0x7f) << (7 * i)
		if c < 0x80 {
			d.s = d.s[i+1:]
			return x
		}
	}
	d.s, d.bad = "", true
	return 0
}

func (d *rowReader) varint() int64 {
	x := d.uvarint()
	return int64(x>>1) ^ -int64(x&1)
}

// count reads how many things follow that take size bytes at least.
func (d *rowReader) count(size int) int {
	n := d.uvarint()
	if n > uint64(len(d.s)/size) {
		d.s, d.bad = "", true
		return 0
	}
	return int(n)
}

func (d *rowReader) take(n int) string {
	if n > len(d.s) {
		d.s, d.bad = "", true
		return ""
	}
	t := d.s[:n]
	d.s = d.s[n:]
	return t
}

func (d *rowReader) byte() byte {
	if t := d.take(1); t != "" {
		return t[0]
	}
	return 0
}

func (d *rowReader) fixed64() (x uint64) {
	for i, c := range []byte(d.take(8)) {
		x |= uint64(c) << (8 * i)
	}
	return x
}

func (d *rowReader) string() string { return d.take(d.count(1)) }

// bytes returns bytes of their own, nil if they were.
func (d *rowReader) bytes() []byte {
	n, ok := d.optional()
	if !ok {
		return nil
	}
	return []byte(d.take(n))
}

// optional reads the length of what may be nil, ok false if it is.
func (d *rowReader) optional() (n int, ok bool) {
	x := d.uvarint()
	if x == 0 || x-1 > uint64(len(d.s)) {
		d.bad = d.bad || x != 0
		return 0, false
	}
	return int(x - 1), true
}

func (d *rowReader) name() string {
	n := d.uvarint()
	if n == 0 {
		return d.string()
	}
	if d.bad = d.bad || n > uint64(len(d.names)); d.bad {
		return ""
	}
	return d.names[n-1]
}

func (d *rowReader) structure() dataset.Struct {
	n, ok := d.optional()
	if !ok {
		return nil
	}
	s := make(dataset.Struct, 0, n+2)
	for range n {
		s = append(s, dataset.Field{Name: d.name(), Value: d.value()})
	}
	return s
}

func (d *rowReader) value() any {
	switch d.byte() {
	case tagFalse:
		return false
	case tagTrue:
		return true
	case tagInt:
		return d.varint()
	case tagUint:
		return d.uvarint()
	case tagFloat32:
		return math.Float32frombits(uint32(d.fixed64()))
	case tagFloat64:
		return math.Float64frombits(d.fixed64())
	case tagText:
		return d.string()
	case tagJSON:
		return dataset.JSON(d.string())
	case tagBytes:
		return d.bytes()
	case tagTime:
		return d.time()
	case tagList:
		return d.list()
	case tagStruct:
		return d.structure()
	case tagImage:
		return d.image()
	case tagOdd:
		if i := d.uvarint(); i < uint64(len(d.odd)) {
			return d.odd[i]
		}
		d.bad = true
	}
	return nil
}

func (d *rowReader) time() (t time.Time) {
	if t.UnmarshalBinary([]byte(d.string())) != nil {
		d.bad = true
	}
	return t
}

func (d *rowReader) list() []any {
	n, ok := d.optional()
	if !ok {
		return nil
	}
	list := make([]any, n)
	for i := range list {
		list[i] = d.value()
	}
	return list
}

func (d *rowReader) image() (m dataset.Image) {
	i := d.uvarint()
	if d.bad = d.bad || i >= uint64(len(d.folders)); d.bad {
		return m
	}
	m = d.folders[i]
	m.Path, m.Member, m.Data = d.string(), d.string(), d.bytes()
	return m
}
