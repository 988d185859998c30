package imageio

import (
	"encoding/binary"
	"math"
)

// kernel holds what one pass of a resampling needs: for every pixel of the output
// the first source pixel, and the weights of it and those after it.
type kernel struct {
	first   []int
	weights [][]float64 // they add up to one
}

// newKernel spreads the stretch lo…hi of size source pixels over n pixels. The
// edges are float32 and the sums float64, in Pillow's order (Resample.c,
// precompute_coeffs), since a last bit may move a rounded weight. The conversions
// keep products from being fused into sums on machines that can.
func newKernel(f Filter, lo, hi float32, size, n int) kernel {
	scale := float64(hi-lo) / float64(n)
	wide := max(scale, 1)
	reach := f.support() * wide
	inverse := 1 / wide
	k := kernel{make([]int, n), make([][]float64, n)}
	for i := range n {
		centre := float64(lo) + float64((float64(i)+0.5)*scale)
		from := max(int(centre-reach+0.5), 0)
		to := min(int(centre+reach+0.5), size)
		w, sum := make([]float64, max(to-from, 0)), 0.0
		for j := range w {
			w[j] = f.weight((float64(j+from) - centre + 0.5) * inverse)
			sum += w[j]
		}
		if sum != 0 {
			for j := range w {
				w[j] /= sum
			}
		}
		k.first[i], k.weights[i] = from, w
	}
	return k
}

// fractionBits is the precision of integer weights.
const fractionBits = 22

// ints returns the weights in units of 2^-22, rounded.
func (k kernel) ints() [][]int64 {
	total := 0
	for _, w := range k.weights {
		total += len(w)
	}
	flat, out := make([]int64, 0, total), make([][]int64, len(k.weights))
	for i, w := range k.weights {
		start := len(flat)
		for _, v := range w {
			flat = append(flat, int64(math.Copysign(0.5, v)+float64(v*(1<<fractionBits))))
		}
		out[i] = flat[start:]
	}
	return out
}

// resample8 resizes a part of a picture of w×h pixels of n bytes.
func resample8(pix []byte, w, h, n int, r Region, width, height int, f Filter) []byte {
	if width != w || r.Left != 0 || r.Right != float32(w) {
		// Only the rows that the vertical pass looks at are made.
		top, bottom := 0, h
		if height != h || r.Top != 0 || r.Bottom != float32(h) {
			k := newKernel(f, r.Top, r.Bottom, h, height)
			top, bottom = k.first[0], k.first[height-1]+len(k.weights[height-1])
			for i := range k.first {
				k.first[i] -= top
			}
			rows := acrossAll(pix[top*w*n:bottom*w*n], w, bottom-top, n, newKernel(f, r.Left, r.Right, w, width))
			return downAll(rows, width*n, k)
		}
		return acrossAll(pix, w, h, n, newKernel(f, r.Left, r.Right, w, width))
	}
	return downAll(pix, w*n, newKernel(f, r.Top, r.Bottom, h, height))
}

// resampleWide is resample8 for pixels of 16 or 32 bits, with floating weights.
func resampleWide(p *Picture, r Region, width, height int, f Filter) []byte {
	w, h, pix := p.Width, p.Height, p.Pix
	if width != w || r.Left != 0 || r.Right != float32(w) {
		pix = wide(p.Mode, pix, h, width, w, 1, newKernel(f, r.Left, r.Right, w, width))
		w = width
	}
	if height != h || r.Top != 0 || r.Bottom != float32(h) {
		pix = wideDown(p.Mode, pix, w, newKernel(f, r.Top, r.Bottom, h, height))
	}
	return pix
}

// wide makes rows of width pixels from rows of stride pixels.
func wide(m Mode, pix []byte, rows, width, stride, step int, k kernel) []byte {
	n := m.Bytes()
	out := make([]byte, rows*width*n)
	for y := range rows {
		for x := range width {
			put(m, out[(y*width+x)*n:], weighWide(m, pix[(y*stride+k.first[x])*n:], step, k.weights[x]))
		}
	}
	return out
}

// wideDown makes len(k.first) rows of width pixels from taller columns.
func wideDown(m Mode, pix []byte, width int, k kernel) []byte {
	n := m.Bytes()
	out := make([]byte, len(k.first)*width*n)
	for y := range k.first {
		for x := range width {
			put(m, out[(y*width+x)*n:], weighWide(m, pix[(k.first[y]*width+x)*n:], width, k.weights[y]))
		}
	}
	return out
}

// weighWide adds up weighted pixels, step pixels apart.
func weighWide(m Mode, pix []byte, step int, weights []float64) float64 {
	le, sum := binary.LittleEndian, 0.0
	for i, w := range weights {
		switch m {
		case Gray16:
			sum += float64(float64(le.Uint16(pix[2*i*step:])) * w)
		case Int32:
			sum += float64(float64(int32(le.Uint32(pix[4*i*step:]))) * w)
		default:
			sum += float64(float64(math.Float32frombits(le.Uint32(pix[4*i*step:]))) * w)
		}
	}
	return sum
}

// put rounds a sum to a pixel.
func put(m Mode, d []byte, v float64) {
	round := math.Copysign(math.Floor(math.Abs(v)+0.5), v)
	switch m {
	case Gray16:
		binary.LittleEndian.PutUint16(d, uint16(min(max(round, 0), 65535)))
	case Int32:
		binary.LittleEndian.PutUint32(d, uint32(int32(min(max(round, math.MinInt32), math.MaxInt32))))
	default:
		binary.LittleEndian.PutUint32(d, math.Float32bits(float32(v)))
	}
}
