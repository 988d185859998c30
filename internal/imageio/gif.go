package imageio

import "fmt"

// gifFile is a file up to its first frame.
type gifFile struct {
	width, height int
	palette       []byte // nil if it is a ramp of greys: then the picture is grey
	transparent   int    // index, or -1
	x, y, w, h    int    // the frame
	interlaced    bool
	data          int64 // its code size, then blocks
}

func gifInfo(s *source, _ Rule) (Info, error) {
	g, err := gifHeader(s)
	if err != nil {
		return Info{}, err
	}
	i := Info{Width: g.width, Height: g.height, Mode: Gray}
	if g.palette != nil {
		i.Mode = Indexed
	}
	return i, nil
}

// gifHeader reads up to the first frame's data.
func gifHeader(s *source) (*gifFile, error) {
	h := s.at(0, 13)
	if len(h) < 13 {
		return nil, truncated(GIF, "header")
	}
	g := &gifFile{width: le16(h, 6), height: le16(h, 8), transparent: -1}
	at := int64(13)
	var err error
	if h[10]&128 != 0 {
		if at, err = g.readPalette(s, at, h[10]); err != nil {
			return nil, err
		}
	}
	for {
		b := s.at(at, 10)
		if len(b) == 0 || b[0] == ';' {
			return nil, truncated(GIF, "blocks before the first frame")
		}
		switch {
		case b[0] == '!' && len(b) >= 2:
			at = g.extension(s, at+1)
		case b[0] == ',':
			if len(b) < 10 {
				return nil, truncated(GIF, "frame")
			}
			return g, g.frame(s, at+10, b)
		default:
			at++
		}
	}
}

// readPalette reads the colours that flags announce and returns where they end.
func (g *gifFile) readPalette(s *source, at int64, flags byte) (int64, error) {
	n := 3 << (flags&7 + 1)
	p := s.at(at, n)
	g.palette = nil
	for i := 0; i < len(p); i += 3 {
		if i+3 > len(p) {
			return 0, truncated(GIF, "palette")
		}
		if v := byte(i / 3); p[i] != v || p[i+1] != v || p[i+2] != v {
			g.palette = append([]byte{}, p...)
			break
		}
	}
	return at + int64(n), nil
}

// extension reads the blocks of an extension; a graphic control's has the
// transparent colour.
func (g *gifFile) extension(s *source, at int64) int64 {
	kind := s.at(at, 1)[0]
	first := true
	for at++; ; first = false {
		size := s.at(at, 1)
		if len(size) == 0 || size[0] == 0 {
			return at + 1
		}
		n := int64(size[0])
		if b := s.at(at+1, 4); first && kind == 0xf9 && len(b) == 4 && b[0]&1 != 0 {
			g.transparent = int(b[3])
		}
		at += 1 + n
	}
}

// frame reads the frame's place, which may widen the picture, and its palette.
func (g *gifFile) frame(s *source, at int64, b []byte) error {
	g.x, g.y, g.w, g.h = le16(b, 1), le16(b, 3), le16(b, 5), le16(b, 7)
	g.width, g.height = max(g.width, g.x+g.w), max(g.height, g.y+g.h)
	flags := b[9]
	g.interlaced = flags&64 != 0
	if flags&128 != 0 {
		var err error
		if at, err = g.readPalette(s, at, flags); err != nil {
			return err
		}
	}
	g.data = at
	if len(s.at(at, 1)) == 0 {
		return truncated(GIF, "frame")
	}
	return nil
}

// decodeGIF reads the first frame.
func decodeGIF(b []byte, i Info, rule Rule) (*Picture, error) {
	g, err := gifHeader(&source{buf: b})
	if err != nil {
		return nil, err
	}
	if g.w == 0 || g.h == 0 {
		return nil, invalid(GIF, "frame", fmt.Sprintf("%dx%d", g.w, g.h), "at least 1x1")
	}
	if rule == Strict && int64(len(b))*4096*8/3 < int64(g.w)*int64(g.h) {
		return nil, truncated(GIF, "picture") // a code stands for at most 4096 pixels
	}
	p := blank(i.Mode, i.Width, i.Height)
	copy(p.Palette, g.palette)
	if g.transparent > 0 {
		for k := range p.Pix {
			p.Pix[k] = byte(g.transparent)
		}
	}
	l := newGIFCodes(b[g.data:])
	if err := g.pixels(p, l); err != nil && rule == Strict {
		return nil, err
	}
	return p, nil
}

// pixels fills the frame, row by row or in the four passes of an interlaced one.
func (g *gifFile) pixels(p *Picture, l *gifCodes) error {
	passes := []struct{ from, step int }{{0, 1}}
	if g.interlaced {
		passes = []struct{ from, step int }{{0, 8}, {4, 8}, {2, 4}, {1, 2}}
	}
	for _, pass := range passes {
		for y := pass.from; y < g.h; y += pass.step {
			if err := l.read(p.Pix[(g.y+y)*p.Width+g.x:][:g.w]); err != nil {
				return err
			}
		}
	}
	return nil
}

// gifCodes decompresses a GIF's data. Like Pillow it takes no part of a block that is
// cut off.
type gifCodes struct {
	b             []byte // blocks
	block         []byte // what is left of the one at hand
	acc           uint32
	n             int // bits in acc
	bits          int // of a pixel
	size          int // of a code
	next          int // first free code
	last          int // the code before, -1 after a clear
	first         byte
	prefix        [4096]uint16
	suffix        [4096]byte
	pending       []byte // pixels not handed out yet
	buffer        [4096 + 1]byte
	clear, finish int
}

func newGIFCodes(b []byte) *gifCodes {
	l := &gifCodes{b: b[1:], bits: int(b[0])}
	l.clear = 1 << min(l.bits, 12)
	l.finish = l.clear + 1
	l.restart()
	return l
}

func (l *gifCodes) restart() { l.size, l.next, l.last = l.bits+1, l.clear+2, -1 }

// read fills out.
func (l *gifCodes) read(out []byte) error {
	for len(out) > 0 {
		if len(l.pending) == 0 {
			if err := l.string(); err != nil {
				return err
			}
		}
		n := copy(out, l.pending)
		out, l.pending = out[n:], l.pending[n:]
	}
	return nil
}

// code reads a code, across blocks.
func (l *gifCodes) code() (int, bool) {
	for l.n < l.size {
		if len(l.block) == 0 {
			if len(l.b) == 0 || len(l.b) < 1+int(l.b[0]) {
				return 0, false
			}
			n := 1 + int(l.b[0])
			l.block, l.b = l.b[1:n], l.b[n:]
			continue
		}
		l.acc |= uint32(l.block[0]) << l.n
		l.block = l.block[1:]
		l.n += 8
	}
	c := int(l.acc & (1<<l.size - 1))
	l.acc >>= l.size
	l.n -= l.size
	return c, true
}

// string decodes the next string of pixels into pending.
func (l *gifCodes) string() error {
	if l.bits > 11 {
		return invalid(GIF, "code size", fmt.Sprint(l.bits), "at most 11")
	}
	for {
		c, ok := l.code()
		switch {
		case !ok, c == l.finish:
			return truncated(GIF, "picture")
		case c == l.clear:
			l.restart()
		case l.last < 0:
			if c > l.clear {
				return invalid(GIF, "code", fmt.Sprint(c), "a colour")
			}
			l.last, l.first = c, byte(c)
			l.pending = append(l.buffer[:0], byte(c))
			return nil
		case c > l.next:
			return invalid(GIF, "code", fmt.Sprint(c), fmt.Sprintf("at most %d", l.next))
		default:
			return l.expand(c)
		}
	}
}

// expand decodes a code and enters the string before it, longer by one, as the next.
func (l *gifCodes) expand(code int) error {
	at := len(l.buffer)
	c := code
	if c == l.next {
		at--
		l.buffer[at] = l.first
		c = l.last
	}
	for c >= l.clear {
		if at <= 1 || c >= len(l.prefix) {
			return invalid(GIF, "code", fmt.Sprint(code), "a finite string")
		}
		at--
		l.buffer[at] = l.suffix[c]
		c = int(l.prefix[c])
	}
	at--
	l.buffer[at] = byte(c)
	l.first = byte(c)
	if l.next < len(l.prefix) {
		l.suffix[l.next], l.prefix[l.next] = byte(c), uint16(l.last)
		if l.next == 1<<l.size-1 && l.size < 12 {
			l.size++
		}
		l.next++
	}
	l.last = code
	l.pending = l.buffer[at:]
	return nil
}
