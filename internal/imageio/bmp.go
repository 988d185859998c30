package imageio

import (
	"bytes"
	"fmt"
)

// bmpFile is the header of a bitmap.
type bmpFile struct {
	width, height int
	topDown       bool
	bits          int
	compression   uint32
	mode          Mode
	order         string // the bytes of a pixel of 24 or 32 bits: "BGR", "BGRX"
	six           bool   // 16 bits: green has six of them
	palette       []byte // RGB
	data          int64
}

// BMP compressions.
const (
	bmpRaw = iota
	bmpRLE8
	bmpRLE4
	bmpFields
)

func bmpInfo(s *source, _ Rule) (Info, error) {
	f, err := bmpHeader(s)
	if err != nil {
		return Info{}, err
	}
	return Info{Width: f.width, Height: f.height, Mode: f.mode}, nil
}

func bmpHeader(s *source) (*bmpFile, error) {
	size := int(le32(s.at(14, 4), 0))
	switch size {
	case 12, 40, 52, 56, 64, 108, 124:
	default:
		if len(s.at(14, 4)) < 4 {
			return nil, truncated(BMP, "header")
		}
		return nil, unsupported(BMP, "header", fmt.Sprintf("of %d bytes", size))
	}
	h := bytes.Clone(s.at(0, 14+size+16))
	if len(h) < 14+size {
		return nil, truncated(BMP, "header")
	}
	f := &bmpFile{data: int64(le32(h, 10))}
	h = h[14:]
	end, colours := int64(14+size), 0
	if size == 12 {
		f.width, f.height, f.bits = le16(h, 4), le16(h, 6), le16(h, 10)
	} else {
		f.width, f.height = int(le32(h, 4)), int(le32(h, 8))
		if f.topDown = h[11] == 0xff; f.topDown {
			f.height = int(-le32(h, 8))
		}
		f.bits, f.compression, colours = le16(h, 14), le32(h, 16), int(le32(h, 32))
	}
	if colours == 0 {
		colours = 1 << min(f.bits, 16)
	}
	padding := 4
	if size == 12 {
		padding = 3
	}
	if f.data == end && f.bits <= 8 {
		f.data += int64(padding * min(colours, 1<<16))
	}
	var err error
	if end, err = f.layout(h, size, end); err != nil {
		return nil, err
	}
	if f.mode == Indexed {
		if colours > 1<<16 {
			return nil, unsupported(BMP, "palette", fmt.Sprintf("of %d colours", colours))
		}
		f.colours(s.at(end, padding*colours), padding, colours)
		end += int64(padding * colours)
	}
	if f.data == 0 {
		f.data = end
	}
	return f, nil
}

// layout finds out what a pixel looks like.
func (f *bmpFile) layout(h []byte, size int, end int64) (int64, error) {
	switch f.bits {
	case 1, 4, 8:
		f.mode = Indexed
	case 16:
		f.mode = RGB
	case 24:
		f.mode, f.order = RGB, "BGR"
	case 32:
		f.mode, f.order = RGB, "BGRX"
	default:
		return 0, unsupported(BMP, "depth", fmt.Sprintf("%d bits", f.bits))
	}
	switch f.compression {
	case bmpRaw:
	case bmpRLE8, bmpRLE4:
		if f.mode != Indexed {
			return 0, unsupported(BMP, "run lengths", fmt.Sprintf("of %d bits", f.bits))
		}
	case bmpFields:
		if size == 40 {
			end += 12
		}
		if len(h) < 52 {
			return 0, truncated(BMP, "masks")
		}
		masks := [4]uint32{le32(h, 40), le32(h, 44), le32(h, 48), 0}
		if size >= 56 {
			masks[3] = le32(h, 52)
		}
		return end, f.fields(masks)
	default:
		return 0, unsupported(BMP, "compression", fmt.Sprint(f.compression))
	}
	return end, nil
}

// bmpOrders are the arrangements of 32 bits that are read, as Pillow's.
var bmpOrders = map[[4]uint32]string{
	{0xff0000, 0xff00, 0xff, 0}:          "BGRX",
	{0xff000000, 0xff0000, 0xff00, 0}:    "XBGR",
	{0xff000000, 0xff00, 0xff, 0}:        "BGXR",
	{0xff000000, 0xff0000, 0xff00, 0xff}: "ABGR",
	{0xff, 0xff00, 0xff0000, 0xff000000}: "RGBA",
	{0xff0000, 0xff00, 0xff, 0xff000000}: "BGRA",
	{0xff000000, 0xff00, 0xff, 0xff0000}: "BGAR",
	{0, 0, 0, 0}:                         "BGRA",
}

func (f *bmpFile) fields(m [4]uint32) error {
	rgb := [3]uint32(m[:3])
	switch {
	case f.bits == 32 && bmpOrders[m] != "":
		f.order = bmpOrders[m]
		if bytes.IndexByte([]byte(f.order), 'A') >= 0 {
			f.mode = RGBA
		}
	case f.bits == 24 && rgb == [3]uint32{0xff0000, 0xff00, 0xff}:
	case f.bits == 16 && rgb == [3]uint32{0xf800, 0x7e0, 0x1f}:
		f.six = true
	case f.bits == 16 && rgb == [3]uint32{0x7c00, 0x3e0, 0x1f}:
	default:
		return unsupported(BMP, "masks", fmt.Sprintf("%x of %d bits", m, f.bits))
	}
	return nil
}

// colours reads the palette. One of plain greys makes the picture grey.
func (f *bmpFile) colours(b []byte, padding, n int) {
	gray := true
	for i := range n {
		want := byte(i)
		if n == 2 {
			want = byte(255 * i)
		}
		c := b[min(i*padding, len(b)):]
		if len(c) < 3 {
			gray = false
			break
		}
		gray = gray && c[0] == want && c[1] == want && c[2] == want
		f.palette = append(f.palette, c[2], c[1], c[0])
	}
	switch {
	case gray && n == 2 && f.bits == 1:
		f.mode = Bilevel
	case gray && f.bits == 8:
		f.mode = Gray
	}
}

// decodeBMP reads the pixels; only whole rows count.
func decodeBMP(b []byte, i Info, rule Rule) (*Picture, error) {
	f, err := bmpHeader(&source{buf: b})
	if err != nil {
		return nil, err
	}
	data := b[min(f.data, int64(len(b))):]
	used := (f.width*f.bits + 7) / 8
	stride := (f.width*f.bits + 31) / 32 * 4
	packed := f.compression == bmpRLE8 || f.compression == bmpRLE4
	if rule == Strict && !packed && int64(len(data)) < int64(stride)*int64(f.height-1)+int64(used) {
		return nil, truncated(BMP, "picture")
	}
	p := blank(f.mode, f.width, f.height)
	copy(p.Palette, f.palette)
	if packed {
		data, used, stride = bmpRuns(data, f.width, f.height, f.compression == bmpRLE4), f.width, f.width
		f.bits = 8
		if rule == Strict && len(data) < f.width*f.height {
			return nil, truncated(BMP, "picture")
		}
	}
	n := f.mode.Bytes()
	for k := 0; k < f.height && k*stride+used <= len(data); k++ {
		y := f.height - 1 - k
		if f.topDown {
			y = k
		}
		f.row(p.Pix[y*f.width*n:][:f.width*n], data[k*stride:][:used])
	}
	return p, nil
}

// row converts a row of the file.
func (f *bmpFile) row(out, row []byte) {
	switch f.bits {
	case 1, 4:
		h := pngHeader{depth: byte(f.bits), colour: 3}
		if f.mode == Bilevel {
			h.colour = 0
		}
		h.unpackBits(out, row, 1, len(out))
	case 8:
		copy(out, row)
	case 16:
		for x := 0; 2*x+1 < len(row); x++ {
			v := le16(row, 2*x)
			d := out[3*x : 3*x+3]
			d[0], d[1], d[2] = byte(v>>10&31*255/31), byte(v>>5&31*255/31), byte(v&31*255/31)
			if f.six {
				d[0], d[1] = byte((v>>11&31)*255/31), byte((v>>5&63)*255/63)
			}
		}
	default:
		n, size := len(f.order), f.mode.Bytes()
		for k, c := range []byte(f.order) {
			at := bytes.IndexByte([]byte("RGBA"), c)
			if at < 0 {
				continue
			}
			for x := 0; x*size < len(out); x++ {
				out[x*size+at] = row[x*n+k]
			}
		}
	}
}

// bmpRuns expands run lengths to rows of bytes, as far as they go.
func bmpRuns(b []byte, width, height int, nibbles bool) []byte {
	var out []byte
	x, total := 0, width*height
	start := len(b)
	take := func(n int) []byte {
		n = min(n, len(b))
		head := b[:n]
		b = b[n:]
		return head
	}
	for len(out) < total && len(b) >= 2 {
		op := take(2)
		n := int(op[0])
		if n > 0 {
			n = min(n, max(width-x, 0))
			for i := range n {
				out = append(out, bmpPixel(op[1], i, nibbles))
			}
			x += n
			continue
		}
		switch op[1] {
		case 0: // end of the row
			for len(out)%width != 0 {
				out = append(out, 0)
			}
			x = 0
		case 1: // end of the picture
			return out
		case 2: // a jump
			by := take(2)
			if len(by) < 2 {
				return out
			}
			skip := min(int(by[0])+int(by[1])*width, total-len(out))
			out = append(out, make([]byte, skip)...)
			x = len(out) % width
		default: // pixels
			n := int(op[1])
			size := n
			if nibbles {
				size = n / 2
			}
			got := take(size)
			for _, v := range got {
				if nibbles {
					out = append(out, v>>4, v&15)
				} else {
					out = append(out, v)
				}
			}
			if len(got) < size {
				return out
			}
			x += n
			if (start-len(b))%2 != 0 {
				take(1)
			}
		}
	}
	return out[:min(len(out), total)]
}

// bmpPixel is the i-th pixel of a run.
func bmpPixel(v byte, i int, nibbles bool) byte {
	switch {
	case !nibbles:
		return v
	case i%2 == 0:
		return v >> 4
	}
	return v & 15
}
