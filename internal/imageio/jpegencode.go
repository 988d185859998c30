package imageio

import (
	"bytes"
	"fmt"
	"io"
	"math/bits"

	"github.com/easel-go/easel/internal/fault"
)

// JPEGOptions says how to write a JPEG. The zero value is Pillow's default.
type JPEGOptions struct {
	Quality int  // 1 to 100; 0 means 75
	Full    bool // colour at full resolution (4:4:4) instead of half (4:2:0)
}

// EncodeJPEG writes a picture as a baseline JPEG, byte for byte what Pillow and
// libjpeg-turbo write: their colour conversion, transform, rounding and the
// standard's Huffman tables. Grey pictures stay grey, all others become RGB first.
func EncodeJPEG(w io.Writer, p *Picture, o JPEGOptions) error {
	if err := p.check(); err != nil {
		return err
	}
	if o.Quality == 0 {
		o.Quality = 75
	}
	if o.Quality < 1 || o.Quality > 100 || p.Width > 65500 || p.Height > 65500 {
		return invalid(JPEG, "picture", fmt.Sprintf("quality %d, %dx%d", o.Quality, p.Width, p.Height), "1 to 100, sides up to 65500")
	}
	if p.Mode != Gray {
		p = p.RGB()
	}
	e := newJPEGEncoder(p, o)
	e.header(p)
	e.scan()
	if _, err := w.Write(e.out.Bytes()); err != nil {
		return &fault.Error{Kind: fault.Invalid, Op: op, What: "writing", Err: err}
	}
	return nil
}

// jpegEncoder holds a picture being written.
type jpegEncoder struct {
	out    bytes.Buffer
	planes []forwardPlane
	tables [2][64]byte // quantisation factors in zigzag order
	codes  [2][2]encodeTable
	acc    uint64 // bits to be written, at the low end
	n      int
}

// encodeTable gives the code of a symbol and its length.
type encodeTable struct {
	code   [256]uint16
	length [256]uint8
}

func newJPEGEncoder(p *Picture, o JPEGOptions) *jpegEncoder {
	e := new(jpegEncoder)
	scale := 200 - 2*o.Quality
	if o.Quality < 50 {
		scale = 5000 / o.Quality
	}
	for t := range e.tables {
		for k, f := range standardFactors[t] {
			// Standard factors are those of quality 50.
			e.tables[t][k] = byte(min(max((int(f)*scale+50)/100, 1), 255))
		}
	}
	for class := range e.codes {
		for t := range e.codes[class] {
			e.codes[class][t].fill(standardTables[class][t].counts, standardTables[class][t].symbols)
		}
	}
	e.planes = forwardPlanes(p, o.Full)
	return e
}

func (t *encodeTable) fill(counts [16]byte, symbols []byte) {
	code, k := uint16(0), 0
	for length, n := range counts {
		for range n {
			t.code[symbols[k]], t.length[symbols[k]] = code, uint8(length+1)
			code++
			k++
		}
		code <<= 1
	}
}

// segment writes a marker with its contents.
func (e *jpegEncoder) segment(marker byte, parts ...[]byte) {
	n := 2
	for _, p := range parts {
		n += len(p)
	}
	e.out.Write([]byte{0xff, marker, byte(n >> 8), byte(n)})
	for _, p := range parts {
		e.out.Write(p)
	}
}

// header writes everything before the data.
func (e *jpegEncoder) header(p *Picture) {
	e.out.Write([]byte{0xff, soi})
	e.segment(app0, []byte("JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"))
	tables := min(len(e.planes), 2)
	for t := range tables {
		e.segment(dqt, []byte{byte(t)}, e.tables[t][:])
	}
	frame := []byte{8, byte(p.Height >> 8), byte(p.Height), byte(p.Width >> 8), byte(p.Width), byte(len(e.planes))}
	scan := []byte{byte(len(e.planes))}
	for i, c := range e.planes {
		t := byte(min(i, 1))
		frame = append(frame, byte(i+1), byte(c.h<<4|c.v), t)
		scan = append(scan, byte(i+1), t<<4|t)
	}
	e.segment(sof0, frame)
	for t := range tables {
		for class := range 2 {
			s := &standardTables[class][t]
			e.segment(dht, []byte{byte(class<<4 | t)}, s.counts[:], s.symbols)
		}
	}
	e.segment(sos, scan, []byte{0, 63, 0})
}

// scan writes the units of all components.
func (e *jpegEncoder) scan() {
	across, down := e.planes[0].units()
	last := make([]int32, len(e.planes))
	for y := range down {
		for x := range across {
			for i := range e.planes {
				e.unit(&e.planes[i], x, y, min(i, 1), &last[i])
			}
		}
	}
	if e.n > 0 {
		e.bits(0x7f, 7) // the last byte is filled with ones
	}
	e.out.Write([]byte{0xff, eoi})
}

// unit writes the blocks of a component in unit (x, y). Blocks outside the picture
// repeat the mean of the block before them.
func (e *jpegEncoder) unit(c *forwardPlane, x, y, table int, last *int32) {
	var block [64]int32
	mean := int32(0)
	for v := range c.v {
		for h := range c.h {
			bx, by := x*c.h+h, y*c.v+v
			if bx < c.wide && by < c.high {
				c.block(&block, bx, by, &e.tables[table])
				mean = block[0]
			} else {
				block = [64]int32{mean}
			}
			e.block(&block, table, *last)
			*last = block[0]
		}
	}
}

// block writes quantised coefficients (T.81, F.1.2).
func (e *jpegEncoder) block(b *[64]int32, table int, last int32) {
	e.value(&e.codes[0][table], 0, b[0]-last)
	ac, run := &e.codes[1][table], 0
	for k := 1; k < 64; k++ {
		v := b[zigzag[k]]
		if v == 0 {
			run++
			continue
		}
		for ; run > 15; run -= 16 {
			e.bits(uint32(ac.code[0xf0]), int(ac.length[0xf0]))
		}
		e.value(ac, run, v)
		run = 0
	}
	if run > 0 {
		e.bits(uint32(ac.code[0]), int(ac.length[0]))
	}
}

// value writes a run of zeros and a value: the code of both, then its bits.
func (e *jpegEncoder) value(t *encodeTable, run int, v int32) {
	size := bits.Len32(uint32(max(v, -v)))
	if v < 0 {
		v--
	}
	symbol := run<<4 | size
	e.bits(uint32(t.code[symbol]), int(t.length[symbol]))
	e.bits(uint32(v)&(1<<size-1), size)
}

// bits writes the low n bits of v.
func (e *jpegEncoder) bits(v uint32, n int) {
	e.acc = e.acc<<n | uint64(v)
	e.n += n
	for e.n >= 8 {
		e.n -= 8
		c := byte(e.acc >> e.n)
		e.out.WriteByte(c)
		if c == 0xff {
			e.out.WriteByte(0)
		}
	}
}
