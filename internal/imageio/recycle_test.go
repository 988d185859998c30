package imageio

import "testing"

// TestRecycle: a picture that is made of what another gave back is black all the same.
func TestRecycle(t *testing.T) {
	for range 100 { // a pool may lose what it was given
		p := blank(RGB, 40, 30)
		for i := range p.Pix {
			if p.Pix[i] != 0 {
				t.Fatal("a new picture shows an old one")
			}
			p.Pix[i] = 255
		}
		if p.Recycle(); p.Pix != nil {
			t.Fatal("a recycled picture still has pixels")
		}
	}
}
