package filter

import (
	"math"
	"slices"

	"github.com/easel-go/easel/internal/imageio"
)

// The blurs are Pillow's (ImageFilter; libImaging/BoxBlur.c and Filter.c, 12.3), to the
// byte, on RGB pictures.

// gaussianRadius is the radius of box blurs that, done passes times over, come near a
// Gaussian's (Gwosdek, Grewenig, Bruhn and Weickert 2011, equations 7, 11 and 14).
func gaussianRadius(radius float32, passes int) float32 {
	sigma2 := radius * radius / float32(passes)
	length := float32(math.Sqrt(12*float64(sigma2) + 1))
	l := float32(math.Floor(float64(length-1) / 2))
	a := (2*l + 1) * (l*(l+1) - 3*sigma2)
	a /= 6 * (sigma2 - (l+1)*(l+1))
	return l + a
}

// boxBlur takes the mean over 2·radius+1 pixels along the rows, and then along the
// columns, each passes times. The pixels at the ends of a box of fractional radius count
// in part; beyond the border the last pixel goes on.
func boxBlur(p *imageio.Picture, radius float32, passes int) *imageio.Picture {
	q := p.Clone()
	if radius == 0 {
		return q
	}
	line := make([]byte, max(p.Width, p.Height))
	for c := range 3 {
		for y := range p.Height {
			boxLine(q.Pix[3*y*p.Width+c:], 3, line[:p.Width], radius, passes)
		}
	}
	for c := range 3 {
		for x := range p.Width {
			boxLine(q.Pix[3*x+c:], 3*p.Width, line[:p.Height], radius, passes)
		}
	}
	return q
}

// boxLine blurs the values at every step'th byte of pix; line is scratch of their number.
func boxLine(pix []byte, step int, line []byte, radius float32, passes int) {
	n := len(line)
	r := int(radius)
	whole := uint32(float32(1<<24) / (radius*2 + 1))
	part := ((1 << 24) - (uint32(r)*2+1)*whole) / 2
	at := func(i int) uint32 { return uint32(pix[min(max(i, 0), n-1)*step]) }
	for range passes {
		sum := uint32(0)
		for i := -r; i <= r; i++ {
			sum += at(i)
		}
		for x := range n {
			line[x] = byte((sum*whole + (at(x-r-1)+at(x+r+1))*part + 1<<23) >> 24)
			sum += at(x+r+1) - at(x-r)
		}
		for x, v := range line {
			pix[x*step] = v
		}
	}
}

// meanBlur is ImageFilter.BLUR: the mean of the 16 pixels around a 3×3 block. Two pixels
// along the border stay.
func meanBlur(p *imageio.Picture) *imageio.Picture {
	q := p.Clone()
	q.Pix = slices.Clone(p.Pix)
	row := 3 * p.Width
	for y := 2; y < p.Height-2; y++ {
		for i := y*row + 6; i < (y+1)*row-6; i++ {
			sum := 0
			for dx := -6; dx <= 6; dx += 3 {
				sum += int(p.Pix[i-2*row+dx]) + int(p.Pix[i+2*row+dx])
			}
			for dy := -row; dy <= row; dy += row {
				sum += int(p.Pix[i+dy-6]) + int(p.Pix[i+dy+6])
			}
			q.Pix[i] = byte((sum + 8) / 16)
		}
	}
	return q
}
