package asm

import (
	"math"
	"math/rand/v2"
	"testing"
	"unsafe"
)

// TestWinograd computes one tile by way of the transforms and holds it to the
// convolution's definition; each transform on its own is held to its Go form.
func TestWinograd(t *testing.T) {
	atLevel(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(11, 12))
		const channels, plane = 48, 3 * 48
		w := Columns()
		d := randoms(r, 36*channels)
		g := randoms(r, 9*channels*w) // [channel][tap][column]
		var pixels [36][MaxRows]unsafe.Pointer
		for i := range pixels {
			pixels[i][0] = ptr(d[i*channels:])
		}
		var scratch Scratch
		v, u := make([]float32, 36*plane), make([]float32, 36*channels*w)
		WinogradInput(unsafe.Pointer(&pixels), ptr(v), 4*plane, &scratch, channels)
		WinogradWeights(ptr(g), 4*w, 36*w, ptr(u), 4*channels*w, &scratch, channels)
		m := make([]float32, 36*w)
		for q := range 36 {
			for c := range channels {
				for o := range w {
					m[q*w+o] += v[q*plane+c] * u[(q*channels+c)*w+o]
				}
			}
		}
		add, y := randoms(r, w), make([]float32, 16*w)
		WinogradOutput(ptr(m), 4*w, ptr(y), 4*w, ptr(add), &scratch, w)
		for i, have := range y {
			p, o := i/w, i%w
			want, size := float64(add[o]), math.Abs(float64(add[o]))
			for c := range channels {
				for k := range 9 {
					x := float64(d[((p/4+k/3)*6+p%4+k%3)*channels+c]) * float64(g[(c*9+k)*w+o])
					want, size = want+x, size+math.Abs(x)
				}
			}
			if math.Abs(float64(have)-want) > 2000*0x1p-24*size {
				t.Fatalf("pixel %d column %d: have %v, want %v", p, o, have, want)
			}
		}
	})
}
