package imageio

import (
	"bytes"
	"fmt"
)

// JPEG markers.
const (
	sof0 = 0xc0 // baseline; 0xc1 extended, 0xc2 progressive
	dht  = 0xc4
	jpg  = 0xc8
	dac  = 0xcc
	rst0 = 0xd0
	soi  = 0xd8
	eoi  = 0xd9
	sos  = 0xda
	dqt  = 0xdb
	dri  = 0xdd
	app0 = 0xe0
	com  = 0xfe
)

// jpegHead is what the segments before the first scan say.
type jpegHead struct {
	info      Info
	exif, xmp []byte
}

// jpegInfo walks the segments up to the first scan.
func jpegInfo(s *source, _ Rule) (Info, error) {
	var h jpegHead
	for at := int64(2); ; {
		m, next, ok := jpegMarker(s, at)
		switch {
		case !ok:
			return Info{}, truncated(JPEG, "segments before the picture")
		case m < sof0 || m == 0xff:
			return Info{}, invalid(JPEG, "marker", fmt.Sprintf("%#02x", m), "a segment")
		case m == jpg || m >= rst0 && m <= eoi || m >= 0xf0 && m < com:
			at = next // it has no contents
			continue
		}
		length := s.at(next, 2)
		if len(length) < 2 {
			return Info{}, truncated(JPEG, "segment")
		}
		size := int64(max(be16(length, 0), 2))
		b := s.at(next+2, int(size-2))
		if int64(len(b)) < size-2 {
			return Info{}, truncated(JPEG, "segment")
		}
		if err := h.segment(m, b); err != nil {
			return Info{}, err
		}
		if m == sos {
			if h.info.Mode == "" {
				return Info{}, invalid(JPEG, "scan", "before the frame", "after it")
			}
			h.info.Orientation = orientation(h.exif, h.xmp)
			return h.info, nil
		}
		at = next + size
	}
}

// segment keeps what is wanted of a segment.
func (h *jpegHead) segment(m byte, b []byte) error {
	switch {
	case isFrame(m) || m == 0xde:
		if len(b) < 6 || len(b)%3 != 0 {
			return truncated(JPEG, "frame")
		}
		h.info.Height, h.info.Width = be16(b, 1), be16(b, 3)
		if b[0] != 8 {
			return unsupported(JPEG, "precision", fmt.Sprintf("of %d bits", b[0]))
		}
		if h.info.Mode = jpegModes[b[5]]; h.info.Mode == "" {
			return unsupported(JPEG, "components", fmt.Sprint(b[5]))
		}
	case m == dqt:
		for len(b) > 0 {
			n := 65
			if b[0]>>4 != 0 {
				n = 129
			}
			if len(b) < n {
				return truncated(JPEG, "quantisation table")
			}
			b = b[n:]
		}
	case m == app0+1 && bytes.HasPrefix(b, []byte("Exif\x00\x00")):
		if h.exif != nil {
			b = b[6:]
		}
		h.exif = append(h.exif, b...)
	case m == app0+1:
		if rest, ok := bytes.CutPrefix(b, []byte("http://ns.adobe.com/xap/1.0/\x00")); ok {
			h.xmp = bytes.Clone(rest)
		}
	case m == app0 && bytes.HasPrefix(b, []byte("JFIF")) && len(b) < 7, m == app0+14 && bytes.HasPrefix(b, []byte("Adobe")) && len(b) < 7:
		return truncated(JPEG, "segment")
	}
	return nil
}

var jpegModes = map[byte]Mode{1: Gray, 3: RGB, 4: CMYK}

// isFrame reports whether a marker begins a frame of any kind.
func isFrame(m byte) bool {
	return m >= sof0 && m <= 0xcf && m != dht && m != jpg && m != dac
}

// jpegMarker finds the next marker from at on, over padding and junk.
func jpegMarker(s *source, at int64) (m byte, next int64, ok bool) {
	for {
		b := s.at(at, 64)
		if len(b) < 2 {
			return 0, at, false
		}
		for i := 0; i+1 < len(b); i++ {
			if b[i] == 0xff && b[i+1] != 0xff && b[i+1] != 0 {
				return b[i+1], at + int64(i) + 2, true
			}
		}
		at += int64(len(b) - 1)
	}
}

// decodeJPEG reads a picture as libjpeg-turbo does for Pillow, damaged data
// included: what an unreadable code stands for, where decoding goes on after it, and
// what is shown instead decide about files that are in use.
func decodeJPEG(b []byte, i Info, rule Rule) (*Picture, error) {
	d := &jpegDecoder{b: b, pos: 2, rule: rule, limit: i.Width * i.Height}
	defer func() { give(&sparePlanes, d.planes) }()
	if err := d.file(); err != nil {
		if rule == Strict {
			return nil, err
		}
		if !d.done {
			return blank(i.Mode, i.Width, i.Height), nil
		}
	}
	if d.width != i.Width || d.height != i.Height {
		return nil, invalid(JPEG, "size", fmt.Sprintf("%dx%d", d.width, d.height), fmt.Sprintf("the header's %dx%d", i.Width, i.Height))
	}
	return d.picture(i.Mode)
}

// jpegDecoder holds the state of a file being read.
type jpegDecoder struct {
	b    []byte
	pos  int
	rule Rule

	limit         int // pixels, at most
	width, height int
	progressive   bool
	components    []jpegComponent
	planes        []byte // of all components
	hMax, vMax    int
	quant         [4]*[64]int32
	dc, ac        [4]*huffman
	restart       int // MCUs between restart markers, 0 for none
	jfif, adobe   bool
	transform     byte
	raw           bool // a container says that the colours are not transformed

	whole   bool // coefficients are kept until the file has ended
	scans   int
	done    bool // the planes hold the picture
	entropy bitReader
	eobRun  int
	expect  byte // number of the next restart marker
	goodRow int  // last row of units that the last scan had data for
}

// jpegComponent is a colour plane.
type jpegComponent struct {
	id, h, v, table  int
	wide, high       int // blocks that hold samples
	across, down     int // blocks in whole MCUs
	width, height    int // samples
	quant            *[64]int32
	plane            []byte  // across·8 × down·8 samples
	coefficients     []int16 // across·down blocks, in reading order
	dcTable, acTable int
	predictor        int32
	bits             [64]int8 // low bits of the coefficients that are still missing; -1 all
	before           [64]int8 // the same before the last scan
}

// maxScans bounds the time that a progressive file can take.
const maxScans = 100

// file reads segments and scans up to the end of the picture.
func (d *jpegDecoder) file() error {
	for {
		m, err := d.marker()
		if err != nil {
			return err
		}
		switch {
		case m == eoi:
			if d.components == nil || d.scans == 0 {
				return invalid(JPEG, "picture", "none", "a scan")
			}
			return d.finish()
		case m == sos:
			if d.scans++; d.scans > maxScans {
				return unsupported(JPEG, "scans", fmt.Sprintf("more than %d", maxScans))
			}
			if err := d.scan(); err != nil {
				return err
			}
		case m == soi:
			return invalid(JPEG, "marker", "a second start", "one")
		case m >= rst0 && m < soi || m == 1:
		default:
			if err := d.segment(m); err != nil {
				return err
			}
		}
	}
}

// marker returns the next marker: the one a scan ran into, or the next in the file.
func (d *jpegDecoder) marker() (byte, error) {
	if m := d.entropy.marker; m != 0 {
		d.entropy.marker = 0
		return m, nil
	}
	for d.pos+1 < len(d.b) {
		i := bytes.IndexByte(d.b[d.pos:], 0xff)
		if i < 0 {
			break
		}
		d.pos += i
		for d.pos < len(d.b) && d.b[d.pos] == 0xff {
			d.pos++
		}
		if d.pos < len(d.b) && d.b[d.pos] != 0 {
			d.pos++
			return d.b[d.pos-1], nil
		}
	}
	d.pos = len(d.b)
	if d.rule == Tolerant {
		return eoi, nil
	}
	return 0, truncated(JPEG, "picture")
}

// segment reads the segment that follows marker m.
func (d *jpegDecoder) segment(m byte) error {
	n := be16(d.b, d.pos)
	if d.pos+2 > len(d.b) || n >= 2 && d.pos+n > len(d.b) {
		return truncated(JPEG, "segment")
	}
	if n < 2 {
		return invalid(JPEG, "segment", fmt.Sprintf("of %d bytes", n), "2 or more")
	}
	b := d.b[d.pos+2 : d.pos+n]
	d.pos += n
	switch {
	case m == dqt:
		return d.quantization(b)
	case m == dht:
		return d.huffmanTables(b)
	case m == dri:
		if len(b) != 2 {
			return invalid(JPEG, "restart interval", fmt.Sprintf("of %d bytes", len(b)), "2")
		}
		d.restart = be16(b, 0)
	case m <= 0xc2 && isFrame(m):
		return d.frame(m, b)
	case isFrame(m):
		return unsupported(JPEG, "coding", fmt.Sprintf("%#02x", m))
	case m == app0:
		d.jfif = d.jfif || bytes.HasPrefix(b, []byte("JFIF\x00")) && len(b) >= 14-2
	case m == app0+14:
		if bytes.HasPrefix(b, []byte("Adobe")) && len(b) >= 12 {
			d.adobe, d.transform = true, b[11]
		}
	case m == dac || m == 0xdc || m > app0 && m <= 0xef || m == com:
	default:
		return invalid(JPEG, "marker", fmt.Sprintf("%#02x", m), "one of the standard")
	}
	return nil
}

// quantization reads the factors that undo the rounding of coefficients.
func (d *jpegDecoder) quantization(b []byte) error {
	for len(b) > 0 {
		id, size := b[0]&15, 1+int(b[0]>>4&1)
		if b[0]>>4 != 0 {
			size = 2
		}
		if id > 3 || len(b) < 1+64*size {
			return invalid(JPEG, "quantisation table", fmt.Sprintf("%d of %d bytes", id, len(b)), "0 to 3, 64 factors")
		}
		t := new([64]int32)
		for k := range 64 {
			if size == 2 {
				t[zigzag[k]] = int32(be16(b, 1+2*k))
			} else {
				t[zigzag[k]] = int32(b[1+k])
			}
		}
		d.quant[id], b = t, b[1+64*size:]
	}
	return nil
}

// frame reads the size and the components and lays out their planes.
func (d *jpegDecoder) frame(m byte, b []byte) error {
	if d.components != nil {
		return invalid(JPEG, "frame", "a second one", "one")
	}
	if len(b) < 6 || len(b) != 6+3*int(b[5]) || jpegModes[b[5]] == "" || b[0] != 8 {
		return invalid(JPEG, "frame", fmt.Sprintf("of %d bytes", len(b)), "8 bits, 1, 3 or 4 components")
	}
	d.progressive = m == 0xc2
	d.height, d.width = be16(b, 1), be16(b, 3)
	if err := checkSize(d.width, d.height); err != nil {
		return err
	}
	if d.width*d.height > d.limit {
		return invalid(JPEG, "frame", fmt.Sprintf("of %dx%d", d.width, d.height), "the header's size")
	}
	if d.rule == Strict && int64(len(d.b))*8*64 < int64(d.width)*int64(d.height) {
		return truncated(JPEG, "picture") // a block takes a bit at least
	}
	comps := make([]jpegComponent, b[5])
	for i := range comps {
		c := b[6+3*i:]
		comps[i] = jpegComponent{id: int(c[0]), h: int(c[1] >> 4), v: int(c[1] & 15), table: int(c[2])}
		if h, v := comps[i].h, comps[i].v; h < 1 || h > 4 || v < 1 || v > 4 {
			return invalid(JPEG, "sampling", fmt.Sprintf("%dx%d", h, v), "1 to 4")
		}
		d.hMax, d.vMax = max(d.hMax, comps[i].h), max(d.vMax, comps[i].v)
	}
	across, down, size := (d.width+8*d.hMax-1)/(8*d.hMax), (d.height+8*d.vMax-1)/(8*d.vMax), 0
	for i := range comps {
		c := &comps[i]
		if d.hMax%c.h != 0 || d.vMax%c.v != 0 {
			return unsupported(JPEG, "sampling", fmt.Sprintf("%d of %d by %d of %d", c.h, d.hMax, c.v, d.vMax))
		}
		c.width, c.height = (d.width*c.h+d.hMax-1)/d.hMax, (d.height*c.v+d.vMax-1)/d.vMax
		c.wide, c.high = (c.width+7)/8, (c.height+7)/8
		c.across, c.down = across*c.h, down*c.v
		size += 64 * c.across * c.down
		c.bits = unknown
	}
	d.planes = take(&sparePlanes, size)
	for i, at := 0, 0; i < len(comps); i++ {
		c := &comps[i]
		c.plane = d.planes[at:][: 64*c.across*c.down : 64*c.across*c.down]
		at += len(c.plane)
	}
	d.components = comps
	return nil
}

// finish turns kept coefficients into samples.
func (d *jpegDecoder) finish() error {
	if d.done {
		return nil
	}
	smooths := d.smooths()
	for i := range d.components {
		c := &d.components[i]
		if c.quant == nil {
			return invalid(JPEG, "quantisation table", "none", fmt.Sprintf("number %d", c.table))
		}
		for y := range c.high {
			for x := range c.wide {
				block := *(*[64]int16)(c.coefficients[64*(y*c.across+x):])
				if smooths {
					d.smooth(c, x, y, &block)
				}
				c.samples(x, y, &block)
			}
		}
		c.coefficients = nil
	}
	d.done = true
	return nil
}

// samples makes the samples of block (x, y) of its coefficients.
func (c *jpegComponent) samples(x, y int, block *[64]int16) {
	var scaled [64]int32
	used := uint64(0)
	for k, v := range block {
		if v != 0 {
			scaled[k] = wrap16(int32(v) * c.quant[k])
			used |= 1 << k
		}
	}
	idct(c.plane[(y*c.across*8+x)*8:], 8*c.across, &scaled, used)
}

// zigzag gives the place of the k-th coefficient in a file; the entries from 64 on
// are for damaged data, which may point beyond the block.
var zigzag = func() (z [128]uint8) {
	x, y := 0, 0
	for k := range z {
		z[k] = uint8(8*y + x)
		switch up := (x+y)%2 == 0; {
		case k >= 63:
		case up && x == 7, !up && y < 7 && x == 0:
			y++
		case !up && y == 7, up && y == 0:
			x++
		case up:
			x, y = x+1, y-1
		default:
			x, y = x-1, y+1
		}
	}
	return z
}()
