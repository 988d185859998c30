package enginetest

import (
	"math"

	"github.com/easel-go/easel/internal/engine"
)

// The matrices of Winograd's F(4×4, 3×3) (Lavin and Gray 2016, section 4.1), without
// signs: what they do to sizes.
var (
	winogradB = [6][6]float64{{4, 0, 5, 0, 1, 0}, {0, 4, 4, 1, 1, 0}, {0, 4, 4, 1, 1, 0}, {0, 2, 1, 2, 1, 0}, {0, 2, 1, 2, 1, 0}, {0, 4, 0, 5, 0, 1}}
	winogradG = [6][3]float64{{1. / 4, 0, 0}, {1. / 6, 1. / 6, 1. / 6}, {1. / 6, 1. / 6, 1. / 6}, {1. / 24, 1. / 12, 1. / 6}, {1. / 24, 1. / 12, 1. / 6}, {0, 0, 1}}
	winogradA = [4][6]float64{{1, 1, 1, 1, 1, 0}, {0, 1, 1, 2, 2, 0}, {0, 1, 1, 4, 4, 0}, {0, 1, 1, 8, 8, 1}}
)

// winogradSlack bounds the error of a 3×3 convolution done by F(4×4, 3×3) on tiles
// from the result's corner: In products and some forty roundings of the transforms,
// relative to what the transforms make of the sizes of x and w. It is larger than a
// direct sum's because the transforms add up numbers that cancel.
func winogradSlack(op engine.Conv2D, x, w []float64) []float64 {
	outH, outW := op.OutSize()
	s := make([]float64, op.Batch*outH*outW*op.Out)
	kernels := make([][6][6]float64, op.Out*op.In)
	for i := range kernels {
		kernels[i] = sandwich3(w[i*9:][:9])
	}
	for b := range op.Batch {
		for ty := 0; ty < outH; ty += 4 {
			for tx := 0; tx < outW; tx += 4 {
				winogradTile(op, x, kernels, b, ty, tx, s)
			}
		}
	}
	return relative(float64(op.In+40)*u, s)
}

func winogradTile(op engine.Conv2D, x []float64, kernels [][6][6]float64, b, ty, tx int, s []float64) {
	outH, outW := op.OutSize()
	sums := make([][6][6]float64, op.Out)
	for i := range op.In {
		patch := sandwich6(func(y, c int) float64 { return pixel(op, x, b, ty+y-op.Pad[0], tx+c-op.Pad[1], i) })
		for o := range op.Out {
			for p := range 36 {
				sums[o][p/6][p%6] += kernels[o*op.In+i][p/6][p%6] * patch[p/6][p%6]
			}
		}
	}
	for y := range min(4, outH-ty) {
		for c := range min(4, outW-tx) {
			for o := range op.Out {
				t := 0.0
				for p := range 36 {
					t += winogradA[y][p/6] * winogradA[c][p%6] * sums[o][p/6][p%6]
				}
				s[((b*outH+ty+y)*outW+tx+c)*op.Out+o] = t
			}
		}
	}
}

// pixel is the size of a number of the enlarged and padded picture.
func pixel(op engine.Conv2D, x []float64, b, row, col, c int) float64 {
	h, w := op.H, op.W
	if op.UpH > 0 {
		h, w = op.UpH, op.UpW
	}
	if row < 0 || row >= h || col < 0 || col >= w {
		return 0
	}
	return math.Abs(x[((b*op.H+row*op.H/h)*op.W+col*op.W/w)*op.In+c])
}

// sandwich3 is G·w·Gᵀ, sandwich6 Bᵀ·d·B.
func sandwich3(w []float64) (r [6][6]float64) {
	for p := range 36 {
		for q := range 9 {
			r[p/6][p%6] += winogradG[p/6][q/3] * winogradG[p%6][q%3] * w[q]
		}
	}
	return r
}

func sandwich6(d func(y, x int) float64) (r [6][6]float64) {
	for q := range 36 {
		v := d(q/6, q%6)
		for p := range 36 {
			r[p/6][p%6] += winogradB[p/6][q/6] * winogradB[p%6][q%6] * v
		}
	}
	return r
}
