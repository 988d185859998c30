package imageio

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"io"
	"strings"
)

const pngMagic = "\x89PNG\r\n\x1a\n"

// pngHeader is the IHDR chunk.
type pngHeader struct {
	width, height uint32
	depth, colour byte
	interlaced    bool
}

// mode returns the mode that a colour type and depth come to; 16-bit colours keep
// their high byte.
func (h pngHeader) mode() Mode {
	switch {
	case h.colour == 0 && h.depth == 1:
		return Bilevel
	case h.colour == 0 && (h.depth == 2 || h.depth == 4 || h.depth == 8):
		return Gray
	case h.colour == 0 && h.depth == 16:
		return Gray16
	case h.colour == 2 && (h.depth == 8 || h.depth == 16):
		return RGB
	case h.colour == 3 && (h.depth == 1 || h.depth == 2 || h.depth == 4 || h.depth == 8):
		return Indexed
	case h.colour == 4 && h.depth == 8:
		return GrayA
	case h.colour == 4 && h.depth == 16, h.colour == 6 && (h.depth == 8 || h.depth == 16):
		return RGBA
	}
	return ""
}

// bits returns the bits of a pixel in the file.
func (h pngHeader) bits() int {
	return int(h.depth) * [...]int{1, 1, 3, 1, 2, 1, 4}[h.colour]
}

// pngReader walks the chunks of a file.
type pngReader struct {
	s       *source
	rule    Rule
	at      int64 // the next chunk
	header  pngHeader
	palette []byte
	exif    []byte // the eXIf chunk
	rawExif []byte // EXIF data in a text, as ImageMagick writes it
	xmp     []byte
}

// next returns the type and length of the chunk at r.at, ok if there is one.
func (r *pngReader) next() (kind string, size int64, ok bool) {
	h := r.s.at(r.at, 8)
	if len(h) < 8 {
		return "", 0, false
	}
	for _, c := range h[4:] {
		if c != '_' && (c < '0' || c > '9') && (c|32 < 'a' || c|32 > 'z') {
			return string(h[4:]), int64(be32(h, 0)), r.rule == Tolerant
		}
	}
	return string(h[4:]), int64(be32(h, 0)), true
}

// pngInfo reads the chunks before the pixels, and those behind them if the
// orientation is not known by then.
func pngInfo(s *source, rule Rule) (Info, error) {
	r := &pngReader{s: s, rule: rule, at: int64(len(pngMagic))}
	if err := r.beforeData(); err != nil {
		return Info{}, err
	}
	i := Info{Width: int(r.header.width), Height: int(r.header.height), Mode: r.header.mode()}
	if err := checkSize(i.Width, i.Height); err != nil {
		return Info{}, err
	}
	i.Orientation = r.orientation()
	if i.Orientation == 0 {
		r.afterData()
		i.Orientation = r.orientation()
	}
	return i, nil
}

func (r *pngReader) orientation() int {
	if r.exif == nil {
		r.exif = r.rawExif
	}
	return orientation(r.exif, r.xmp)
}

// beforeData reads up to the first IDAT chunk.
func (r *pngReader) beforeData() error {
	for {
		kind, size, ok := r.next()
		if !ok {
			return truncated(PNG, "chunks before the pixels")
		}
		if kind == "IDAT" {
			break
		}
		if kind == "IEND" {
			return invalid(PNG, "pixels", "none", "an IDAT chunk")
		}
		if err := r.chunk(kind, size); err != nil {
			return err
		}
	}
	if m := r.header.mode(); m == "" {
		return invalid(PNG, "colour type and depth", fmt.Sprint(r.header.colour, r.header.depth), "one of the fifteen of the standard")
	}
	return nil
}

// ancillaryLimit is the longest chunk that is read for its checksum.
const ancillaryLimit = 64 << 20

// chunk reads a chunk other than IDAT, checks it and goes on to the next.
func (r *pngReader) chunk(kind string, size int64) error {
	if size > ancillaryLimit {
		return truncated(PNG, "chunk "+kind)
	}
	b := r.s.at(r.at+4, int(size)+8)
	if int64(len(b)) < size+8 {
		return truncated(PNG, "chunk "+kind)
	}
	ancillary := kind[0]&32 != 0
	if (r.rule == Strict || !ancillary) && crc32.ChecksumIEEE(b[:size+4]) != be32(b, int(size)+4) {
		return invalid(PNG, "checksum of chunk "+kind, fmt.Sprintf("%08x", crc32.ChecksumIEEE(b[:size+4])), fmt.Sprintf("%08x", be32(b, int(size)+4)))
	}
	r.at += size + 12
	return r.keep(kind, b[4:size+4])
}

// keep stores what is wanted of a chunk's data.
func (r *pngReader) keep(kind string, b []byte) error {
	switch kind {
	case "IHDR":
		if len(b) < 13 {
			return truncated(PNG, "IHDR")
		}
		if b[11] != 0 {
			return unsupported(PNG, "filter method", fmt.Sprint(b[11]))
		}
		r.header = pngHeader{be32(b, 0), be32(b, 4), b[8], b[9], b[12] != 0}
	case "PLTE":
		r.palette = bytes.Clone(b)
	case "eXIf":
		r.exif = append([]byte{}, b...)
	case "tEXt", "zTXt", "iTXt":
		r.text(kind, b)
	}
	return nil
}

// text keeps the texts that may hold an orientation.
func (r *pngReader) text(kind string, b []byte) {
	key, value, ok := pngTextChunk(kind, b)
	if !ok {
		return
	}
	switch {
	case key == "XML:com.adobe.xmp" && kind == "iTXt":
		r.xmp = []byte(value)
	case key == "Raw profile type exif":
		// A line break, the name, the length, then hexadecimal lines.
		lines := strings.Split(value, "\n")
		if raw, err := hex.DecodeString(strings.Join(lines[min(3, len(lines)):], "")); err == nil {
			r.rawExif = raw
		}
	}
}

// afterData looks for chunks of metadata behind the pixels. Damage ends the search.
func (r *pngReader) afterData() {
	for {
		kind, size, ok := r.next()
		if !ok || kind == "IEND" {
			return
		}
		switch kind {
		case "eXIf", "tEXt", "zTXt", "iTXt":
			if r.chunk(kind, size) != nil {
				return
			}
		default:
			r.at += size + 12
		}
	}
}

// pngData reads the contents of consecutive IDAT chunks.
type pngData struct {
	r   *pngReader
	cur []byte // what is left of the chunk at hand
	err error
}

// more goes on to the next chunk if the one at hand is used up. A chunk that the
// file's end cuts off gives what is there.
func (d *pngData) more() error {
	for len(d.cur) == 0 {
		if d.err != nil {
			return d.err
		}
		kind, size, ok := d.r.next()
		if !ok || kind != "IDAT" {
			d.err = io.ErrUnexpectedEOF
			return d.err
		}
		d.cur = d.r.s.at(d.r.at+8, int(size))
		d.r.at += size + 12
	}
	return nil
}

// Read implements io.Reader.
func (d *pngData) Read(b []byte) (int, error) {
	if err := d.more(); err != nil {
		return 0, err
	}
	n := copy(b, d.cur)
	d.cur = d.cur[n:]
	return n, nil
}

// ReadByte keeps the decompressor from reading ahead.
func (d *pngData) ReadByte() (byte, error) {
	if err := d.more(); err != nil {
		return 0, err
	}
	c := d.cur[0]
	d.cur = d.cur[1:]
	return c, nil
}
