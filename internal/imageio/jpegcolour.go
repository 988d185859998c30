package imageio

// picture makes pixels of the planes.
func (d *jpegDecoder) picture(m Mode) (*Picture, error) {
	p := blank(m, d.width, d.height)
	switch {
	case len(d.components) != m.Bytes():
		return nil, invalid(JPEG, "components", "other than the header's", "")
	case m == Gray:
		c := &d.components[0]
		for y := range d.height {
			copy(p.Pix[y*d.width:][:d.width], c.plane[y*8*c.across:])
		}
		return p, nil
	}
	rows := make([][]byte, len(d.components))
	for i := range rows {
		rows[i] = make([]byte, d.width+2*8)
	}
	n := m.Bytes()
	convert := d.conversion()
	for y := range d.height {
		for i := range rows {
			d.components[i].upsample(rows[i], y, d.hMax, d.vMax)
		}
		convert(p.Pix[y*d.width*n:][:d.width*n], rows)
	}
	return p, nil
}

// conversion chooses the colour conversion, by what the file says of itself and
// libjpeg's guesses where it says nothing.
func (d *jpegDecoder) conversion() func(out []byte, rows [][]byte) {
	c := d.components
	if len(c) == 4 {
		if d.adobe && d.transform != 0 {
			return ycck
		}
		return invertedCMYK
	}
	letters := c[0].id == 'R' && c[1].id == 'G' && c[2].id == 'B'
	switch {
	case d.raw, !d.jfif && d.adobe && d.transform == 0, !d.jfif && !d.adobe && letters:
		return interleave
	}
	return ycc
}

// Three colours are added up in one word: red in the low bits, green above it with
// its 16 binary places, blue on top, each with 256 to spare on either side.
// ycc's sums are libjpeg's: red and blue rounded one by one, green together.
const (
	greenAt = 10
	blueAt  = greenAt + 26
	spare   = 256 | 256<<(16+greenAt) | 256<<blueAt
)

var fromY, fromCb, fromCr = colourTables()

func colourTables() (y, cb, cr [256]uint64) {
	const round = 1 << 15
	for i := range 256 {
		x, v := int64(i)-128, uint64(i)
		y[i] = spare + (v | v<<(16+greenAt) | v<<blueAt)
		cb[i] = uint64((116130*x+round)>>16<<blueAt + (-22554*x+round)<<greenAt) // 1.772, 0.34414
		cr[i] = uint64((91881*x+round)>>16 + -46802*x<<greenAt)                  // 1.402, 0.71414
	}
	return
}

// ycc converts a row of Y'CbCr to RGB.
func ycc(out []byte, rows [][]byte) {
	width := len(out) / 3
	ys, cbs, crs := rows[0][:width], rows[1][:width], rows[2][:width]
	for x, y := range ys {
		sum := fromY[y] + fromCb[cbs[x]] + fromCr[crs[x]]
		if len(out) < 3 { // never
			break
		}
		out[0] = clipped[sum&1023]
		out[1] = clipped[sum>>(16+greenAt)&1023]
		out[2] = clipped[sum>>blueAt&1023]
		out = out[3:]
	}
}

// ycck converts a row to CMYK; Adobe's files hold both inverted, which cancels for
// the colours: what ycc calls red is cyan.
func ycck(out []byte, rows [][]byte) {
	width := len(out) / 4
	rgb := make([]byte, 3*width)
	ycc(rgb, rows)
	for x := range width {
		copy(out[4*x:], rgb[3*x:3*x+3])
		out[4*x+3] = 255 - rows[3][x]
	}
}

func invertedCMYK(out []byte, rows [][]byte) {
	interleave(out, rows)
	for i, v := range out {
		out[i] = 255 - v
	}
}

// interleave puts rows of channels together.
func interleave(out []byte, rows [][]byte) {
	n := len(rows)
	for c, row := range rows {
		for x := range len(out) / n {
			out[x*n+c] = row[x]
		}
	}
}

// upsample writes row y of the component at the picture's resolution to out. Half
// resolutions are interpolated with triangles (libjpeg's "fancy" upsampling, that
// of jdsample.c), others repeat their samples, and so do pictures of which there
// are hardly any.
func (c *jpegComponent) upsample(out []byte, y, hMax, vMax int) {
	h, v := hMax/c.h, vMax/c.v
	stride := 8 * c.across
	at := y / v
	row := c.plane[at*stride:][:c.width]
	if v == 2 && (h == 1 || h == 2 && c.width > 2) {
		near := at + 2*(y&1) - 1
		near = min(max(near, 0), c.height-1)
		next := c.plane[near*stride:][:c.width]
		if h == 1 {
			between(out, row, next, 1+y&1)
		} else {
			double2(out, row, next)
		}
		return
	}
	switch {
	case h == 1:
		copy(out, row)
	case h == 2 && v == 1 && c.width > 2:
		double(out, row)
	default:
		for x, s := range row {
			for i := range h {
				if x*h+i < len(out) {
					out[x*h+i] = s
				}
			}
		}
	}
}

// between is a quarter of the way from row to next.
func between(out, row, next []byte, round int) {
	for x, s := range row {
		out[x] = byte((3*int(s) + int(next[x]) + round) >> 2)
	}
}

// double puts two samples where one was.
func double(out, row []byte) {
	last := len(row) - 1
	out = out[:2*len(row)]
	out[0] = row[0]
	out[2*last+1] = row[last]
	out[1] = byte((3*int(row[0]) + int(row[1]) + 2) >> 2)
	out[2*last] = byte((3*int(row[last]) + int(row[last-1]) + 1) >> 2)
	for x := 1; x < last; x++ {
		s := 3 * int(row[x])
		out[2*x] = byte((s + int(row[x-1]) + 1) >> 2)
		out[2*x+1] = byte((s + int(row[x+1]) + 2) >> 2)
	}
}

// double2 is double between two rows, with one rounding for both directions.
func double2(out, row, next []byte) {
	last := len(row) - 1
	next = next[:len(row)]
	out = out[:2*len(row)]
	before, here := 0, 3*int(row[0])+int(next[0])
	out[0] = byte((4*here + 8) >> 4)
	for x := 0; x < last; x++ {
		after := 3*int(row[x+1]) + int(next[x+1])
		if x > 0 {
			out[2*x] = byte((3*here + before + 8) >> 4)
		}
		out[2*x+1] = byte((3*here + after + 7) >> 4)
		before, here = here, after
	}
	out[2*last] = byte((3*here + before + 8) >> 4)
	out[2*last+1] = byte((4*here + 7) >> 4)
}
