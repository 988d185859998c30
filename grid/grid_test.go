package grid

import (
	"errors"
	"fmt"
	"image"
	"image/color"
	"math"
	"strings"
	"testing"

	"golang.org/x/image/font/gofont/gobold"
)

// plain returns a picture of one colour with its number in the first pixel.
func plain(w, h int, c color.RGBA) *image.RGBA {
	m := image.NewRGBA(image.Rect(7, 9, 7+w, 9+h))
	for i := 0; i < len(m.Pix); i += 4 {
		copy(m.Pix[i:], []byte{c.R, c.G, c.B, c.A})
	}
	return m
}

var (
	red   = color.RGBA{255, 0, 0, 255}
	blue  = color.RGBA{0, 0, 255, 255}
	white = color.RGBA{255, 255, 255, 255}
	black = color.RGBA{0, 0, 0, 255}
)

// TestTile compares every pixel of a sheet with the definition: the picture of its
// cell, or the background.
func TestTile(t *testing.T) {
	pictures := make([]image.Image, 7)
	for i := range pictures {
		pictures[i] = plain(5, 4, color.RGBA{uint8(10 * i), uint8(i), 9, 255})
	}
	for _, o := range []Options{{}, {Columns: 2}, {Columns: 3, Gap: 2, Border: 3}, {Columns: 9, Gap: 1, Background: red}} {
		m, err := Tile(pictures, o)
		if err != nil {
			t.Fatal(err)
		}
		columns := max(o.Columns, 1)
		rows := (len(pictures) + columns - 1) / columns
		if w, h := 2*o.Border+columns*(5+o.Gap)-o.Gap, 2*o.Border+rows*(4+o.Gap)-o.Gap; m.Rect != image.Rect(0, 0, w, h) {
			t.Fatalf("%+v: %v, want %dx%d", o, m.Rect, w, h)
		}
		for y := range m.Rect.Dy() {
			for x := range m.Rect.Dx() {
				want := white
				if o.Background != nil {
					want = red
				}
				cx, cy := (x-o.Border)/(5+o.Gap), (y-o.Border)/(4+o.Gap)
				if i := cy*columns + cx; x >= o.Border && y >= o.Border && (x-o.Border)%(5+o.Gap) < 5 && (y-o.Border)%(4+o.Gap) < 4 && cx < columns && i < len(pictures) {
					want = pictures[i].(*image.RGBA).RGBAAt(7, 9)
				}
				if have := m.RGBAAt(x, y); have != want {
					t.Fatalf("%+v: (%d, %d) is %v, want %v", o, x, y, have, want)
				}
			}
		}
	}
}

func TestLetterbox(t *testing.T) {
	m, err := Tile([]image.Image{plain(8, 4, red), plain(4, 8, blue), plain(2, 2, red)}, Options{Columns: 3})
	if err != nil {
		t.Fatal(err)
	}
	if m.Rect != image.Rect(0, 0, 24, 8) {
		t.Fatalf("sheet %v", m.Rect)
	}
	for _, c := range []struct {
		x, y int
		want color.RGBA
	}{
		{0, 1, white}, {0, 2, red}, {7, 5, red}, {7, 6, white}, // wide: above and below
		{9, 0, white}, {10, 0, blue}, {13, 7, blue}, {14, 7, white}, // high: left and right
		{16, 0, red}, {23, 7, red}, // small: enlarged
	} {
		if have := m.RGBAAt(c.x, c.y); have != c.want {
			t.Errorf("(%d, %d) is %v, want %v", c.x, c.y, have, c.want)
		}
	}
}

// TestTransparent checks that the background shows through.
func TestTransparent(t *testing.T) {
	p := image.NewNRGBA(image.Rect(0, 0, 2, 1))
	p.SetNRGBA(0, 0, color.NRGBA{255, 0, 0, 255})
	m, err := Tile([]image.Image{p}, Options{Background: blue})
	if err != nil {
		t.Fatal(err)
	}
	if m.RGBAAt(0, 0) != red || m.RGBAAt(1, 0) != blue {
		t.Errorf("%v, want red and blue", m.Pix)
	}
}

// TestMissing checks that nil pictures leave a cell that can be seen.
func TestMissing(t *testing.T) {
	m, err := Tile([]image.Image{plain(20, 10, white), nil, (*image.RGBA)(nil)}, Options{Columns: 3})
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []int{20, 39, 40, 59} {
		if m.RGBAAt(x, 0) != black || m.RGBAAt(x, 9) != black {
			t.Errorf("nothing at %d", x)
		}
	}
}

func TestCaptions(t *testing.T) {
	pictures := []image.Image{plain(120, 40, red), plain(120, 40, blue), plain(120, 40, red)}
	long := strings.Repeat("a girl with long purple hair ", 40)
	m, err := Tile(pictures, Options{Columns: 2, Captions: []string{"Привет, naïve", long}})
	if err != nil {
		t.Fatal(err)
	}
	inked := func(r image.Rectangle) (n int) {
		for y := r.Min.Y; y < r.Max.Y; y++ {
			for x := r.Min.X; x < r.Max.X; x++ {
				if m.RGBAAt(x, y) != white {
					n++
				}
			}
		}
		return n
	}
	row := m.Rect.Dy() / 2
	if n := inked(image.Rect(0, 40, 120, row)); n < 50 {
		t.Errorf("first caption has %d dots", n)
	}
	if n := inked(image.Rect(120, 40, 240, row)); n < 500 {
		t.Errorf("second caption has %d dots", n)
	}
	if n := inked(image.Rect(0, row+40, 120, m.Rect.Dy())); n != 0 {
		t.Errorf("no caption has %d dots", n)
	}
	if m.RGBAAt(0, row) != red {
		t.Errorf("second row is not at %d", row)
	}
}

func TestWrap(t *testing.T) {
	f, err := ParseFace(gobold.TTF, 10)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		text  string
		width int
		lines int
	}{{"", 100, 0}, {"one", 100, 1}, {"one\ntwo", 100, 2}, {"one two three four five", 50, 3}, {strings.Repeat("x", 30), 60, 3}, {strings.Repeat("many words ", 100), 80, maxLines}} {
		lines := f.wrap(c.text, c.width)
		if len(lines) != c.lines {
			t.Errorf("%q in %d: %q, want %d lines", c.text, c.width, lines, c.lines)
		}
	}
	if lines := f.wrap(strings.Repeat("w ", 1000), 50); !strings.HasSuffix(lines[maxLines-1], "...") {
		t.Errorf("%q: nothing says that there is more", lines)
	}
}

func TestRefusals(t *testing.T) {
	one := []image.Image{plain(4, 4, red)}
	for name, c := range map[string]struct {
		pictures []image.Image
		o        Options
		kind     error
	}{
		"no pictures":        {nil, Options{}, Invalid},
		"all missing":        {[]image.Image{nil}, Options{}, Invalid},
		"empty picture":      {[]image.Image{image.NewRGBA(image.Rectangle{})}, Options{}, Invalid},
		"negative columns":   {one, Options{Columns: -1}, Invalid},
		"negative gap":       {one, Options{Gap: -1}, Invalid},
		"huge gap":           {one, Options{Border: math.MaxInt}, Invalid},
		"unknown fit":        {one, Options{Fit: 7}, Invalid},
		"too many captions":  {one, Options{Captions: []string{"a", "b"}}, Invalid},
		"huge sheet":         {one, Options{Columns: 1 << 20, CellWidth: 1 << 20, CellHeight: 1}, Limit},
		"unequal":            {append(one, plain(4, 5, blue)), Options{Fit: Refuse}, Shape},
		"no such characters": {one, Options{Captions: []string{"女孩"}}, Unsupported},
		"unknown filter":     {append(one, plain(4, 5, blue)), Options{Filter: 99}, Invalid},
	} {
		_, err := Tile(c.pictures, c.o)
		if !errors.Is(err, c.kind) {
			t.Errorf("%s: %v, want %v", name, err, c.kind)
		}
	}
	for name, f := range map[string]func() error{
		"nil":      func() error { _, err := Resize(nil, 1, 1, Bicubic); return err },
		"nil RGBA": func() error { _, err := Resize((*image.RGBA)(nil), 1, 1, Bicubic); return err },
		"size 0":   func() error { _, err := Resize(one[0], 0, 1, Bicubic); return err },
		"huge":     func() error { _, err := Resize(one[0], math.MaxInt, 2, Bicubic); return err },
		"no font":  func() error { _, err := ParseFace([]byte("x"), 10); return err },
		"size NaN": func() error { _, err := ParseFace(gobold.TTF, math.NaN()); return err },
	} {
		var e *Error
		if err := f(); !errors.As(err, &e) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzParseFace feeds fonts that are none; whatever is accepted must draw.
func FuzzParseFace(f *testing.F) {
	f.Add(gobold.TTF)
	f.Add(gobold.TTF[:2000])
	f.Fuzz(func(t *testing.T, b []byte) {
		face, err := ParseFace(b, 12)
		if err != nil {
			return
		}
		Tile([]image.Image{plain(60, 10, red)}, Options{Captions: []string{"Sphinx"}, Face: face})
	})
}

// BenchmarkTile draws the tutorial's sheet of eight pictures and resizes it.
func BenchmarkTile(b *testing.B) {
	pictures := make([]image.Image, 8)
	for i := range pictures {
		pictures[i] = plain(1024, 1024, color.RGBA{uint8(i), 0, 0, 255})
	}
	for b.Loop() {
		m, err := Tile(pictures, Options{Columns: 2})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := Resize(m, 1024, 2048, Bicubic); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "sheets/s")
}

func ExampleTile() {
	var scenes []image.Image
	for i := range 8 {
		scenes = append(scenes, plain(96, 96, color.RGBA{uint8(30 * i), 80, 120, 255}))
	}
	sheet, err := Tile(scenes, Options{Columns: 2, Gap: 4, Border: 8})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(sheet.Bounds().Size())
	// Output: (212,412)
}

func ExampleResize() {
	m := image.NewGray(image.Rect(0, 0, 4, 1))
	copy(m.Pix, []byte{0, 0, 255, 255})
	small, err := Resize(m, 2, 1, Lanczos)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(small.At(0, 0), small.At(1, 0))
	// Output: {18 18 18 255} {237 237 237 255}
}
