package imageio

import (
	"fmt"
	"math"
	"slices"

	"github.com/easel-go/easel/internal/fault"
)

// ResizeReduced is [Picture.ResizePart] in two steps, Pillow's reducing_gap: first
// whole blocks of pixels are averaged, such that the picture stays at least gap
// times as large as wanted, then it is resampled. It is faster and, for a gap below
// about 3, visibly different. gap is at least 1. As in Pillow, pictures with alpha
// take one step only.
func (p *Picture) ResizeReduced(r Region, width, height int, f Filter, gap float64) (*Picture, error) {
	if !(gap >= 1) {
		return nil, &fault.Error{Kind: fault.Invalid, Op: op, What: "gap", Have: fmt.Sprint(gap), Want: "at least 1"}
	}
	if err := p.checkResize(r, width, height, f); err != nil {
		return nil, err
	}
	fx := max(int(float64(r.Right-r.Left)/float64(width)/gap), 1)
	fy := max(int(float64(r.Bottom-r.Top)/float64(height)/gap), 1)
	switch p.Mode {
	case Bilevel, Indexed, GrayA, RGBA, Gray16, Int32, Float:
		fx, fy = 1, 1
	}
	if f == Nearest || fx == 1 && fy == 1 {
		return p.ResizePart(r, width, height, f)
	}
	x0, x1 := reach(r.Left, r.Right, width, p.Width, f)
	y0, y1 := reach(r.Top, r.Bottom, height, p.Height, f)
	small := p.reduce(x0, y0, x1, y1, fx, fy)
	part := Region{
		Left: scaled(r.Left, x0, fx), Top: scaled(r.Top, y0, fy),
		Right: scaled(r.Right, x0, fx), Bottom: scaled(r.Bottom, y0, fy),
	}
	return small.ResizePart(part, width, height, f)
}

// scaled moves an edge into the reduced picture.
func scaled(edge float32, origin, factor int) float32 {
	return float32((float64(edge) - float64(origin)) / float64(factor))
}

// reach returns the source pixels that n pixels of the stretch lo…hi depend on.
func reach(lo, hi float32, n, size int, f Filter) (from, to int) {
	support := (f.support() - 0.5) * (float64(hi) - float64(lo)) / float64(n)
	return max(0, int(float64(lo)-support)), min(size, int(math.Ceil(float64(hi)+support)))
}

// reduce averages blocks of fx×fy pixels of a part of p. Blocks at the right and
// lower edge may be smaller.
func (p *Picture) reduce(x0, y0, x1, y1, fx, fy int) *Picture {
	q := blank(p.Mode, (x1-x0+fx-1)/fx, (y1-y0+fy-1)/fy)
	q.Palette, q.Orientation = slices.Clone(p.Palette), p.Orientation
	n := p.Mode.Bytes()
	for y := range q.Height {
		top := y0 + y*fy
		bottom := min(top+fy, y1)
		for x := range q.Width {
			left := x0 + x*fx
			right := min(left+fx, x1)
			count := (right - left) * (bottom - top)
			// The mean in fixed point: 2^24 divided by the count, rounded down.
			unit := uint32(float32(1<<32) / float32(count<<8))
			for c := range n {
				sum := uint32(count / 2)
				for sy := top; sy < bottom; sy++ {
					for sx := left; sx < right; sx++ {
						sum += uint32(p.Pix[(sy*p.Width+sx)*n+c])
					}
				}
				q.Pix[(y*q.Width+x)*n+c] = byte(sum * unit >> 24)
			}
		}
	}
	return q
}

// Thumbnail returns the picture shrunk to fit into width×height with its shape
// kept, byte for byte as Pillow's thumbnail with its defaults: bicubic, in two steps
// with a gap of 2. A picture that fits is returned as a copy.
func (p *Picture) Thumbnail(width, height int) (*Picture, error) {
	if err := checkSize(width, height); err != nil {
		return nil, err
	}
	if width >= p.Width && height >= p.Height {
		return p.Clone(), p.check()
	}
	w, h := fit(p.Width, p.Height, width, height)
	return p.ResizeReduced(Region{0, 0, float32(p.Width), float32(p.Height)}, w, h, Bicubic, 2)
}

// fit returns the size that keeps the shape of w×h best within width×height.
func fit(w, h, width, height int) (int, int) {
	aspect := float64(w) / float64(h)
	if float64(width)/float64(height) >= aspect {
		width = roundAspect(float64(height)*aspect, func(n float64) float64 { return math.Abs(aspect - n/float64(height)) })
	} else {
		height = roundAspect(float64(width)/aspect, func(n float64) float64 {
			if n == 0 {
				return 0
			}
			return math.Abs(aspect - float64(width)/n)
		})
	}
	return width, height
}

// roundAspect rounds down or up, whichever misses by less; never to 0.
func roundAspect(v float64, miss func(float64) float64) int {
	lo, hi := math.Floor(v), math.Ceil(v)
	if miss(hi) < miss(lo) {
		lo = hi
	}
	return max(int(lo), 1)
}
