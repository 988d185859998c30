package imageio

import (
	"fmt"
	"image"
	"slices"

	"github.com/easel-go/easel/internal/fault"
)

// MaxPixels is the largest picture that is decoded, WarnPixels the size above
// which a caller should say that it met one: Pillow's limits.
const (
	MaxPixels  = 2 * WarnPixels
	WarnPixels = 89478485
)

// Mode says what a pixel is. The names are Pillow's.
type Mode string

// The modes, with the bytes of one pixel in [Picture.Pix].
const (
	Bilevel Mode = "1"    // 0 or 255 in one byte
	Gray    Mode = "L"    // one byte
	GrayA   Mode = "LA"   // grey, alpha
	Indexed Mode = "P"    // an index into Palette
	RGB     Mode = "RGB"  // red, green, blue
	RGBA    Mode = "RGBA" // red, green, blue, alpha, not premultiplied
	CMYK    Mode = "CMYK" // cyan, magenta, yellow, black: 255 is full ink
	Gray16  Mode = "I;16" // 16 bits, little endian
	Int32   Mode = "I"    // int32, little endian
	Float   Mode = "F"    // float32, little endian
)

// Bytes returns the size of a pixel, 0 for an unknown mode.
func (m Mode) Bytes() int {
	switch m {
	case Bilevel, Gray, Indexed:
		return 1
	case GrayA, Gray16:
		return 2
	case RGB:
		return 3
	case RGBA, CMYK, Int32, Float:
		return 4
	}
	return 0
}

// Picture holds pixels row by row without gaps.
type Picture struct {
	Mode          Mode
	Width, Height int
	Pix           []byte // Width·Height·Mode.Bytes()
	Palette       []byte // 256 RGB triples, of Indexed pictures only; black where the file gives none
	Orientation   int    // EXIF orientation that Upright still has to apply; 0 and 1 are none
}

// New returns a picture of zeros: black, or transparent. It fails if a side is not
// positive or the picture has more than [MaxPixels].
func New(m Mode, width, height int) (*Picture, error) {
	if err := checkSize(width, height); err != nil {
		return nil, err
	}
	if m.Bytes() == 0 {
		return nil, &fault.Error{Kind: fault.Invalid, Op: op, What: "mode", Have: string(m)}
	}
	return blank(m, width, height), nil
}

// op names the package in errors.
const op = "imageio"

// blank is New for sizes that have been checked.
func blank(m Mode, w, h int) *Picture {
	p := &Picture{Mode: m, Width: w, Height: h, Pix: take(&sparePixels, w*h*m.Bytes())}
	if m == Indexed {
		p.Palette = make([]byte, 768)
	}
	return p
}

// checkSize refuses empty pictures and those over the pixel budget.
func checkSize(w, h int) error {
	switch {
	case w <= 0 || h <= 0:
		return &fault.Error{Kind: fault.Invalid, Op: op, What: "size", Have: fmt.Sprintf("%dx%d", w, h), Want: "at least 1x1"}
	case w > MaxPixels || h > MaxPixels || int64(w)*int64(h) > MaxPixels:
		return &fault.Error{Kind: fault.Limit, Op: op, What: "size", Have: fmt.Sprintf("%dx%d", w, h), Want: fmt.Sprintf("at most %d pixels", MaxPixels)}
	}
	return nil
}

// Clone returns a copy that shares nothing with p.
func (p *Picture) Clone() *Picture {
	q := *p
	q.Pix, q.Palette = slices.Clone(p.Pix), slices.Clone(p.Palette)
	return &q
}

// check reports a picture whose fields do not fit together.
func (p *Picture) check() error {
	if err := checkSize(p.Width, p.Height); err != nil {
		return err
	}
	if n := p.Width * p.Height * p.Mode.Bytes(); n == 0 || len(p.Pix) != n {
		return &fault.Error{Kind: fault.Shape, Op: op, What: fmt.Sprintf("mode %q, size %dx%d", p.Mode, p.Width, p.Height),
			Have: fmt.Sprintf("with %d bytes", len(p.Pix)), Want: fmt.Sprint(n)}
	}
	if p.Mode == Indexed && len(p.Palette) != 768 {
		return &fault.Error{Kind: fault.Shape, Op: op, What: "palette", Have: fmt.Sprintf("of %d bytes", len(p.Palette)), Want: "768"}
	}
	return nil
}

// Crop returns the part of the picture inside r, a copy. Parts of r outside the
// picture are zero, as Pillow's crop fills them.
func (p *Picture) Crop(r image.Rectangle) (*Picture, error) {
	if err := checkSize(r.Dx(), r.Dy()); err != nil {
		return nil, err
	}
	q := blank(p.Mode, r.Dx(), r.Dy())
	q.Palette, q.Orientation = slices.Clone(p.Palette), p.Orientation
	n := p.Mode.Bytes()
	in := r.Intersect(image.Rect(0, 0, p.Width, p.Height))
	for y := in.Min.Y; y < in.Max.Y; y++ {
		row := p.Pix[(y*p.Width+in.Min.X)*n : (y*p.Width+in.Max.X)*n]
		copy(q.Pix[((y-r.Min.Y)*q.Width+in.Min.X-r.Min.X)*n:], row)
	}
	return q, nil
}

// RGBAImage returns the pixels as an opaque *image.RGBA, converted like [Picture.RGB].
func (p *Picture) RGBAImage() *image.RGBA {
	rgb := p.RGB().Pix
	m := image.NewRGBA(image.Rect(0, 0, p.Width, p.Height))
	for i, j := 0, 0; i+2 < len(rgb); i, j = i+3, j+4 {
		d := m.Pix[j : j+4 : j+4]
		d[0], d[1], d[2], d[3] = rgb[i], rgb[i+1], rgb[i+2], 255
	}
	return m
}

// FromImage returns m as an RGB picture, its alpha dropped: the colour of a
// half-transparent pixel is the one it has before it is laid over something.
func FromImage(m image.Image) (*Picture, error) {
	r := m.Bounds()
	p, err := New(RGB, r.Dx(), r.Dy())
	if err != nil {
		return nil, err
	}
	switch m := m.(type) {
	case *image.RGBA:
		if m.Opaque() {
			fill4(p, m.Pix, m.Stride)
			return p, nil
		}
	case *image.NRGBA:
		fill4(p, m.Pix, m.Stride)
		return p, nil
	case *image.Gray:
		for y := range p.Height {
			for x, v := range m.Pix[y*m.Stride:][:p.Width] {
				d := p.Pix[(y*p.Width+x)*3:][:3]
				d[0], d[1], d[2] = v, v, v
			}
		}
		return p, nil
	}
	fillAny(p, m)
	return p, nil
}
