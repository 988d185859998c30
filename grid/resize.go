package grid

import (
	"image"
	"image/draw"
	"reflect"

	"github.com/easel-go/easel/internal/imageio"
)

// Filter is how pixels are weighed when a picture is resized.
type Filter uint8

// The filters of Pillow's Image.resize. The zero value is its default.
const (
	Bicubic  = Filter(imageio.Bicubic)  // the cubic of Keys with a = -1/2
	Nearest  = Filter(imageio.Nearest)  // the pixel under the centre
	Box      = Filter(imageio.Box)      // the mean of the pixels covered
	Bilinear = Filter(imageio.Bilinear) // a triangle
	Hamming  = Filter(imageio.Hamming)  // a windowed sinc as wide as Bilinear
	Lanczos  = Filter(imageio.Lanczos)  // a windowed sinc over three pixels
)

// String returns the filter's name in lower case.
func (f Filter) String() string { return imageio.Filter(f).String() }

// ParseFilter returns the filter of that name: "bicubic", "nearest", "box",
// "bilinear", "hamming" or "lanczos".
func ParseFilter(name string) (Filter, error) {
	f, err := imageio.ParseFilter(name)
	return Filter(f), err
}

// Resize returns the picture with the given size, byte for byte what Pillow 12.3's
// Image.resize makes of the same pixels in mode RGB, or RGBA if there is any
// transparency: colours then count by their alpha. The shape is not kept.
//
// It fails for sides below 1 and for pictures of more than 178 956 970 pixels.
func Resize(m image.Image, width, height int, f Filter) (*image.NRGBA, error) {
	p, err := picture(m)
	if err != nil {
		return nil, err
	}
	if p, err = p.Resize(width, height, imageio.Filter(f)); err != nil {
		return nil, err
	}
	out := image.NewNRGBA(image.Rect(0, 0, width, height))
	if p.Mode == imageio.RGBA {
		out.Pix = p.Pix
		return out, nil
	}
	out.Pix = p.RGBAImage().Pix // opaque, so that both forms are the same
	return out, nil
}

// picture takes an image's pixels, with alpha only where there is some.
func picture(m image.Image) (*imageio.Picture, error) {
	if v := reflect.ValueOf(m); !v.IsValid() || v.Kind() == reflect.Pointer && v.IsNil() {
		return nil, &Error{Kind: Invalid, Op: op, What: "picture", Have: "nil", Want: "one"}
	}
	if o, ok := m.(interface{ Opaque() bool }); ok && o.Opaque() {
		return imageio.FromImage(m)
	}
	r := m.Bounds()
	p, err := imageio.New(imageio.RGBA, r.Dx(), r.Dy())
	if err != nil {
		return nil, err
	}
	n := image.NRGBA{Pix: p.Pix, Stride: 4 * r.Dx(), Rect: image.Rect(0, 0, r.Dx(), r.Dy())}
	if same, ok := m.(*image.NRGBA); ok {
		for y := range r.Dy() {
			copy(n.Pix[y*n.Stride:][:n.Stride], same.Pix[y*same.Stride:])
		}
		return p, nil
	}
	draw.Draw(&n, n.Rect, m, r.Min, draw.Src)
	return p, nil
}
