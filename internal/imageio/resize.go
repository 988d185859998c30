package imageio

import (
	"fmt"
	"math"
	"slices"

	"github.com/easel-go/easel/internal/fault"
)

// Filter is a resampling filter of [Picture.Resize].
type Filter uint8

// The filters. All but Nearest widen with the reduction, so that every source
// pixel counts.
const (
	Bicubic  Filter = iota // Keys' cubic, a = -1/2: Pillow's default
	Nearest                // the pixel under the centre
	Box                    // the mean of the covered pixels
	Bilinear               // a triangle of two pixels
	Hamming                // a windowed sinc, sharper than Bilinear
	Lanczos                // a sinc windowed by its own main lobe over three pixels
)

var filterNames = [...]string{"bicubic", "nearest", "box", "bilinear", "hamming", "lanczos"}

// String returns the filter's name in lower case.
func (f Filter) String() string {
	if int(f) < len(filterNames) {
		return filterNames[f]
	}
	return fmt.Sprintf("filter %d", uint8(f))
}

// ParseFilter returns the filter of that name.
func ParseFilter(name string) (Filter, error) {
	if i := slices.Index(filterNames[:], name); i >= 0 {
		return Filter(i), nil
	}
	return 0, &fault.Error{Kind: fault.Invalid, Op: op, What: "filter", Have: fmt.Sprintf("%q", name), Want: fmt.Sprint(filterNames)}
}

// Region is a part of a picture, its edges in pixels and fractions of them.
type Region struct{ Left, Top, Right, Bottom float32 }

// Resize returns the picture with the given size, byte for byte as Pillow 12.3's
// Image.resize: the horizontal pass first, each pass rounded to the mode's bytes.
// Colours are weighted by alpha where there is one; modes "1" and "P" always take
// the nearest pixel.
func (p *Picture) Resize(width, height int, f Filter) (*Picture, error) {
	return p.ResizePart(Region{0, 0, float32(p.Width), float32(p.Height)}, width, height, f)
}

// ResizePart is Resize of a part of the picture (Pillow's box argument). Pixels
// outside the part do not count.
func (p *Picture) ResizePart(r Region, width, height int, f Filter) (*Picture, error) {
	if err := p.checkResize(r, width, height, f); err != nil {
		return nil, err
	}
	whole := Region{0, 0, float32(p.Width), float32(p.Height)}
	if r == whole && width == p.Width && height == p.Height {
		return p.Clone(), nil
	}
	q := &Picture{Mode: p.Mode, Width: width, Height: height, Palette: slices.Clone(p.Palette), Orientation: p.Orientation}
	switch {
	case f == Nearest || p.Mode == Bilevel || p.Mode == Indexed:
		q.Pix = nearest(p, r, width, height)
	case p.Mode == GrayA || p.Mode == RGBA:
		n := p.Mode.Bytes()
		q.Pix = resample8(premultiply(p.Pix, n), p.Width, p.Height, n, r, width, height, f)
		unpremultiply(q.Pix, n)
	case p.Mode == Gray16 || p.Mode == Int32 || p.Mode == Float:
		q.Pix = resampleWide(p, r, width, height, f)
	default:
		q.Pix = resample8(p.Pix, p.Width, p.Height, p.Mode.Bytes(), r, width, height, f)
	}
	return q, nil
}

func (p *Picture) checkResize(r Region, width, height int, f Filter) error {
	if err := p.check(); err != nil {
		return err
	}
	if int(f) >= len(filterNames) {
		return &fault.Error{Kind: fault.Invalid, Op: op, What: f.String()}
	}
	if !(r.Left >= 0 && r.Top >= 0 && r.Left < r.Right && r.Top < r.Bottom && r.Right <= float32(p.Width) && r.Bottom <= float32(p.Height)) {
		return &fault.Error{Kind: fault.Invalid, Op: op, What: "region", Have: fmt.Sprint(r), Want: fmt.Sprintf("a part of %dx%d", p.Width, p.Height)}
	}
	return checkSize(width, height)
}

// nearest takes for every pixel the one under its centre. Pillow adds up the steps
// from pixel to pixel (16-bit pictures excepted), and its rounding shows.
func nearest(p *Picture, r Region, w, h int) []byte {
	n := p.Mode.Bytes()
	xs := centres(r.Left, r.Right, w, p.Width, p.Mode == Gray16)
	ys := centres(r.Top, r.Bottom, h, p.Height, p.Mode == Gray16)
	out := make([]byte, w*h*n)
	for y, sy := range ys {
		for x, sx := range xs {
			if sx >= 0 && sy >= 0 {
				copy(out[(y*w+x)*n:][:n], p.Pix[(sy*p.Width+sx)*n:])
			}
		}
	}
	return out
}

// centres returns the source index under the centre of each of n pixels that share
// the stretch from lo to hi, -1 where that is outside the picture.
func centres(lo, hi float32, n, size int, multiply bool) []int {
	step := float64(hi-lo) / float64(n)
	at := float64(lo) + float64(step*0.5)
	out := make([]int, n)
	for i := range out {
		if multiply {
			at = float64(lo) + float64(step*(float64(i)+0.5))
		}
		out[i] = -1
		if k := int(at); at >= 0 && k < size {
			out[i] = k
		}
		at += step
	}
	return out
}

// weight returns the filter's value at x, in units of its own scale.
func (f Filter) weight(x float64) float64 {
	switch f {
	case Box:
		if x > -0.5 && x <= 0.5 {
			return 1
		}
		return 0
	case Bilinear:
		return max(1-math.Abs(x), 0)
	case Hamming:
		x = math.Abs(x)
		if x == 0 {
			return 1
		}
		if x >= 1 {
			return 0
		}
		x *= math.Pi
		const a, b = float64(float32(0.54)), float64(float32(0.46)) // Pillow's are float32
		return math.Sin(x) / x * (a + float64(b*math.Cos(x)))
	case Lanczos:
		if x >= -3 && x < 3 {
			return sinc(x) * sinc(x/3)
		}
		return 0
	}
	return cubic(math.Abs(x))
}

// cubic is Keys' convolution kernel (1981, eq. 15) for x ≥ 0.
func cubic(x float64) float64 {
	const a = -0.5
	if x < 1 {
		return float64((float64((a+2)*x)-(a+3))*x*x) + 1
	}
	if x < 2 {
		return (float64((float64((x-5)*x)+8)*x) - 4) * a
	}
	return 0
}

func sinc(x float64) float64 {
	if x == 0 {
		return 1
	}
	x *= math.Pi
	return math.Sin(x) / x
}

// support is how far from its centre the filter reaches.
func (f Filter) support() float64 {
	return [...]float64{Bicubic: 2, Nearest: 0.5, Box: 0.5, Bilinear: 1, Hamming: 1, Lanczos: 3}[f]
}
