package imageio

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
)

// scene is a picture that compresses like a photograph: smooth shapes with some grain.
func scene(w, h int) *Picture {
	r := rand.New(rand.NewPCG(1, 2))
	small := blank(RGB, 32, 24)
	for i := range small.Pix {
		small.Pix[i] = byte(r.IntN(256))
	}
	p, err := small.Resize(w, h, Bicubic)
	if err != nil {
		panic(err)
	}
	for i := 0; i < len(p.Pix); i += 3 {
		grain := r.IntN(17) - 8
		for k := range 3 {
			p.Pix[i+k] = clip8(int(p.Pix[i+k]) + grain)
		}
	}
	return p
}

func jpegOf(b *testing.B, p *Picture, quality int) []byte {
	var f bytes.Buffer
	if err := EncodeJPEG(&f, p, JPEGOptions{Quality: quality}); err != nil {
		b.Fatal(err)
	}
	return f.Bytes()
}

// BenchmarkHeader reads headers of files on disk.
func BenchmarkHeader(b *testing.B) {
	path := filepath.Join(b.TempDir(), "a.jpg")
	if err := os.WriteFile(path, jpegOf(b, scene(1024, 768), 90), 0o666); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := HeaderFile(path, Strict); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "files/s")
}

func BenchmarkDecodeJPEG(b *testing.B) {
	f := jpegOf(b, scene(1024, 768), 90)
	for b.Loop() {
		if _, err := Decode(f, Strict); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "images/s")
}

func BenchmarkDecodePNG(b *testing.B) {
	var f bytes.Buffer
	if err := EncodePNG(&f, scene(1024, 768).RGBAImage()); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := Decode(f.Bytes(), Strict); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "images/s")
}

func BenchmarkResize(b *testing.B) {
	p := scene(1024, 768)
	for _, c := range []struct {
		name string
		w, h int
		f    Filter
	}{
		{"to-clip/bicubic", 299, 224, Bicubic},
		{"to-hash/lanczos", 32, 32, Lanczos},
		{"half/bilinear", 512, 384, Bilinear},
		{"double/bicubic", 2048, 1536, Bicubic},
	} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				if _, err := p.Resize(c.w, c.h, c.f); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "images/s")
		})
	}
}
