package imageio

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"math/rand/v2"
	"slices"
	"testing"
)

// resizeSlowly is the definition of resample8: two passes of sums in 32 bits, each
// rounded to bytes.
func resizeSlowly(p *Picture, r Region, width, height int, f Filter) []byte {
	n := p.Mode.Bytes()
	pass := func(pix []byte, count, length, size, stride, step int, lo, hi float32, out func(line, i int) int, dst []byte) {
		k := newKernel(f, lo, hi, length, size)
		for line := range count {
			for i := range size {
				sum := int32(1) << 21
				for j, w := range k.ints()[i] {
					sum += int32(pix[line/n*stride+line%n+(k.first[i]+j)*step]) * int32(w)
				}
				dst[out(line, i)] = clip8(int(sum >> 22))
			}
		}
	}
	rows := make([]byte, width*p.Height*n)
	pass(p.Pix, p.Height*n, p.Width, width, p.Width*n, n, r.Left, r.Right, func(l, i int) int { return (l/n*width+i)*n + l%n }, rows)
	out := make([]byte, width*height*n)
	pass(rows, width*n, p.Height, height, n, width*n, r.Top, r.Bottom, func(l, i int) int { return i*width*n + l }, out)
	return out
}

// TestResizeDefinition holds the fast passes against their definition, over odd
// sizes, every number of channels and extreme pixels.
func TestResizeDefinition(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 60 {
		m := []Mode{Gray, RGB, CMYK}[r.IntN(3)]
		p := blank(m, 1+r.IntN(40), 1+r.IntN(40))
		for i := range p.Pix {
			p.Pix[i] = byte(r.IntN(2) * 255)
		}
		w, h, f := 1+r.IntN(60), 1+r.IntN(60), []Filter{Bicubic, Box, Bilinear, Hamming, Lanczos}[r.IntN(5)]
		part := Region{0, 0, float32(p.Width), float32(p.Height)}
		if r.IntN(3) == 0 {
			part = Region{0.25, 0.125, float32(p.Width) - 0.3, float32(p.Height) - 0.7}
		}
		q, err := p.ResizePart(part, w, h, f)
		if err != nil {
			t.Fatal(err)
		}
		if w == p.Width || h == p.Height {
			continue // a pass is left out: the reference cases have that
		}
		if !bytes.Equal(q.Pix, resizeSlowly(p, part, w, h, f)) {
			t.Errorf("%s %dx%d, part %v, to %dx%d, %v: not as defined", m, p.Width, p.Height, part, w, h, f)
		}
	}
}

// TestParallel checks that a large picture does not depend on the number of cores.
func TestParallel(t *testing.T) {
	p := scene(900, 700)
	q, err := p.Resize(310, 333, Lanczos)
	if err != nil {
		t.Fatal(err)
	}
	part, err := p.ResizePart(Region{0, 0, 900, 700}, 310, 333, Lanczos)
	if err != nil || !bytes.Equal(q.Pix, part.Pix) {
		t.Errorf("two runs differ (%v)", err)
	}
}

// TestUpright applies every orientation to numbered pixels and compares with the
// definition by coordinates.
func TestUpright(t *testing.T) {
	const w, h = 3, 2
	p := blank(Gray, w, h)
	for i := range p.Pix {
		p.Pix[i] = byte(i)
	}
	for o, at := range map[int]func(x, y int) (int, int){
		1: func(x, y int) (int, int) { return x, y },
		2: func(x, y int) (int, int) { return w - 1 - x, y },
		3: func(x, y int) (int, int) { return w - 1 - x, h - 1 - y },
		4: func(x, y int) (int, int) { return x, h - 1 - y },
		5: func(x, y int) (int, int) { return y, x },
		6: func(x, y int) (int, int) { return y, h - 1 - x },
		7: func(x, y int) (int, int) { return w - 1 - y, h - 1 - x },
		8: func(x, y int) (int, int) { return w - 1 - y, x },
	} {
		p.Orientation = o
		q := p.Upright()
		for y := range q.Height {
			for x := range q.Width {
				sx, sy := at(x, y)
				if have, want := q.Pix[y*q.Width+x], p.Pix[sy*w+sx]; have != want {
					t.Errorf("orientation %d, (%d, %d): %d, want %d", o, x, y, have, want)
				}
			}
		}
		if o > 1 && q.Orientation != 0 {
			t.Errorf("orientation %d: %d is left", o, q.Orientation)
		}
	}
}

func TestXMPOrientation(t *testing.T) {
	for xmp, want := range map[string]int{
		`<x tiff:Orientation="6"/>`:                 6,
		`<tiff:Orientation>8</tiff:Orientation>`:    8,
		`tiff:Orientation='6' <tiff:Orientation>3<`: 3,
		`tiff:Orientation="`:                        0,
		`tiff:Orientation`:                          0,
		`<tiff:XResolution>72</tiff:XResolution>`:   0,
		`tiff:Orientation=" 6" tiff:Orientation>x`:  0,
	} {
		if have := xmpOrientation([]byte(xmp)); have != want {
			t.Errorf("%s: %d, want %d", xmp, have, want)
		}
	}
}

func TestText(t *testing.T) {
	texts := []Text{{"parameters", "a girl\nSteps: 20"}, {"Café", "naïve"}, {"prompt", "一个女孩，半身"}, {"empty", ""}}
	var b bytes.Buffer
	m := image.NewNRGBA(image.Rect(0, 0, 3, 2))
	m.Set(1, 1, color.NRGBA{1, 2, 3, 255})
	if err := EncodePNG(&b, m, texts...); err != nil {
		t.Fatal(err)
	}
	have, err := ReadText(b.Bytes())
	if err != nil || !slices.Equal(have, texts) {
		t.Errorf("read %q (%v), want %q", have, err, texts)
	}
	p, err := Decode(b.Bytes(), Strict)
	if err != nil {
		t.Fatal(err)
	}
	if at := p.Pix[4*4:][:4]; !bytes.Equal(at, []byte{1, 2, 3, 255}) {
		t.Errorf("pixel %v", at)
	}
	// Every cut gives the texts before it and an error.
	for n := range b.Len() - 12 {
		if got, err := ReadText(b.Bytes()[:n]); err == nil || len(got) > len(texts) {
			t.Errorf("cut at %d: %q, error %v", n, got, err)
		}
	}
}

func TestImages(t *testing.T) {
	r := image.Rect(2, 3, 5, 5)
	for _, m := range []interface {
		image.Image
		Set(x, y int, c color.Color)
	}{image.NewRGBA(r), image.NewNRGBA(r), image.NewGray(r), image.NewRGBA64(r), image.NewRGBA(image.Rect(0, 0, 9, 9)).SubImage(r).(*image.RGBA)} {
		for y := r.Min.Y; y < r.Max.Y; y++ {
			for x := r.Min.X; x < r.Max.X; x++ {
				m.Set(x, y, color.RGBA{uint8(10 * x), uint8(20 * y), 7, 255})
			}
		}
		p, err := FromImage(m)
		if err != nil {
			t.Fatal(err)
		}
		back := p.RGBAImage()
		for y := range p.Height {
			for x := range p.Width {
				have, want := back.At(x, y), color.RGBAModel.Convert(m.At(x+2, y+3))
				if have != want {
					t.Errorf("%T (%d, %d): %v, want %v", m, x, y, have, want)
				}
			}
		}
	}
}

func TestCrop(t *testing.T) {
	p := blank(RGB, 4, 3)
	for i := range p.Pix {
		p.Pix[i] = byte(i + 1)
	}
	q, err := p.Crop(image.Rect(-1, 1, 2, 4))
	if err != nil {
		t.Fatal(err)
	}
	want := []byte{
		0, 0, 0, 13, 14, 15, 16, 17, 18,
		0, 0, 0, 25, 26, 27, 28, 29, 30,
		0, 0, 0, 0, 0, 0, 0, 0, 0,
	}
	if q.Width != 3 || q.Height != 3 || !bytes.Equal(q.Pix, want) {
		t.Errorf("%dx%d %v, want %v", q.Width, q.Height, q.Pix, want)
	}
}

// TestHeaderWindow reads a header that is spread over a long file.
func TestHeaderWindow(t *testing.T) {
	var b bytes.Buffer
	if err := EncodeJPEG(&b, scene(40, 30), JPEGOptions{}); err != nil {
		t.Fatal(err)
	}
	app := append([]byte{0xff, 0xe2, 0xff, 0xf0}, make([]byte, 0xfff0-2)...)
	exif := append([]byte{0xff, 0xe1, 0, 34}, "Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00\x06\x00\x00\x00\x00\x00\x00"...)
	file := slices.Concat(b.Bytes()[:2], app, app, exif, app, b.Bytes()[2:])
	i, err := Header(bytes.NewReader(file), Strict)
	if err != nil {
		t.Fatal(err)
	}
	if want := (Info{JPEG, 40, 30, RGB, 6}); i != want {
		t.Errorf("%v, want %v", i, want)
	}
	if w, h := i.Upright(); w != 30 || h != 40 {
		t.Errorf("upright %dx%d, want 30x40", w, h)
	}
}

func ExamplePicture_Resize() {
	p, _ := New(Gray, 4, 1)
	copy(p.Pix, []byte{0, 0, 255, 255})
	q, _ := p.Resize(8, 1, Bicubic)
	fmt.Println(q.Pix)
	// Output: [0 0 0 52 203 255 255 255]
}
