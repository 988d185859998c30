package imageio

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"image"
	"math/rand/v2"
	"path/filepath"
	"runtime"
	"runtime/metrics"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/easel-go/easel/internal/fault"
	"github.com/easel-go/easel/internal/golden"
)

// corpus returns the reference files, whole and damaged.
func corpus(t testing.TB) map[string][]byte {
	files := map[string][]byte{}
	for _, path := range golden.Glob(t, golden.Part(t, "image"), "files/*") {
		files[filepath.Base(path)] = golden.Bytes(t, path)
	}
	return files
}

// TestTruncations decodes every file cut at every length.
func TestTruncations(t *testing.T) {
	for name, b := range corpus(t) {
		if strings.HasPrefix(name, "bad_") {
			continue
		}
		step := 1 + len(b)/150
		for n := 0; n < len(b); n += step {
			survive(t, name, b[:n:n])
		}
	}
}

// TestFlips decodes files with random damage.
func TestFlips(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	files := corpus(t)
	for _, name := range golden.Keys(files) {
		if len(files[name]) == 0 {
			continue
		}
		for range 25 {
			b := slices.Clone(files[name])
			for range 1 + r.IntN(4) {
				b[r.IntN(len(b))] ^= 1 << r.IntN(8)
			}
			survive(t, name, b)
		}
	}
}

// survive checks that bytes decode or give an error of the module's, in bounded time
// and memory, and that no decoder of ours panicked on the way.
func survive(t *testing.T, name string, b []byte) {
	t.Helper()
	before, begin := allocated(), time.Now()
	for _, rule := range []Rule{Strict, Tolerant} {
		i, err := HeaderBytes(b, rule)
		if err == nil && i.Width*i.Height > 1<<24 {
			if rule == Strict {
				_, err := Decode(b, rule)
				survived(t, name, nil, err)
			}
			continue
		}
		p, err := Decode(b, rule)
		survived(t, name, p, err)
	}
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("%s, %d bytes: took %v", name, len(b), took)
	}
	if used := allocated() - before; used > 1<<29 {
		t.Errorf("%s, %d bytes: allocated %d MiB", name, len(b), used>>20)
	}
}

// allocated returns the bytes allocated so far, but for what is cached.
func allocated() uint64 {
	s := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64()
}

func survived(t *testing.T, name string, p *Picture, err error) {
	t.Helper()
	if err == nil {
		if p != nil && p.check() != nil {
			t.Errorf("%s: %v", name, p.check())
		}
		return
	}
	checkKind(t, err)
	foreign := strings.Contains(name, "webp") || strings.Contains(name, "tif")
	if strings.Contains(err.Error(), "decoder failed") && !foreign {
		t.Errorf("%s: %v", name, err)
	}
}

// TestBombs checks that pictures over the budget are refused by their headers.
func TestBombs(t *testing.T) {
	for _, size := range [][2]uint32{{20000, 20000}, {1 << 31, 1}, {1<<32 - 1, 1<<32 - 1}, {13378, 13378}} {
		b := pngOf(size[0], size[1])
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := Decode(b, Tolerant)
		runtime.ReadMemStats(&after)
		if fault.KindOf(err) != fault.Limit {
			t.Errorf("%v: error %v, want a limit", size, err)
		}
		if n := after.TotalAlloc - before.TotalAlloc; n > 1<<20 {
			t.Errorf("%v: allocated %d bytes", size, n)
		}
	}
	// A large size is believed only with the data to match.
	b := pngOf(13000, 13000)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := Decode(b, Strict); fault.KindOf(err) != fault.Truncated {
		t.Errorf("error %v, want truncated", err)
	}
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > 1<<20 {
		t.Errorf("allocated %d bytes for a picture that is not there", n)
	}
}

// pngOf returns a grey PNG with a header, a few bytes of data and no more.
func pngOf(w, h uint32) []byte {
	chunk := func(kind string, data []byte) []byte {
		b := binary.BigEndian.AppendUint32(nil, uint32(len(data)))
		b = append(append(b, kind...), data...)
		return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[4:]))
	}
	head := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, w), h)
	return slices.Concat([]byte(pngMagic), chunk("IHDR", append(head, 8, 0, 0, 0, 0)), chunk("IDAT", []byte{0x78, 0x9c, 1, 2, 3}))
}

// TestArguments checks that nonsense is refused and not crashed on.
func TestArguments(t *testing.T) {
	p, _ := New(RGB, 4, 3)
	whole := Region{0, 0, 4, 3}
	for name, f := range map[string]func() error{
		"empty picture":   func() error { _, err := New(RGB, 0, 3); return err },
		"huge picture":    func() error { _, err := New(RGB, 1<<40, 1<<40); return err },
		"unknown mode":    func() error { _, err := New("HSV", 4, 3); return err },
		"size 0":          func() error { _, err := p.Resize(0, 1, Bicubic); return err },
		"negative size":   func() error { _, err := p.Resize(1, -1, Bicubic); return err },
		"unknown filter":  func() error { _, err := p.Resize(1, 1, 99); return err },
		"region outside":  func() error { _, err := p.ResizePart(Region{0, 0, 5, 3}, 1, 1, Bicubic); return err },
		"region inverted": func() error { _, err := p.ResizePart(Region{3, 0, 1, 3}, 1, 1, Bicubic); return err },
		"gap below 1":     func() error { _, err := p.ResizeReduced(whole, 1, 1, Bicubic, 0.5); return err },
		"crop of nothing": func() error { _, err := p.Crop(image.Rect(1, 1, 1, 2)); return err },
		"thumbnail of 0":  func() error { _, err := p.Thumbnail(0, 2); return err },
		"pixels missing":  func() error { _, err := (&Picture{Mode: RGB, Width: 4, Height: 3}).Resize(1, 1, Bicubic); return err },
		"no palette": func() error {
			return EncodeJPEG(new(bytes.Buffer), &Picture{Mode: Indexed, Width: 1, Height: 1, Pix: []byte{0}}, JPEGOptions{})
		},
		"quality 101": func() error { return EncodeJPEG(new(bytes.Buffer), p, JPEGOptions{Quality: 101}) },
		"text key":    func() error { return EncodePNG(new(bytes.Buffer), p.RGBAImage(), Text{"", "x"}) },
		"no file":     func() error { _, err := HeaderFile(filepath.Join(t.TempDir(), "x"), Strict); return err },
		"no PNG":      func() error { _, err := ReadText([]byte("GIF89a")); return err },
	} {
		err := f()
		if err == nil {
			t.Errorf("%s: no error", name)
			continue
		}
		checkKind(t, err)
	}
}

func FuzzDecode(f *testing.F) {
	for name, b := range corpus(f) {
		if len(b) < 3000 || strings.HasPrefix(name, "tiff") {
			f.Add(b, len(b)%2 == 0)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte, tolerant bool) {
		rule := Strict
		if tolerant {
			rule = Tolerant
		}
		i, err := HeaderBytes(b, rule)
		if err != nil {
			return
		}
		if j, err := Header(bytes.NewReader(b), rule); err != nil || i != j {
			t.Fatalf("header %v of bytes, %v (%v) of a reader", i, j, err)
		}
		if i.Width*i.Height > 1<<20 {
			return
		}
		p, err := Decode(b, rule)
		if err != nil {
			if fault.KindOf(err) == "" {
				t.Fatalf("%v is no error of the module's", err)
			}
			if strings.Contains(err.Error(), "decoder failed") && i.Format != WebP && i.Format != TIFF {
				t.Fatal(err)
			}
			return
		}
		if err := p.check(); err != nil {
			t.Fatal(err)
		}
		if i.Format != TIFF && (p.Width != i.Width || p.Height != i.Height) || p.Mode != i.Mode {
			t.Fatalf("%s %dx%d, header %v", p.Mode, p.Width, p.Height, i)
		}
		p.Upright().RGB()
	})
}
