package imageio

import (
	"encoding/binary"
	"image"
	"image/color"
	"math"
)

// RGB returns the picture in mode RGB, converted as Pillow's convert("RGB") does:
// alpha is dropped and nothing is laid over anything, 16-bit grey is cut at 255 (so
// that it comes out nearly white), floats are truncated and cut. A picture that is
// RGB already is returned itself.
func (p *Picture) RGB() *Picture {
	if p.Mode == RGB {
		return p
	}
	q := blank(RGB, p.Width, p.Height)
	q.Orientation = p.Orientation
	n := p.Mode.Bytes()
	switch p.Mode {
	case RGBA:
		fill4(q, p.Pix, 4*p.Width)
	case CMYK:
		for i := range p.Width * p.Height {
			cmyk((*[3]byte)(q.Pix[3*i:]), (*[4]byte)(p.Pix[4*i:]))
		}
	case Indexed:
		for i, v := range p.Pix {
			*(*[3]byte)(q.Pix[3*i:]) = [3]byte(p.Palette[3*int(v):])
		}
	default:
		for i := range p.Width * p.Height {
			v := gray8(p.Mode, p.Pix[n*i:])
			*(*[3]byte)(q.Pix[3*i:]) = [3]byte{v, v, v}
		}
	}
	return q
}

// gray8 returns the 8-bit value of the pixel at the start of b, in a mode of one channel.
func gray8(m Mode, b []byte) byte {
	le := binary.LittleEndian
	switch m {
	case Gray16:
		return byte(min(le.Uint16(b), 255))
	case Int32:
		return clip8(int(int32(le.Uint32(b))))
	case Float:
		f := math.Float32frombits(le.Uint32(b))
		if f >= 255 {
			return 255
		}
		if !(f > 0) {
			return 0
		}
		return byte(f)
	}
	return b[0]
}

// cmyk is Pillow's uncalibrated conversion: what the ink leaves of the paper.
func cmyk(d *[3]byte, s *[4]byte) {
	k := 255 - int(s[3])
	for i := range d {
		d[i] = clip8(k - mulDiv255(int(s[i]), k))
	}
}

// mulDiv255 returns a·b/255, rounded.
func mulDiv255(a, b int) int {
	t := a*b + 128
	return (t>>8 + t) >> 8
}

func clip8(v int) byte { return byte(min(max(v, 0), 255)) }

// premultiply returns a copy whose colours are multiplied by their alpha, the last
// of n channels.
func premultiply(pix []byte, n int) []byte {
	out := make([]byte, len(pix))
	for i := 0; i+n <= len(pix); i += n {
		a := int(pix[i+n-1])
		for c := i; c < i+n-1; c++ {
			out[c] = byte(mulDiv255(int(pix[c]), a))
		}
		out[i+n-1] = byte(a)
	}
	return out
}

// unpremultiply undoes premultiply in place, rounding down.
func unpremultiply(pix []byte, n int) {
	for i := 0; i+n <= len(pix); i += n {
		a := int(pix[i+n-1])
		if a == 0 || a == 255 {
			continue
		}
		for c := i; c < i+n-1; c++ {
			pix[c] = clip8(255 * int(pix[c]) / a)
		}
	}
}

// fill4 copies the first three of every four bytes.
func fill4(p *Picture, pix []byte, stride int) {
	for y := range p.Height {
		src, dst := pix[y*stride:][:4*p.Width], p.Pix[3*y*p.Width:][:3*p.Width]
		for len(src) >= 4 && len(dst) >= 3 {
			dst[0], dst[1], dst[2] = src[0], src[1], src[2]
			src, dst = src[4:], dst[3:]
		}
	}
}

// fillAny converts the pixels of m one by one.
func fillAny(p *Picture, m image.Image) {
	r, i := m.Bounds(), 0
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			c := color.NRGBAModel.Convert(m.At(x, y)).(color.NRGBA)
			p.Pix[i], p.Pix[i+1], p.Pix[i+2] = c.R, c.G, c.B
			i += 3
		}
	}
}
