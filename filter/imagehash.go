package filter

import (
	"encoding/hex"
	"math"
	"slices"

	"github.com/easel-go/easel/internal/imageio"
)

// hashMethod is one of imagededup's hashes: 64 bits, row by row, high bit first.
type hashMethod func(p *imageio.Picture) (string, error)

var hashMethods = map[string]hashMethod{"phash": pHash, "dhash": dHash, "whash": wHash, "ahash": aHash}

// grey resizes an RGB picture with Lanczos' filter and returns its luma, as Pillow's
// convert("L") rounds it.
func grey(p *imageio.Picture, w, h int) ([]int, error) {
	small, err := p.Resize(w, h, imageio.Lanczos)
	if err != nil {
		return nil, err
	}
	luma := make([]int, w*h)
	for i := range luma {
		r, g, b := int(small.Pix[3*i]), int(small.Pix[3*i+1]), int(small.Pix[3*i+2])
		luma[i] = (19595*r + 38470*g + 7471*b + 0x8000) >> 16
	}
	return luma, nil
}

func bits64(set func(i int) bool) string {
	var b [8]byte
	for i := range 64 {
		if set(i) {
			b[i/8] |= 1 << (7 - i%8)
		}
	}
	return hex.EncodeToString(b[:])
}

// pHash compares the 8×8 lowest frequencies of the 32×32 picture with the median of all
// but the constant one.
func pHash(p *imageio.Picture) (string, error) {
	luma, err := grey(p, 32, 32)
	if err != nil {
		return "", err
	}
	low := lowFrequencies(luma)
	ac := slices.Clone(low[1:])
	slices.Sort(ac)
	median := ac[31]
	return bits64(func(i int) bool { return low[i] >= median }), nil
}

// lowFrequencies is the top left 8×8 of the unnormalised DCT-II of 32×32 values, first
// down the columns, then along the rows.
func lowFrequencies(luma []int) []float64 {
	const n = 32
	var rows [8][n]float64
	for x := range n {
		var column [n]float64
		for y := range n {
			column[y] = float64(luma[y*n+x])
		}
		dct(column[:])
		for k := range 8 {
			rows[k][x] = column[k]
		}
	}
	low := make([]float64, 0, 64)
	for k := range rows {
		dct(rows[k][:])
		low = append(low, rows[k][:8]...)
	}
	return low
}

// dct replaces x, of 32 values or of a smaller power of two, by its DCT-II. Sums and differences of mirrored values are taken first,
// again and again for the even outputs, so that what cancels in exact arithmetic is 0
// and not a rounding residue: ties with the median depend on it.
func dct(x []float64) {
	n := len(x)
	if n == 1 {
		x[0] *= 2
		return
	}
	var halves [2][16]float64
	even, odd := halves[0][:n/2], halves[1][:n/2]
	table := cosines[n]
	for i := range even {
		even[i], odd[i] = x[i]+x[n-1-i], x[i]-x[n-1-i]
	}
	dct(even)
	for k := range even {
		sum := 0.0
		for i, d := range odd {
			sum += d * table[(2*k+1)*(2*i+1)&(4*n-1)]
		}
		x[2*k], x[2*k+1] = even[k], 2*sum
	}
}

// cosines holds cos(π·m/2n) for m below 4n, by n.
var cosines = func() (tables [33][]float64) {
	for n := 2; n <= 32; n *= 2 {
		for m := range 4 * n {
			tables[n] = append(tables[n], math.Cos(math.Pi*float64(m)/float64(2*n)))
		}
	}
	return tables
}()

// dHash asks of the 9×8 picture where it gets brighter from left to right.
func dHash(p *imageio.Picture) (string, error) {
	luma, err := grey(p, 9, 8)
	if err != nil {
		return "", err
	}
	return bits64(func(i int) bool { at := i/8*9 + i%8; return luma[at+1] > luma[at] }), nil
}

// aHash compares the 8×8 picture with its mean.
func aHash(p *imageio.Picture) (string, error) {
	luma, err := grey(p, 8, 8)
	if err != nil {
		return "", err
	}
	sum := 0
	for _, v := range luma {
		sum += v
	}
	return bits64(func(i int) bool { return 64*luma[i] >= sum }), nil
}

// wHash compares the fifth approximation of Haar's wavelets of the 256×256 picture, the
// sums of its 32×32 blocks, with their median.
func wHash(p *imageio.Picture) (string, error) {
	luma, err := grey(p, 256, 256)
	if err != nil {
		return "", err
	}
	blocks := make([]int, 64)
	for i, v := range luma {
		blocks[i/256/32*8+i%256/32] += v
	}
	sorted := slices.Clone(blocks)
	slices.Sort(sorted)
	return bits64(func(i int) bool { return 2*blocks[i] >= sorted[31]+sorted[32] }), nil
}
