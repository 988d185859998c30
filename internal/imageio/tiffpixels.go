package imageio

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"golang.org/x/image/ccitt"
	"golang.org/x/image/tiff/lzw"

	"github.com/easel-go/easel/internal/fault"
)

// TIFF compressions.
const (
	tiffRaw        = 1
	tiffHuffman    = 2
	tiffG3         = 3
	tiffG4         = 4
	tiffLZW        = 5
	tiffJPEG       = 7
	tiffDeflate    = 8
	tiffOldDeflate = 32946
	tiffPackBits   = 32773
)

// segments says how the pixels are cut up: into strips, or tiles.
type segments struct {
	offsets, counts []int
	width, height   int // of one
	across          int // how many side by side
}

// decodeTIFF reads the first page, turned upright.
func decodeTIFF(b []byte, _ Info, rule Rule) (*Picture, error) {
	f, err := tiffHeader(&source{buf: b})
	if err != nil {
		return nil, err
	}
	seg, err := f.segments()
	if err != nil {
		return nil, err
	}
	if rule == Strict && int64(len(b))*tiffRatio < int64(f.width)*int64(f.height)*int64(f.bits)/8 {
		return nil, truncated(TIFF, "picture")
	}
	p := blank(f.mode, f.width, f.height)
	f.palette(p)
	if err := f.pixels(p, seg, rule); err != nil {
		return nil, err
	}
	p.Orientation = f.number(tagOrientation, 0)
	return p.Upright(), nil
}

// tiffRatio is more than any of the compressions saves but G4, whose pictures have
// one bit to a pixel.
const tiffRatio = 1 << 14

func (f *tiffFile) segments() (*segments, error) {
	g := &segments{width: f.width, height: min(f.number(tagRowsPerStrip, f.height), f.height), across: 1}
	offsets, counts := tagStripOffsets, tagStripCounts
	if f.entries[tagTileWidth].count > 0 {
		g.width, g.height = f.number(tagTileWidth, 0), f.number(tagTileHeight, 0)
		offsets, counts = tagTileOffsets, tagTileCounts
	}
	if err := checkSize(g.width, g.height); err != nil {
		return nil, err
	}
	if int64(g.width)*int64(g.height) > 4*int64(f.width)*int64(f.height)+1<<20 {
		return nil, invalid(TIFF, "tiles", fmt.Sprintf("of %dx%d", g.width, g.height), fmt.Sprintf("tiles for %dx%d", f.width, f.height))
	}
	g.across = (f.width + g.width - 1) / g.width
	n := int64(g.across) * int64((f.height+g.height-1)/g.height)
	if f.number(tagPlanar, 1) == 2 {
		n *= int64(f.samples)
	}
	g.offsets, g.counts = f.numbers(offsets, n), f.numbers(counts, n)
	if int64(len(g.offsets)) < n && f.compression != tiffRaw {
		return nil, truncated(TIFF, "offsets of the pixels")
	}
	return g, nil
}

func (f *tiffFile) palette(p *Picture) {
	c := f.numbers(tagColours, 3*256)
	n := len(c) / 3
	for i := range min(n, len(p.Palette)/3) {
		for k := range 3 {
			p.Palette[3*i+k] = byte(c[k*n+i] >> 8)
		}
	}
}

// pixels reads the segments into p. With the samples apart, each plane has its own.
func (f *tiffFile) pixels(p *Picture, g *segments, rule Rule) error {
	planes, samples := 1, f.samples
	planar := f.number(tagPlanar, 1)
	if f.compression != tiffRaw && planar != 1 && planar != 2 { // libtiff refuses what Pillow, reading raw pixels itself, does not look at
		return invalid(TIFF, "planar configuration", fmt.Sprint(planar), "1 or 2")
	}
	if planar == 2 && f.samples > 1 {
		if f.bits != 8 {
			return unsupported(TIFF, "planes", fmt.Sprintf("of %d bits", f.bits))
		}
		planes, samples = f.samples, 1
	}
	stride := (g.width*samples*f.bits + 7) / 8
	buf := make([]byte, stride*g.height)
	each := max(g.across*((f.height+g.height-1)/g.height), 1)
	for i, offset := range g.offsets {
		x, y := i%each%g.across*g.width, i%each/g.across*g.height
		rows := min(g.height, f.height-y)
		clear(buf)
		n, err := f.segment(buf[:stride*rows], offset, g.count(i), g.width, rows)
		if err != nil && (rule == Strict || f.compression != tiffRaw) {
			return err // what is damaged by half is refused by libtiff, under any rule
		}
		if f.number(tagPredictor, 1) == 2 {
			f.unpredict(buf[:stride*rows], stride, samples)
		}
		for r := range min(rows, n/stride) {
			row := buf[r*stride:][:stride]
			width := min(g.width, f.width-x)
			if planes > 1 {
				f.plane(p, row, x, y+r, width, i/each)
			} else {
				f.row(p, row, x, y+r, width)
			}
		}
	}
	return nil
}

// count returns the length of segment i, without end if the file does not say.
func (g *segments) count(i int) int {
	if i < len(g.counts) {
		return g.counts[i]
	}
	return 1 << 30
}

// segment decompresses a segment into out and returns how much of it there was.
func (f *tiffFile) segment(out []byte, offset, count, width, rows int) (int, error) {
	if f.compression == tiffRaw {
		count = len(out)
	}
	b := f.s.at(int64(offset), count)
	if f.number(tagFillOrder, 1) == 2 {
		b = reverseBits(b)
	}
	var r io.Reader
	switch f.compression {
	case tiffRaw:
		r = bytes.NewReader(b)
	case tiffLZW:
		z := lzw.NewReader(bytes.NewReader(b), lzw.MSB, 8)
		defer z.Close()
		r = z
	case tiffDeflate, tiffOldDeflate:
		z, err := zlib.NewReader(bytes.NewReader(b))
		if err != nil {
			return 0, invalid(TIFF, "pixels", err.Error(), "")
		}
		defer z.Close()
		r = z
	case tiffPackBits:
		r = bytes.NewReader(unpackBits(b, len(out)))
	case tiffG3, tiffG4, tiffHuffman:
		r = f.fax(b, width, rows)
	case tiffJPEG:
		return f.jpeg(out, b, width, rows)
	default:
		return 0, unsupported(TIFF, "compression", fmt.Sprint(f.compression))
	}
	n, err := io.ReadFull(r, out)
	if z, ok := r.(io.ReadCloser); ok && err == nil && n == len(out) {
		// zlib goes on to its checksum before it is content
		if _, last := z.Read(make([]byte, 1)); last != nil && !short(last) {
			err = last
		}
	}
	switch {
	case err == nil:
		return n, nil
	case errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF):
		return n, truncated(TIFF, "pixels")
	}
	return n, invalid(TIFF, "pixels", err.Error(), "")
}

func reverseBits(b []byte) []byte {
	out := bytes.Clone(b)
	for i, v := range out {
		v = v>>4 | v<<4
		v = v>>2&0x33 | v<<2&0xcc
		out[i] = v>>1&0x55 | v<<1&0xaa
	}
	return out
}

// unpackBits expands Apple's run lengths to at most n bytes.
func unpackBits(b []byte, n int) []byte {
	var out []byte
	for len(b) >= 2 && len(out) < n {
		k := int(int8(b[0]))
		switch {
		case k >= 0:
			k = min(k+1, len(b)-1)
			out = append(out, b[1:1+k]...)
			b = b[1+k:]
		case k == -128:
			b = b[1:]
		default:
			out = append(out, bytes.Repeat(b[1:2], 1-k)...)
			b = b[2:]
		}
	}
	return out
}

// fax reads CCITT's codings of bilevel pictures.
func (f *tiffFile) fax(b []byte, width, rows int) io.Reader {
	kind := ccitt.Group3
	if f.compression == tiffG4 {
		kind = ccitt.Group4
	}
	return ccitt.NewReader(bytes.NewReader(b), ccitt.MSB, kind, width, rows, &ccitt.Options{
		Invert: f.photometric == 1, // a white run is a run of zeros
		Align:  f.compression == tiffHuffman,
	})
}

// jpeg decodes a segment that is a JPEG, with tables that are stored once.
func (f *tiffFile) jpeg(out, b []byte, width, rows int) (int, error) {
	d := &jpegDecoder{raw: f.photometric != 6, limit: 4*width*rows + 1<<16}
	if tables := bytes.Clone(f.bytes(tagJPEGTables)); len(tables) > 4 {
		d.b, d.pos, d.rule = tables[:len(tables)-2], 2, Tolerant
		if err := d.file(); err != nil && fault.KindOf(err) != fault.Invalid {
			return 0, err // the tables end without a picture, which is as it should be
		}
	}
	d.b, d.pos, d.rule = b, 2, Strict
	if err := d.file(); err != nil {
		return 0, err
	}
	m := map[int]Mode{1: Gray, 3: RGB, 4: CMYK}[len(d.components)]
	p, err := d.picture(m)
	if err != nil {
		return 0, err
	}
	if m.Bytes() != f.samples || p.Width < width || p.Height < rows || f.bits != 8 {
		return 0, invalid(TIFF, "JPEG", fmt.Sprintf("%s of %dx%d", m, p.Width, p.Height), fmt.Sprintf("%d samples of %dx%d", f.samples, width, rows))
	}
	for y := range rows {
		copy(out[y*width*f.samples:][:width*f.samples], p.Pix[y*p.Width*f.samples:])
	}
	return len(out), nil
}

// unpredict undoes the differences between neighbours in a row.
func (f *tiffFile) unpredict(b []byte, stride, samples int) {
	for ; len(b) >= stride; b = b[stride:] {
		row := b[:stride]
		switch f.bits {
		case 8:
			for i := samples; i < len(row); i++ {
				row[i] += row[i-samples]
			}
		case 16:
			for i := 2 * samples; i+1 < len(row); i += 2 {
				f.order.PutUint16(row[i:], f.order.Uint16(row[i:])+f.order.Uint16(row[i-2*samples:]))
			}
		}
	}
}

// plane writes a row of one sample of every pixel.
func (f *tiffFile) plane(p *Picture, row []byte, x, y, width, sample int) {
	n := p.Mode.Bytes()
	if sample >= n {
		return
	}
	out := p.Pix[(y*p.Width+x)*n:]
	for i := range width {
		out[i*n+sample] = row[i]
	}
}

// row writes a row of pixels in p's mode.
func (f *tiffFile) row(p *Picture, row []byte, x, y, width int) {
	n := p.Mode.Bytes()
	out := p.Pix[(y*p.Width+x)*n:][:width*n]
	switch {
	case f.bits < 8:
		h := pngHeader{depth: byte(f.bits)}
		if p.Mode == Indexed {
			h.colour = 3
		}
		h.unpackBits(out, row, 1, width)
	case p.Mode == Gray16:
		for i := range width {
			binary.LittleEndian.PutUint16(out[2*i:], f.order.Uint16(row[2*i:]))
		}
	case p.Mode == Int32 && f.bits == 16:
		for i := range width {
			binary.LittleEndian.PutUint32(out[4*i:], uint32(int32(int16(f.order.Uint16(row[2*i:])))))
		}
	case p.Mode == Int32 || p.Mode == Float:
		for i := range width {
			binary.LittleEndian.PutUint32(out[4*i:], f.order.Uint32(row[4*i:]))
		}
	default:
		f.samplesRow(out, row, n, width)
	}
	if f.photometric == 0 && (p.Mode == Gray || p.Mode == Bilevel) && f.compression != tiffG3 && f.compression != tiffG4 && f.compression != tiffHuffman {
		for i, v := range out {
			out[i] = 255 - v
		}
	}
}

// samplesRow keeps the first n samples of every pixel, of 16 bits the high byte.
func (f *tiffFile) samplesRow(out, row []byte, n, width int) {
	size, high := f.bits/8, 0
	if size == 2 && f.order == binary.ByteOrder(binary.LittleEndian) {
		high = 1
	}
	for i := range width {
		for k := range n {
			out[i*n+k] = row[(i*f.samples+k)*size+high]
		}
	}
	if n == 4 && f.photometric == 2 && len(f.extra) > 0 && f.extra[0] == 1 {
		unpremultiply(out, n)
	}
}
