package imageio

// forwardPlane is a colour component about to be transformed.
type forwardPlane struct {
	h, v       int // sampling factors
	wide, high int // blocks that hold samples
	stride     int
	samples    []byte // wide·8 × high·8
}

// units returns how many units of all components there are.
func (c *forwardPlane) units() (across, down int) {
	return (c.wide + c.h - 1) / c.h, (c.high + c.v - 1) / c.v
}

// forwardPlanes splits a picture into its components.
func forwardPlanes(p *Picture, full bool) []forwardPlane {
	if p.Mode == Gray {
		c := newForwardPlane(p.Width, p.Height, 1, 1)
		for y := range p.Height {
			copy(c.samples[y*c.stride:], p.Pix[y*p.Width:][:p.Width])
		}
		c.extend(p.Width, p.Height)
		return []forwardPlane{c}
	}
	half := 2
	if full {
		half = 1
	}
	y := newForwardPlane(p.Width, p.Height, half, half)
	cb := newForwardPlane((p.Width+half-1)/half, (p.Height+half-1)/half, 1, 1)
	cr := newForwardPlane((p.Width+half-1)/half, (p.Height+half-1)/half, 1, 1)
	split(p, &y, &cb, &cr, half)
	y.extend(p.Width, p.Height)
	return []forwardPlane{y, cb, cr}
}

func newForwardPlane(w, h, hs, vs int) forwardPlane {
	c := forwardPlane{h: hs, v: vs, wide: (w + 7) / 8, high: (h + 7) / 8}
	c.stride = 8 * c.wide
	c.samples = make([]byte, 64*c.wide*c.high)
	return c
}

// extend repeats the last column and row of w×h samples up to whole blocks.
func (c *forwardPlane) extend(w, h int) {
	for y := range h {
		row := c.samples[y*c.stride:][:c.stride]
		for x := w; x < len(row); x++ {
			row[x] = row[w-1]
		}
	}
	for y := h; y < 8*c.high; y++ {
		copy(c.samples[y*c.stride:][:c.stride], c.samples[(h-1)*c.stride:])
	}
}

// split converts to Y'CbCr and averages the colours over half×half pixels, where
// the picture's last column and row count again. libjpeg's jccolor.c and jcsample.c:
// means round down and up by turns.
func split(p *Picture, yp, cb, cr *forwardPlane, half int) {
	rows := (p.Height + half - 1) / half
	line := 8 * cb.wide * half
	blues, reds := make([][]byte, half), make([][]byte, half)
	for i := range half {
		blues[i], reds[i] = make([]byte, line), make([]byte, line)
	}
	for y := range rows {
		for i := range half {
			at := min(y*half+i, p.Height-1)
			toYCC(p.Pix[3*at*p.Width:][:3*p.Width], yp.samples[at*yp.stride:], blues[i], reds[i])
			for x := p.Width; x < line; x++ {
				blues[i][x], reds[i][x] = blues[i][p.Width-1], reds[i][p.Width-1]
			}
		}
		average(cb.samples[y*cb.stride:][:cb.stride], blues)
		average(cr.samples[y*cr.stride:][:cr.stride], reds)
	}
	cb.extend(cb.stride, rows)
	cr.extend(cr.stride, rows)
}

// toYCC converts a row of RGB.
func toYCC(rgb, y, cb, cr []byte) {
	const round, middle = 1 << 15, 128<<16 + 1<<15 - 1
	for x := range len(rgb) / 3 {
		r, g, b := int32(rgb[3*x]), int32(rgb[3*x+1]), int32(rgb[3*x+2])
		y[x] = byte((19595*r + 38470*g + 7471*b + round) >> 16)
		cb[x] = byte((-11059*r - 21709*g + 32768*b + middle) >> 16)
		cr[x] = byte((32768*r - 27439*g - 5329*b + middle) >> 16)
	}
}

func average(out []byte, rows [][]byte) {
	if len(rows) == 1 {
		copy(out, rows[0])
		return
	}
	up, low := rows[0], rows[1]
	for x := range out {
		out[x] = byte((int(up[2*x]) + int(up[2*x+1]) + int(low[2*x]) + int(low[2*x+1]) + 1 + x&1) >> 2)
	}
}

// block transforms and quantises block (x, y).
func (c *forwardPlane) block(out *[64]int32, x, y int, factors *[64]byte) {
	for r := range 8 {
		row := c.samples[(8*y+r)*c.stride+8*x:][:8]
		for k, s := range row {
			out[8*r+k] = int32(s) - 128
		}
	}
	fdct(out)
	for k, f := range factors {
		// The transform leaves a factor of 8 in.
		z, q := zigzag[k], int32(f)<<3
		v := out[z]
		if v < 0 {
			out[z] = -((-v + q>>1) / q)
		} else {
			out[z] = (v + q>>1) / q
		}
	}
}

// fdct is the forward transform, the inverse of idct up to a factor of 8 (libjpeg's
// jfdctint.c).
func fdct(b *[64]int32) {
	for i := 0; i < 64; i += 8 {
		r := (*[8]int32)(b[i:])
		forward(r, 1<<extraBits, idctBits-extraBits)
	}
	for x := range 8 {
		var c [8]int32
		for y := range 8 {
			c[y] = b[8*y+x]
		}
		forward(&c, 0, idctBits+extraBits)
		for y := range 8 {
			b[8*y+x] = c[y]
		}
	}
}

// forward transforms eight values. The sums are scaled up by scale, or down and
// rounded if it is 0; the products lose shift bits.
func forward(d *[8]int32, scale int32, shift int) {
	t0, t7 := d[0]+d[7], d[0]-d[7]
	t1, t6 := d[1]+d[6], d[1]-d[6]
	t2, t5 := d[2]+d[5], d[2]-d[5]
	t3, t4 := d[3]+d[4], d[3]-d[4]
	round := int32(1) << (shift - 1)

	s0, s3, s1, s2 := t0+t3, t0-t3, t1+t2, t1-t2
	if scale > 0 {
		d[0], d[4] = (s0+s1)*scale, (s0-s1)*scale
	} else {
		d[0], d[4] = (s0+s1+1<<(extraBits-1))>>extraBits, (s0-s1+1<<(extraBits-1))>>extraBits
	}
	z := (s2 + s3) * fix0541
	d[2] = (z + s3*fix0765 + round) >> shift
	d[6] = (z - s2*fix1847 + round) >> shift

	z1, z2, z3, z4 := t4+t7, t5+t6, t4+t6, t5+t7
	z5 := (z3 + z4) * fix1175
	z1, z2 = -z1*fix0899, -z2*fix2562
	z3, z4 = z5-z3*fix1961, z5-z4*fix0390
	d[7] = (t4*fix0298 + z1 + z3 + round) >> shift
	d[5] = (t5*fix2053 + z2 + z4 + round) >> shift
	d[3] = (t6*fix3072 + z2 + z3 + round) >> shift
	d[1] = (t7*fix1501 + z1 + z4 + round) >> shift
}
