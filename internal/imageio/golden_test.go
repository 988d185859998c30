package imageio

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"path/filepath"
	"testing"

	"github.com/easel-go/easel/internal/fault"
	"github.com/easel-go/easel/internal/golden"
)

// fact is what Pillow says of a file: goldens/image, facts.json.
type fact struct {
	File                 string                     `json:"file"`
	Bytes                int                        `json:"bytes"`
	SHA256               string                     `json:"sha256"`
	OpenError            string                     `json:"open_error"`
	Decodable            bool                       `json:"decodable"`
	Format               Format                     `json:"format"`
	Size                 [2]int                     `json:"size"`
	Mode                 Mode                       `json:"mode"`
	Frames               int                        `json:"frames"`
	FramesError          string                     `json:"frames_error"`
	Orientation          int                        `json:"orientation"`
	Transparency         json.RawMessage            `json:"transparency"`
	Gamma                float64                    `json:"gamma"`
	DPI                  []float64                  `json:"dpi"`
	AdobeTransform       int                        `json:"adobe_transform"`
	Progressive          int                        `json:"progressive"`
	ComponentsHV         [][2]int                   `json:"components_h_v"`
	LoadError            string                     `json:"load_error"`
	TolerantSHA256       string                     `json:"tolerant_rgb_sha256"`
	TolerantError        string                     `json:"tolerant_error"`
	SizeAfterLoad        [2]int                     `json:"size_after_load"`
	ModeAfterLoad        Mode                       `json:"mode_after_load"`
	RawSHA256            string                     `json:"raw_sha256"`
	RGBSHA256            string                     `json:"rgb_sha256"`
	FirstRGB             [3]int                     `json:"first_rgb"`
	TransposedSize       [2]int                     `json:"transposed_size"`
	TransposedSHA256     string                     `json:"transposed_rgb_sha256"`
	Draft                map[string]json.RawMessage `json:"draft"` // scaled decoding is not offered
	TransparencyOfFrames json.RawMessage            `json:"-"`
}

type facts struct {
	Versions map[string]string `json:"versions"`
	Seed     int               `json:"seed"`
	Rows     []fact            `json:"rows"`
}

func TestGoldenFacts(t *testing.T) {
	dir := golden.Part(t, "image")
	for _, f := range golden.JSON[facts](t, filepath.Join(dir, "facts.json")).Rows {
		t.Run(f.File, func(t *testing.T) {
			b := golden.Bytes(t, filepath.Join(dir, "files", f.File))
			if sum(b) != f.SHA256 {
				t.Fatal("the file is not the one the facts are about")
			}
			info, err := HeaderBytes(b, Strict)
			if f.OpenError != "" {
				if err == nil {
					t.Fatalf("header is %v, want an error (%s)", info, f.OpenError)
				}
				checkKind(t, err)
				if _, err := Decode(b, Strict); err == nil {
					t.Error("decoded without a header")
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if want := (Info{f.Format, f.Size[0], f.Size[1], f.Mode, f.Orientation}); info != want {
				t.Errorf("header %v, want %v", info, want)
			}
			if fromFile, err := HeaderFile(filepath.Join(dir, "files", f.File), Strict); fromFile != info {
				t.Errorf("header of the file %v (%v), want %v", fromFile, err, info)
			}
			p, err := Decode(b, Strict)
			if !f.Decodable {
				checkDamaged(t, f, b, err)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			checkPicture(t, f, b, p, filepath.Join(dir, "decoded", f.File+".png"))
		})
	}
}

func checkKind(t *testing.T, err error) {
	t.Helper()
	var e *fault.Error
	if !errors.As(err, &e) || e.Kind == "" {
		t.Errorf("%v is no error of the module's", err)
	}
}

// checkDamaged checks that a strict decoder refused the file, and what a tolerant
// one makes of it.
func checkDamaged(t *testing.T, f fact, b []byte, err error) {
	if err == nil {
		t.Errorf("decoded, want an error (%s)", f.LoadError)
	} else {
		checkKind(t, err)
	}
	p, err := Decode(b, Tolerant)
	if (err != nil) != (f.TolerantError != "") {
		t.Fatalf("tolerant decoding: error %v, want %q", err, f.TolerantError)
	}
	if err == nil && sum(p.RGB().Pix) != f.TolerantSHA256 {
		t.Errorf("tolerant decoding gives other pixels")
	}
}

// checkPicture compares pixels; a JPEG's may be a little off.
func checkPicture(t *testing.T, f fact, b []byte, p *Picture, decoded string) {
	if err := p.check(); err != nil {
		t.Fatal(err)
	}
	if p.Width != f.SizeAfterLoad[0] || p.Height != f.SizeAfterLoad[1] || p.Mode != f.ModeAfterLoad {
		t.Errorf("%s %dx%d, want %s %v", p.Mode, p.Width, p.Height, f.ModeAfterLoad, f.SizeAfterLoad)
	}
	if sum(p.RGB().Pix) != f.RGBSHA256 {
		t.Errorf("other RGB pixels; the first is %v, want %v", p.RGB().Pix[:3], f.FirstRGB)
	}
	if sum(tobytes(p)) != f.RawSHA256 {
		t.Errorf("other pixels in mode %s", p.Mode)
	}
	if f.TransposedSHA256 != "" {
		up, err := DecodeRGB(b, Strict)
		if err != nil {
			t.Fatal(err)
		}
		if up.Width != f.TransposedSize[0] || up.Height != f.TransposedSize[1] || sum(up.Pix) != f.TransposedSHA256 {
			t.Errorf("upright: %dx%d and other pixels, want %v", up.Width, up.Height, f.TransposedSize)
		}
		info, _ := HeaderBytes(b, Strict)
		if w, h := info.Upright(); w != up.Width || h != up.Height {
			t.Errorf("header says %dx%d upright, want %dx%d", w, h, up.Width, up.Height)
		}
	}
}

// tobytes returns the pixels as Pillow's tobytes does: eight to a byte in mode "1".
func tobytes(p *Picture) []byte {
	if p.Mode != Bilevel {
		return p.Pix
	}
	var out []byte
	for y := range p.Height {
		row := make([]byte, (p.Width+7)/8)
		for x, v := range p.Pix[y*p.Width:][:p.Width] {
			row[x/8] |= v & 1 << (7 - x%8)
		}
		out = append(out, row...)
	}
	return out
}

func sum(b []byte) string {
	s := sha256.Sum256(b)
	return hex.EncodeToString(s[:])
}

// resizeCase is a call of Image.resize.
type resizeCase struct {
	Src     string    `json:"src"`
	Mode    Mode      `json:"mode"`
	From    [2]int    `json:"from"`
	To      [2]int    `json:"to"`
	Filter  string    `json:"filter"`
	Box     []float64 `json:"box"`
	Gap     float64   `json:"reducing_gap"`
	SHA256  string    `json:"sha256"`
	OutMode Mode      `json:"out_mode"`
	PNG     string    `json:"png"`
	Error   string    `json:"error"`
	Size    [2]int    `json:"size"` // of thumbnails
	_       [0]struct{}
}

type thumbnail struct {
	Src    string `json:"src"`
	Box    [2]int `json:"box"`
	Size   [2]int `json:"size"`
	SHA256 string `json:"sha256"`
}

type resizeTable struct {
	Pillow     string       `json:"pillow"`
	Thumbnails []thumbnail  `json:"thumbnail_default_bicubic_gap2"`
	Rows       []resizeCase `json:"rows"`
}

var filters = map[string]Filter{"default": Bicubic, "NEAREST": Nearest, "BOX": Box, "BILINEAR": Bilinear, "HAMMING": Hamming, "BICUBIC": Bicubic, "LANCZOS": Lanczos}

func TestGoldenResize(t *testing.T) {
	dir := golden.Part(t, "image")
	table := golden.JSON[resizeTable](t, filepath.Join(dir, "resize.json"))
	src := map[string]*Picture{}
	for _, path := range golden.Glob(t, dir, "resize_src/*") {
		p, err := Decode(golden.Bytes(t, path), Strict)
		if err != nil {
			t.Fatal(path, err)
		}
		name := filepath.Base(path)
		src[name[:len(name)-len(filepath.Ext(name))]] = p
	}
	for i, c := range table.Rows {
		p, f := src[c.Src], filters[c.Filter]
		if _, ok := filters[c.Filter]; p == nil || !ok {
			t.Fatalf("row %d: source %s, filter %s", i, c.Src, c.Filter)
		}
		q, err := resizeAs(p, c, f)
		if err != nil || c.Error != "" {
			t.Errorf("row %d: error %v, want %q", i, err, c.Error)
			continue
		}
		if q.Width != c.To[0] || q.Height != c.To[1] || q.Mode != c.OutMode || sum(tobytes(q)) != c.SHA256 {
			t.Errorf("row %d: %s %v to %v, %s, box %v, gap %v: other pixels", i, c.Src, c.From, c.To, c.Filter, c.Box, c.Gap)
		}
	}
	for _, c := range table.Thumbnails {
		q, err := src[c.Src].Thumbnail(c.Box[0], c.Box[1])
		if err != nil {
			t.Fatal(err)
		}
		if q.Width != c.Size[0] || q.Height != c.Size[1] || sum(q.Pix) != c.SHA256 {
			t.Errorf("thumbnail %v: %dx%d, want %v, or other pixels", c.Box, q.Width, q.Height, c.Size)
		}
	}
}

func resizeAs(p *Picture, c resizeCase, f Filter) (*Picture, error) {
	r := Region{0, 0, float32(p.Width), float32(p.Height)}
	if c.Box != nil {
		r = Region{float32(c.Box[0]), float32(c.Box[1]), float32(c.Box[2]), float32(c.Box[3])}
	}
	if c.Gap != 0 {
		return p.ResizeReduced(r, c.To[0], c.To[1], f, c.Gap)
	}
	return p.ResizePart(r, c.To[0], c.To[1], f)
}
