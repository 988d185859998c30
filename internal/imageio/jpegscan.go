package imageio

import "fmt"

// jpegScan is one pass over some or all components.
type jpegScan struct {
	components []*jpegComponent
	from, to   int // coefficients
	high, low  int // bits of them: those known, those left out
}

// scan reads the header of a scan and its data.
func (d *jpegDecoder) scan() error {
	s, err := d.scanHeader()
	if err != nil {
		return err
	}
	if d.done {
		return nil // the picture is complete; what follows does not count
	}
	if d.scans == 1 {
		d.whole = d.progressive || len(s.components) < len(d.components)
		if d.whole {
			for i := range d.components {
				c := &d.components[i]
				c.coefficients = make([]int16, 64*c.across*c.down)
			}
		}
	}
	if err := d.prepare(s); err != nil {
		return err
	}
	d.entropy = bitReader{b: d.b}
	d.entropy.start(d.pos)
	d.expect = 0
	d.reset(s)
	err = d.units(s)
	d.pos = d.entropy.pos
	d.done = d.done || !d.whole
	return err
}

// scanHeader reads the segment that begins a scan.
func (d *jpegDecoder) scanHeader() (*jpegScan, error) {
	n := be16(d.b, d.pos)
	if d.pos+n > len(d.b) {
		return nil, truncated(JPEG, "scan")
	}
	if d.components == nil || n < 6 || n != 6+2*int(d.b[d.pos+2]) || n > 6+2*4 {
		return nil, invalid(JPEG, "scan header", fmt.Sprintf("of %d bytes", n), "1 to 4 components after the frame")
	}
	b := d.b[d.pos+2 : d.pos+n]
	d.pos += n
	s := new(jpegScan)
	blocks := 0
	for i := range int(b[0]) {
		c := d.component(int(b[1+2*i]), s.components)
		if c == nil {
			return nil, invalid(JPEG, "component", fmt.Sprint(b[1+2*i]), "one of the frame, once")
		}
		c.dcTable, c.acTable = int(b[2+2*i]>>4), int(b[2+2*i]&15)
		s.components = append(s.components, c)
		blocks += c.h * c.v
	}
	if len(s.components) > 1 && blocks > 10 {
		return nil, invalid(JPEG, "blocks of a unit", fmt.Sprint(blocks), "at most 10")
	}
	b = b[len(b)-3:]
	s.from, s.to, s.high, s.low = int(b[0]), int(b[1]), int(b[2]>>4), int(b[2]&15)
	return s, nil
}

// component finds the component of that id that is not in the scan yet.
func (d *jpegDecoder) component(id int, taken []*jpegComponent) *jpegComponent {
next:
	for i := range d.components {
		c := &d.components[i]
		for _, t := range taken {
			if t == c {
				continue next
			}
		}
		if c.id == id {
			return c
		}
	}
	return nil
}

// prepare checks that the scan makes sense and has its tables.
func (d *jpegDecoder) prepare(s *jpegScan) error {
	if d.progressive {
		ok := s.low <= 13 && (s.high == 0 || s.low == s.high-1)
		if s.from == 0 {
			ok = ok && s.to == 0
		} else {
			ok = ok && s.from <= s.to && s.to < 64 && len(s.components) == 1
		}
		if !ok {
			return invalid(JPEG, "progression", fmt.Sprintf("%d-%d, %d-%d", s.from, s.to, s.high, s.low), "")
		}
	}
	for _, c := range s.components {
		if c.quant == nil {
			if c.table > 3 || d.quant[c.table] == nil {
				return invalid(JPEG, "quantisation table", "none", fmt.Sprintf("number %d", c.table))
			}
			q := *d.quant[c.table]
			c.quant = &q
		}
		if (!d.progressive || s.from == 0 && s.high == 0) && !d.usable(&d.dc, c.dcTable, 15) ||
			(!d.progressive || s.from > 0) && !d.usable(&d.ac, c.acTable, 255) {
			return invalid(JPEG, "Huffman table", "none or a bad one", fmt.Sprintf("numbers %d, %d", c.dcTable, c.acTable))
		}
		if !d.progressive {
			continue
		}
		if c.before = c.bits; d.scans == 1 {
			c.before = [64]int8{}
		}
		for k := s.from; k <= s.to; k++ {
			c.bits[k] = int8(s.low)
		}
	}
	return nil
}

// usable reports whether there is a good table of that number. A sequential file
// without one means the standard's, as the frames of a camera's film do.
func (d *jpegDecoder) usable(tables *[4]*huffman, n int, largest byte) bool {
	if n > 3 {
		return false
	}
	if tables[n] == nil && !d.progressive && n < 2 {
		tables[n] = standardTable(tables == &d.ac, n)
	}
	h := tables[n]
	if h == nil || h.bad {
		return false
	}
	for _, s := range h.symbols {
		if s > largest {
			return false
		}
	}
	return true
}

// reset forgets what earlier blocks predict.
func (d *jpegDecoder) reset(s *jpegScan) {
	d.eobRun = 0
	for _, c := range s.components {
		c.predictor = 0
	}
}

// units reads the scan's units: a block, or with several components as many blocks
// of each as its sampling says.
func (d *jpegDecoder) units(s *jpegScan) error {
	first := s.components[0]
	across, down := first.wide, first.high
	if len(s.components) > 1 {
		across, down = first.across/first.h, first.down/first.v
	}
	dry, left := false, d.restart
	for y := range down {
		for x := range across {
			if d.restart > 0 && left == 0 {
				if err := d.resync(); err != nil {
					return err
				}
				d.reset(s)
				left, dry = d.restart, dry && d.entropy.marker != 0
			}
			left--
			if dry {
				if d.whole && (d.restart == 0 || d.entropy.marker != 0 && d.entropy.marker&0xf8 != rst0) {
					return nil // nothing comes any more
				}
				d.unit(s, x, y, true)
				continue
			}
			d.goodRow = y
			if len(s.components) == 1 {
				d.goodRow = y / first.v
			}
			d.unit(s, x, y, false)
			if dry = d.entropy.dry(); dry && d.entropy.ended {
				if d.rule == Strict {
					return truncated(JPEG, "picture")
				}
				d.entropy.marker = eoi
			}
		}
	}
	return nil
}

// unit reads the blocks of one unit, which are grey if the data have run dry.
func (d *jpegDecoder) unit(s *jpegScan, x, y int, dry bool) {
	if dry && d.whole {
		return
	}
	if len(s.components) == 1 {
		d.readBlock(s, s.components[0], x, y, dry)
		return
	}
	for _, c := range s.components {
		for v := range c.v {
			for h := range c.h {
				d.readBlock(s, c, x*c.h+h, y*c.v+v, dry)
			}
		}
	}
}

// resync goes to the next restart marker. Which of two markers is to be believed,
// the one met or the one due, follows libjpeg's jpeg_resync_to_restart.
func (d *jpegDecoder) resync() error {
	r := &d.entropy
	for {
		d.pos = r.pos
		m, err := d.marker()
		if err != nil {
			return err
		}
		r.start(d.pos)
		due := rst0 + d.expect
		switch ahead := (m - due) & 7; {
		case m == due:
		case m < sof0:
			continue // no marker at all
		case m < rst0 || m > rst0+7, ahead == 1 || ahead == 2:
			r.marker = m // data were lost: the unit due stays grey
		case ahead >= 6:
			continue // an old one
		}
		d.expect = (d.expect + 1) & 7
		return nil
	}
}

// readBlock reads block (x, y) of a component, or its share in this scan.
func (d *jpegDecoder) readBlock(s *jpegScan, c *jpegComponent, x, y int, dry bool) {
	n := y*c.across + x
	if !d.whole {
		var block [64]int32
		used := uint64(0)
		if !dry {
			used = d.sequential(c, c.quant, &block)
		}
		idct(c.plane[(y*c.across*8+x)*8:], 8*c.across, &block, used)
		return
	}
	out := (*[64]int16)(c.coefficients[64*n:])
	switch {
	case !d.progressive:
		var block [64]int32
		d.sequential(c, &ones, &block)
		for k, v := range block {
			out[k] = int16(v)
		}
	case s.from == 0 && s.high == 0:
		c.predictor += d.entropy.extended(int(d.entropy.symbol(d.dc[c.dcTable])))
		out[0] = int16(c.predictor << s.low)
	case s.from == 0:
		out[0] |= int16(d.entropy.bits(1) << s.low)
	case s.high == 0:
		d.firstAC(s, d.ac[c.acTable], out)
	default:
		d.refineAC(s, d.ac[c.acTable], out)
	}
}

var ones = func() (q [64]int32) {
	for i := range q {
		q[i] = 1
	}
	return q
}()

// sequential reads a whole block and multiplies it by q. It reports which
// coefficients are set. This is where a decoder spends its time, so the reader's
// state is kept in variables: 32 bits are enough for any code with its value.
func (d *jpegDecoder) sequential(c *jpegComponent, q, out *[64]int32) (used uint64) {
	r := &d.entropy
	c.predictor += r.extended(int(r.symbol(d.dc[c.dcTable])))
	if c.predictor != 0 {
		out[0] = wrap16(wrap16(c.predictor) * q[0])
		used = 1
	}
	h := d.ac[c.acTable]
	acc, n := r.acc, r.n
	for k := 1; k < 64; k++ {
		if n < 32 {
			r.acc, r.n = acc, n
			r.refill()
			acc, n = r.acc, r.n
		}
		v := int32(0)
		if e := h.whole[acc>>(64-lookBits)]; e != 0 {
			k += int(e >> 8 & 15)
			acc <<= e & 63
			n -= int(e & 63)
			v = e >> 16
		} else {
			r.acc, r.n = acc, n
			s := int(r.symbol(h))
			acc, n = r.acc, r.n
			size := s & 15
			if size == 0 {
				if s != 0xf0 {
					break
				}
				k += 15
				continue
			}
			k += s >> 4
			v = extend(int32(acc>>(64-size)), size)
			acc <<= size
			n -= size
		}
		z := zigzag[k&127] & 63
		out[z] = wrap16(v * q[z])
		used |= 1 << z
	}
	r.acc, r.n = acc, n
	return used
}

// firstAC reads the high bits of a band of coefficients (T.81, G.1.2.2).
func (d *jpegDecoder) firstAC(s *jpegScan, h *huffman, out *[64]int16) {
	if d.eobRun > 0 {
		d.eobRun--
		return
	}
	r := &d.entropy
	for k := s.from; k <= s.to; k++ {
		e := r.symbol(h)
		run, size := int(e>>4), int(e&15)
		switch {
		case size > 0:
			k += run
			out[zigzag[k]] = int16(r.extended(size) << s.low)
		case run == 15:
			k += 15
		default:
			d.eobRun = 1<<run + int(r.bits(run)) - 1
			return
		}
	}
}

// refineAC reads one more bit of every coefficient of a band (T.81, G.1.2.3).
func (d *jpegDecoder) refineAC(s *jpegScan, h *huffman, out *[64]int16) {
	r := &d.entropy
	plus, minus := int16(1)<<s.low, int16(-1)<<s.low
	k := s.from
	for ; d.eobRun == 0 && k <= s.to; k++ {
		e := r.symbol(h)
		run, size := int(e>>4), int(e&15)
		if size == 0 && run < 15 {
			d.eobRun = 1<<run + int(r.bits(run))
			break
		}
		v := int16(0)
		if size != 0 {
			v = minus
			if r.bits(1) != 0 {
				v = plus
			}
		}
		k = d.skip(out, k, s.to, run, plus, minus)
		if v != 0 {
			out[zigzag[k]] = v
		}
	}
	if d.eobRun > 0 {
		d.skip(out, k, s.to, 64, plus, minus)
		d.eobRun--
	}
}

// skip goes over run zeros from coefficient k on, refining the others on the way.
func (d *jpegDecoder) skip(out *[64]int16, k, to, run int, plus, minus int16) int {
	for ; k <= to; k++ {
		p := &out[zigzag[k]]
		switch {
		case *p == 0:
			if run--; run < 0 {
				return k
			}
		case d.entropy.bits(1) != 0 && *p&plus == 0:
			if *p > 0 {
				*p += plus
			} else {
				*p += minus
			}
		}
	}
	return k
}
