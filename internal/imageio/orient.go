package imageio

import "slices"

// Upright returns the picture turned as its Orientation says, with none left: what
// Pillow's ImageOps.exif_transpose returns. Without an orientation it returns p.
func (p *Picture) Upright() *Picture {
	if p.Orientation < 2 || p.Orientation > 8 {
		return p
	}
	w, h := p.Width, p.Height
	if turned(p.Orientation) {
		w, h = h, w
	}
	q := blank(p.Mode, w, h)
	q.Palette = slices.Clone(p.Palette)
	start, right, down := steps(p.Orientation, p.Width, p.Height)
	n := p.Mode.Bytes()
	for y, d := 0, 0; y < h; y++ {
		for x, s := 0, (start+y*down)*n; x < w; x, s, d = x+1, s+right*n, d+n {
			copy(q.Pix[d:d+n], p.Pix[s:s+n])
		}
	}
	return q
}

// turned reports whether an orientation exchanges width and height.
func turned(orientation int) bool { return orientation >= 5 && orientation <= 8 }

// steps says where the upright picture finds its pixels in one of w×h pixels: the
// index of its first pixel, and how far away the next one to the right and the next
// one below are. EXIF 2.32, table 6.
func steps(orientation, w, h int) (start, right, down int) {
	last := w*h - 1
	switch orientation {
	case 2: // mirrored
		return w - 1, -1, w
	case 3: // upside down
		return last, -1, -w
	case 4: // upside down, mirrored
		return w * (h - 1), 1, -w
	case 5: // mirrored along the main diagonal
		return 0, w, 1
	case 6: // lying on its left side
		return w * (h - 1), -w, 1
	case 7: // mirrored along the other diagonal
		return last, -w, -1
	case 8: // lying on its right side
		return w - 1, w, -1
	}
	return 0, 1, w
}
