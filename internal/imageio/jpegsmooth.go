package imageio

// A progressive picture that ends early has blocks of which little more than their
// mean is known. libjpeg-turbo (jdcoefct.c, since version 2.1) then estimates the
// lowest frequencies from the means of the 5×5 blocks around, so that the picture is
// blurred instead of blocky; the pixels follow only if the weights are the same.

// estimated are the coefficients that are estimated, in zigzag order from the mean.
const estimated = 10

// window weighs the means of 5×5 blocks, row by row.
type window [25]int32

// sharp are the weights where some of the higher frequencies are known (after T.81,
// K.8), soft those where none is: then the mean is estimated too.
var (
	sharp = [estimated]window{
		1: {10: -7, 11: 50, 13: -50, 14: 7},
		2: {2: -7, 7: 50, 17: -50, 22: 7},
		3: {2: -1, 7: 13, 12: -24, 17: 13, 22: -1},
		4: {1: -1, 3: 1, 5: -1, 6: 10, 8: -10, 9: 1, 15: 1, 16: -10, 18: 10, 19: -1, 21: 1, 23: -1},
		5: {10: -1, 11: 13, 12: -24, 13: 13, 14: -1},
	}
	soft = [estimated]window{
		{-2, -6, -8, -6, -2, -6, 6, 42, 6, -6, -8, 42, 152, 42, -8, -6, 6, 42, 6, -6, -2, -6, -8, -6, -2},
		{-1, -1, 0, 1, 1, -3, 13, 0, -13, 3, -3, 38, 0, -38, 3, -3, 13, 0, -13, 3, -1, -1, 0, 1, 1},
		{-1, -3, -3, -3, -1, -1, 13, 38, 13, -1, 0, 0, 0, 0, 0, 1, -13, -38, -13, 1, 1, 3, 3, 3, 1},
		{2: 1, 6: 2, 7: 7, 8: 2, 11: -5, 12: -14, 13: -5, 16: 2, 17: 7, 18: 2, 22: 1},
		{0: -1, 4: 1, 6: 9, 8: -9, 16: -9, 18: 9, 20: 1, 24: -1},
		{6: 2, 7: -5, 8: 2, 10: 1, 11: 7, 12: -14, 13: 7, 14: 1, 16: 2, 17: -5, 18: 2},
		{6: 1, 8: -1, 11: 2, 13: -2, 16: 1, 18: -1},
		{6: 1, 7: -3, 8: 1, 16: -1, 17: 3, 18: -1},
		{6: 1, 8: -1, 11: -3, 13: 3, 16: 1, 18: -1},
		{6: 1, 7: 2, 8: 1, 16: -1, 17: -2, 18: -1},
	}
)

// smooths reports whether coefficients are to be estimated: all means are known and
// something else is not.
func (d *jpegDecoder) smooths() bool {
	useful := false
	for i := range d.components {
		c := &d.components[i]
		for k := range estimated {
			if c.quant == nil || c.quant[zigzag[k]] == 0 || c.bits[0] < 0 {
				return false
			}
			useful = useful || k > 0 && c.bits[k] != 0
		}
	}
	return useful && d.progressive
}

// smooth estimates what is missing of block (x, y) of c in block, which holds its
// coefficients.
func (d *jpegDecoder) smooth(c *jpegComponent, x, y int, block *[64]int16) {
	bits := &c.bits
	if y/c.v > d.goodRow {
		bits = &c.before
		if d.scans <= 1 {
			bits = &unknown
		}
	}
	weights, n, first := &soft, estimated, 0
	for k := 1; k < estimated; k++ {
		if bits[k] != -1 {
			weights, n, first = &sharp, 6, 1
		}
	}
	means := d.means(c, x, y)
	for k := first; k < n; k++ {
		z := zigzag[k]
		if k > 0 && (bits[k] == 0 || block[z] != 0) {
			continue
		}
		sum := int32(0)
		for i, w := range weights[k] {
			sum += w * means[i]
		}
		block[z] = estimate(sum*c.quant[0], c.quant[z], int(bits[k]), k)
	}
}

var unknown = func() (b [64]int8) {
	for i := range b {
		b[i] = -1
	}
	return b
}()

// estimate divides by 256·q, rounding, and stays below what the bits that are known
// would have shown.
func estimate(sum, q int32, bits, k int) int16 {
	v := (q<<7 + max(sum, -sum)) / (q << 8)
	if k > 0 && bits > 0 {
		v = min(v, 1<<bits-1)
	}
	if sum < 0 {
		v = -v
	}
	return int16(v)
}

// means returns the means of the 5×5 blocks around (x, y); at the edges the last
// ones count again.
func (d *jpegDecoder) means(c *jpegComponent, x, y int) (m [25]int32) {
	// How many rows lie below follows from the rows of blocks of this row of units.
	units, rows := c.down/c.v, c.v
	if y/c.v == units-1 && c.high%c.v != 0 {
		rows = c.high % c.v
	}
	at, last := y/c.v*rows+y%c.v, rows*units-1
	for i := range 5 {
		row := y + min(max(i-2, -at), last-at)
		for j := range 5 {
			column := min(max(x+j-2, 0), c.wide-1)
			m[5*i+j] = int32(c.coefficients[64*(row*c.across+column)])
		}
	}
	return m
}
