package imageio

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"image"

	"golang.org/x/image/webp"
)

func isWebP(head []byte) bool {
	return len(head) >= 16 && string(head[:4]) == "RIFF" && string(head[8:12]) == "WEBP"
}

// webpFile is what the chunks of a file say.
type webpFile struct {
	info      Info
	image     int64 // the first VP8 or VP8L chunk
	alpha     int64 // the ALPH chunk before it, or 0
	exif, xmp []byte
	extended  bool // there is a VP8X chunk, which has the size and says:
	flags     byte // 2 animated, 4 XMP, 8 EXIF, 16 alpha
}

// webpInfo walks the chunks; the picture must be there as a whole.
func webpInfo(s *source, _ Rule) (Info, error) {
	f, err := webpChunks(s)
	if err != nil {
		return Info{}, err
	}
	f.info.Orientation = orientation(f.exif, f.xmp)
	return f.info, nil
}

func webpChunks(s *source) (*webpFile, error) {
	f := new(webpFile)
	end := int64(le32(s.at(0, 12), 4)) + 8
	if len(s.at(end-1, 1)) == 0 {
		return nil, truncated(WebP, "file")
	}
	for at := int64(12); at+8 <= end; {
		kind, size := f.chunkHeader(s, at)
		if kind == "ANMF" && f.image == 0 {
			if err := f.frame(s, at+8+16, min(at+8+size, end)); err != nil {
				return nil, err
			}
		} else if err := f.chunk(s, kind, at, size); err != nil {
			return nil, err
		}
		at += 8 + size + size&1
	}
	if f.image == 0 {
		return nil, truncated(WebP, "picture")
	}
	return f, nil
}

func (f *webpFile) chunkHeader(s *source, at int64) (kind string, size int64) {
	h := s.at(at, 8)
	if len(h) < 8 {
		return "", 0
	}
	return string(h[:4]), int64(le32(h, 4))
}

// frame reads the chunks of an animation's first frame.
func (f *webpFile) frame(s *source, at, end int64) error {
	for at+8 <= end {
		kind, size := f.chunkHeader(s, at)
		if err := f.chunk(s, kind, at, size); err != nil {
			return err
		}
		at += 8 + size + size&1
	}
	return nil
}

// metadataLimit is the longest EXIF or XMP chunk that is looked at.
const metadataLimit = 16 << 20

func (f *webpFile) chunk(s *source, kind string, at, size int64) error {
	switch kind {
	case "VP8X":
		b := s.at(at+8, 10)
		if len(b) < 10 {
			return truncated(WebP, "VP8X")
		}
		f.extended, f.flags = true, b[0]
		f.info.Width = 1 + (int(b[4]) | int(b[5])<<8 | int(b[6])<<16)
		f.info.Height = 1 + (int(b[7]) | int(b[8])<<8 | int(b[9])<<16)
		f.setMode(b[0]&0x10 != 0)
	case "ALPH":
		if f.image == 0 {
			f.alpha = at
		}
	case "VP8 ", "VP8L":
		if f.image == 0 {
			f.image = at
			return f.bitstream(kind, s.at(at+8, 10))
		}
	case "EXIF":
		if f.exif == nil && f.flags&8 != 0 && size <= metadataLimit {
			f.exif = bytes.Clone(s.at(at+8, int(size)))
		}
	case "XMP ":
		if f.xmp == nil && f.flags&4 != 0 && size <= metadataLimit {
			f.xmp = bytes.Clone(s.at(at+8, int(size)))
		}
	}
	return nil
}

func (f *webpFile) setMode(alpha bool) {
	f.info.Mode = RGB
	if alpha {
		f.info.Mode = RGBA
	}
}

// bitstream takes size and alpha from the picture itself where nothing else has them.
func (f *webpFile) bitstream(kind string, b []byte) error {
	w, h, alpha := 0, 0, f.alpha != 0
	if kind == "VP8 " {
		if len(b) < 10 || b[3] != 0x9d || b[4] != 1 || b[5] != 0x2a || b[0]&1 != 0 {
			return invalid(WebP, "VP8 frame", "without a key frame's start", "")
		}
		w, h = le16(b, 6)&0x3fff, le16(b, 8)&0x3fff
	} else {
		if len(b) < 5 || b[0] != 0x2f {
			return invalid(WebP, "VP8L frame", "without its signature", "")
		}
		bits := le32(b, 1)
		w, h, alpha = int(bits&0x3fff)+1, int(bits>>14&0x3fff)+1, bits>>28&1 != 0
	}
	if f.extended && f.flags&2 == 0 && (w != f.info.Width || h != f.info.Height) {
		return invalid(WebP, "picture", fmt.Sprintf("%dx%d", w, h), fmt.Sprintf("%dx%d", f.info.Width, f.info.Height))
	}
	if !f.extended {
		f.info.Width, f.info.Height = w, h
		f.setMode(alpha)
	}
	return checkSize(w, h)
}

// decodeWebP reads the picture, or an animation's first frame on its canvas.
func decodeWebP(b []byte, i Info, _ Rule) (*Picture, error) {
	s := &source{buf: b}
	f, err := webpChunks(s)
	if err != nil {
		return nil, err
	}
	m, err := webp.Decode(bytes.NewReader(f.still(b)))
	if err != nil {
		return nil, invalid(WebP, "picture", err.Error(), "")
	}
	p := blank(RGBA, m.Bounds().Dx(), m.Bounds().Dy())
	switch m := m.(type) {
	case *image.YCbCr:
		webpColours(p, m, nil, 0)
	case *image.NYCbCrA:
		webpColours(p, &m.YCbCr, m.A, m.AStride)
	case *image.NRGBA:
		for y := range p.Height {
			copy(p.Pix[4*y*p.Width:][:4*p.Width], m.Pix[y*m.Stride:])
		}
	default:
		return nil, unsupported(WebP, "colours", fmt.Sprintf("%T", m))
	}
	return f.onCanvas(p, b, i)
}

// onCanvas places a frame and drops alpha that the file does not declare.
func (f *webpFile) onCanvas(p *Picture, b []byte, i Info) (*Picture, error) {
	if p.Width != i.Width || p.Height != i.Height {
		x, y := 0, 0
		if at := bytes.Index(b, []byte("ANMF")); at >= 0 && at+16 <= len(b) {
			x, y = 2*int(le32(b, at+8)&0xffffff), 2*int(le32(b, at+11)&0xffffff)
		}
		if x+p.Width > i.Width || y+p.Height > i.Height {
			return nil, invalid(WebP, "frame", fmt.Sprintf("%dx%d at %d, %d", p.Width, p.Height, x, y), fmt.Sprintf("inside %dx%d", i.Width, i.Height))
		}
		var err error
		if p, err = p.Crop(image.Rect(-x, -y, i.Width-x, i.Height-y)); err != nil {
			return nil, err
		}
	}
	if i.Mode == RGB {
		p = p.RGB()
	}
	return p, nil
}

// still returns a file that holds the first frame alone.
func (f *webpFile) still(b []byte) []byte {
	image := wholeChunk(b, f.image)
	var head []byte
	if f.alpha != 0 {
		x := make([]byte, 18)
		copy(x, "VP8X\x0a\x00\x00\x00\x10")
		size := image[8:]
		w, h := le16(size, 6)&0x3fff-1, le16(size, 8)&0x3fff-1
		x[12], x[13], x[15], x[16] = byte(w), byte(w>>8), byte(h), byte(h>>8)
		head = append(x, wholeChunk(b, f.alpha)...)
	}
	out := append([]byte("RIFF\x00\x00\x00\x00WEBP"), head...)
	out = append(out, image...)
	binary.LittleEndian.PutUint32(out[4:], uint32(len(out)-8))
	return out
}

// wholeChunk returns a chunk with its header and padding, as far as it is there.
func wholeChunk(b []byte, at int64) []byte {
	size := int64(le32(b, int(at)+4))
	c := b[at:min(at+8+size, int64(len(b)))]
	if size&1 != 0 {
		c = append(bytes.Clone(c), 0)
	}
	return c
}

// webpColours converts Y'CbCr with the chroma interpolated as libwebp does
// (upsampling.c, fancy): each of the two rows between two rows of chroma, and each
// of the two columns, is a quarter of the way off.
func webpColours(p *Picture, m *image.YCbCr, alpha []byte, alphaStride int) {
	w, h := p.Width, p.Height
	chromaRows := (h + 1) / 2
	for y := range h {
		near := y / 2
		far := min(max(near+2*(y&1)-1, 0), chromaRows-1)
		row := webpRow{
			y: m.Y[y*m.YStride:], out: p.Pix[4*y*w:][:4*w],
			u: m.Cb[near*m.CStride:], v: m.Cr[near*m.CStride:],
			farU: m.Cb[far*m.CStride:], farV: m.Cr[far*m.CStride:],
		}
		row.convert(w)
		for x := range w {
			a := byte(255)
			if alpha != nil {
				a = alpha[y*alphaStride+x]
			}
			row.out[4*x+3] = a
		}
	}
}

// webpRow is a row of pixels with the two rows of chroma it lies between.
type webpRow struct{ y, u, v, farU, farV, out []byte }

func (r *webpRow) convert(w int) {
	edge := func(near, far byte) int { return (3*int(near) + int(far) + 2) >> 2 }
	r.put(0, edge(r.u[0], r.farU[0]), edge(r.v[0], r.farV[0]))
	for k := 1; k <= (w-1)/2; k++ {
		u0, u1 := fancy(r.u[k-1], r.u[k], r.farU[k-1], r.farU[k])
		v0, v1 := fancy(r.v[k-1], r.v[k], r.farV[k-1], r.farV[k])
		r.put(2*k-1, u0, v0)
		r.put(2*k, u1, v1)
	}
	if w > 1 && w%2 == 0 {
		k := w/2 - 1
		r.put(w-1, edge(r.u[k], r.farU[k]), edge(r.v[k], r.farV[k]))
	}
}

// fancy returns the two samples between left and right: 9/16 of the nearest, 3/16
// of its neighbours, 1/16 of the farthest, with libwebp's roundings.
func fancy(left, right, farLeft, farRight byte) (int, int) {
	l, r, fl, fr := int(left), int(right), int(farLeft), int(farRight)
	sum := l + r + fl + fr + 8
	return ((sum+2*(r+fl))>>3 + l) >> 1, ((sum+2*(l+fr))>>3 + r) >> 1
}

// put converts pixel x: BT.601 for video range, 14-bit fixed point (libwebp, yuv.h).
func (r *webpRow) put(x, u, v int) {
	y := int(r.y[x]) * 19077 >> 8
	d := r.out[4*x : 4*x+3 : 4*x+3]
	d[0] = clip8((y + v*26149>>8 - 14234) >> 6)
	d[1] = clip8((y - u*6419>>8 - v*13320>>8 + 8708) >> 6)
	d[2] = clip8((y + u*33050>>8 - 17685) >> 6)
}
