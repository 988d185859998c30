package golden

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"math"
	"testing"
)

// PNG reads a picture as 8-bit RGB, row by row, without its alpha.
func PNG(t testing.TB, path string) (w, h int, rgb []byte) {
	t.Helper()
	m, err := png.Decode(bytes.NewReader(Bytes(t, path)))
	if err != nil {
		t.Fatalf("golden: %s: %v", path, err)
	}
	return RGB(m)
}

// RGB returns the 8-bit RGB values of m, without its alpha.
func RGB(m image.Image) (w, h int, rgb []byte) {
	r := m.Bounds()
	rgb = make([]byte, 0, 3*r.Dx()*r.Dy())
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			c := color.NRGBAModel.Convert(m.At(x, y)).(color.NRGBA)
			rgb = append(rgb, c.R, c.G, c.B)
		}
	}
	return r.Dx(), r.Dy(), rgb
}

// PSNR returns the peak signal-to-noise ratio of two pictures in decibels, and the
// share of equal bytes. Equal pictures have an infinite ratio.
func PSNR(a, b []byte) (db, equal float64) {
	if len(a) != len(b) || len(a) == 0 {
		return math.Inf(-1), 0
	}
	sum, same := 0.0, 0
	for i := range a {
		d := float64(a[i]) - float64(b[i])
		sum += d * d
		if d == 0 {
			same++
		}
	}
	return 10 * math.Log10(255*255*float64(len(a))/sum), float64(same) / float64(len(a))
}
