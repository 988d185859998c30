package imageio

import (
	"bufio"
	"compress/zlib"
	"errors"
	"io"
)

// decodePNG reads the pixels. Like Pillow it stops with the last row: what follows,
// checksums of the pixels included, does not matter.
func decodePNG(b []byte, i Info, rule Rule) (*Picture, error) {
	r := &pngReader{s: &source{buf: b}, rule: rule, at: int64(len(pngMagic))}
	if err := r.beforeData(); err != nil {
		return nil, err
	}
	h := r.header
	if rule == Strict && int64(len(b))*1040 < int64(i.Width)*int64(i.Height)*int64(h.bits())/8 {
		return nil, truncated(PNG, "pixels") // no compression makes up for this
	}
	p := blank(h.mode(), i.Width, i.Height)
	if p.Palette != nil {
		copy(p.Palette, r.palette[:len(r.palette)/3*3])
	}
	err := h.pixels(p, &pngData{r: r})
	if err == nil {
		err = r.wholeChunks()
	}
	if err != nil && rule == Strict {
		return nil, err
	}
	return p, nil
}

// wholeChunks fails if a chunk behind the pixels is cut off.
func (r *pngReader) wholeChunks() error {
	for {
		kind, size, ok := r.next()
		if !ok || kind == "IEND" {
			return nil
		}
		if int64(len(r.s.at(r.at+8, int(size)))) < size {
			return truncated(PNG, "chunk "+kind)
		}
		r.at += size + 12
	}
}

// adam7 are the passes of an interlaced picture: where they begin and their steps.
var adam7 = [7]struct{ x, y, dx, dy int }{
	{0, 0, 8, 8}, {4, 0, 8, 8}, {0, 4, 4, 8}, {2, 0, 4, 4}, {0, 2, 2, 4}, {1, 0, 2, 2}, {0, 1, 1, 2},
}

// pixels fills p row by row from compressed data.
func (h pngHeader) pixels(p *Picture, data io.Reader) error {
	z, err := zlib.NewReader(data)
	if err != nil {
		return damage(err)
	}
	defer z.Close()
	rows := bufio.NewReaderSize(z, 1<<15)
	if !h.interlaced {
		return h.pass(p, rows, 0, 0, 1, 1)
	}
	for _, a := range adam7 {
		if err := h.pass(p, rows, a.x, a.y, a.dx, a.dy); err != nil {
			return err
		}
	}
	return nil
}

// damage says whether the data end or are wrong.
func damage(err error) error {
	if short(err) {
		return truncated(PNG, "pixels")
	}
	return invalid(PNG, "pixels", err.Error(), "")
}

func short(err error) bool { return errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) }

// pass reads the rows of every dy-th line from y0, each of every dx-th pixel from x0.
func (h pngHeader) pass(p *Picture, z *bufio.Reader, x0, y0, dx, dy int) error {
	width := (p.Width - x0 + dx - 1) / dx
	if width <= 0 {
		return nil
	}
	size := (width*h.bits() + 7) / 8
	step := max(h.bits()/8, 1)
	row, last := make([]byte, size+1), make([]byte, size+1)
	for y := y0; y < p.Height; y += dy {
		if n, err := io.ReadFull(z, row); err != nil {
			if n == 0 && err == io.EOF {
				return nil // the data end with a row: the rest stays black, in Pillow too
			}
			return damage(err)
		}
		if _, err := z.Peek(1); err != nil && !short(err) {
			return damage(err) // zlib meets the error before it hands the row over
		}
		if !unfilter(row[0], row[1:], last[1:], step) {
			return invalid(PNG, "filter of a row", string('0'+rune(row[0])), "0 to 4")
		}
		h.unpack(p, row[1:], x0, y, dx, width)
		row, last = last, row
	}
	return nil
}

// unfilter undoes the prediction of a row from its left and upper neighbours, as
// PNG's specification, chapter 9, has it.
func unfilter(kind byte, row, up []byte, step int) bool {
	up = up[:len(row)]
	switch kind {
	case 0:
	case 1:
		for i := step; i < len(row); i++ {
			row[i] += row[i-step]
		}
	case 2:
		for i, v := range up {
			row[i] += v
		}
	case 3:
		for i := range min(step, len(row)) {
			row[i] += up[i] / 2
		}
		for i := step; i < len(row); i++ {
			row[i] += byte((int(row[i-step]) + int(up[i])) / 2)
		}
	case 4:
		for i := range min(step, len(row)) {
			row[i] += up[i]
		}
		for i := step; i < len(row); i++ {
			row[i] += paeth(int(row[i-step]), int(up[i]), int(up[i-step]))
		}
	default:
		return false
	}
	return true
}

// paeth returns whichever of left, up and corner is nearest to left+up-corner.
func paeth(left, up, corner int) byte {
	a, b := up-corner, left-corner
	c := max(a+b, -a-b)
	a, b = max(a, -a), max(b, -b)
	if a <= b && a <= c {
		return byte(left)
	}
	if b <= c {
		return byte(up)
	}
	return byte(corner)
}

// unpack spreads a row's samples over p's pixels.
func (h pngHeader) unpack(p *Picture, row []byte, x0, y, dx, width int) {
	n := p.Mode.Bytes()
	out := p.Pix[(y*p.Width+x0)*n:]
	switch {
	case h.depth < 8:
		h.unpackBits(out, row, dx, width)
	case h.depth == 16:
		h.unpack16(out, row, dx*n, width)
	case dx == 1:
		copy(out[:width*n], row)
	default:
		for x := range width {
			copy(out[x*dx*n:][:n], row[x*n:])
		}
	}
}

// unpackBits widens 1, 2 or 4 bits: grey to 0…255, indexes to themselves.
func (h pngHeader) unpackBits(out, row []byte, dx, width int) {
	depth := int(h.depth)
	mask := byte(1<<depth - 1)
	scale := byte(1)
	if h.colour == 0 {
		scale = 255 / mask
	}
	for x := range width {
		bit := x * depth
		out[x*dx] = row[bit/8] >> (8 - depth - bit%8) & mask * scale
	}
}

// unpack16 keeps grey's both bytes and of everything else the high one.
func (h pngHeader) unpack16(out, row []byte, step, width int) {
	for x := range width {
		d := out[x*step:]
		switch h.colour {
		case 0:
			d[0], d[1] = row[2*x+1], row[2*x]
		case 2:
			d[0], d[1], d[2] = row[6*x], row[6*x+2], row[6*x+4]
		case 4:
			d[0], d[1], d[2], d[3] = row[4*x], row[4*x], row[4*x], row[4*x+2]
		case 6:
			d[0], d[1], d[2], d[3] = row[8*x], row[8*x+2], row[8*x+4], row[8*x+6]
		}
	}
}
