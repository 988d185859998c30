package clip

import (
	"bytes"
	"encoding/json"
	"image"
	"math"
	"strings"

	"github.com/easel-go/easel/internal/fault"
	"github.com/easel-go/easel/internal/imageio"
)

// preparation is how a picture becomes what a tower sees: transformers' slow image
// processors (4.57, image_processing_clip.py and image_processing_vit.py).
type preparation struct {
	resize        bool
	shortest      int // the short side after resizing; 0 resizes to width×height whatever the shape
	width, height int
	resample      int // PIL's number of the filter
	crop          bool
	cropW, cropH  int
	rescale       bool
	factor        float64
	normalize     bool
	mean, std     [3]float64

	filter imageio.Filter
	table  [3][256]float32 // what each value of each channel becomes
}

// PIL's numbers of its filters.
const (
	pilBilinear = 2
	pilBicubic  = 3
)

var pilFilters = []imageio.Filter{imageio.Nearest, imageio.Lanczos, imageio.Bilinear, imageio.Bicubic, imageio.Box, imageio.Hamming}

// likeCLIP is what CLIPImageProcessor does unless told otherwise.
func likeCLIP(size int) *preparation {
	return &preparation{
		resize: true, shortest: size, resample: pilBicubic, crop: true, cropW: size, cropH: size, rescale: true, factor: 1.0 / 255, normalize: true,
		mean: [3]float64{0.48145466, 0.4578275, 0.40821073}, std: [3]float64{0.26862954, 0.26130258, 0.27577711},
	}
}

// likeViT is what ViTImageProcessor does unless told otherwise.
func likeViT(size int) *preparation {
	half := [3]float64{0.5, 0.5, 0.5}
	return &preparation{
		resize: true, width: size, height: size, resample: pilBilinear, rescale: true, factor: 1.0 / 255, normalize: true, mean: half, std: half,
	}
}

// preparation reads a folder's preprocessor_config.json, or processor_config.json,
// for a tower that sees squares of the given size. Without either, the defaults hold.
func (f files) preparation(dir string, defaults func(int) *preparation, size int) (*preparation, error) {
	name := f.join(dir, "preprocessor_config.json")
	text := []byte("{}")
	var err error
	if f.has(name) {
		text, err = f.read(name)
	} else if other := f.join(dir, "processor_config.json"); f.has(other) {
		name = other
		text, err = f.read(other)
	}
	if err != nil {
		return nil, err
	}
	p, err := parsePreparation(text, defaults, size)
	if err != nil {
		return nil, &fault.Error{Kind: fault.KindOf(err), Op: "clip", Where: name, Err: err}
	}
	return p, nil
}

// processorFile is preprocessor_config.json, in the forms of all versions of
// transformers.
type processorFile struct {
	Kind      string          `json:"image_processor_type"`
	OldKind   string          `json:"feature_extractor_type"`
	Resize    *bool           `json:"do_resize"`
	Size      json.RawMessage `json:"size"`
	Resample  *int            `json:"resample"`
	Crop      *bool           `json:"do_center_crop"`
	CropSize  json.RawMessage `json:"crop_size"`
	Rescale   *bool           `json:"do_rescale"`
	Factor    *float64        `json:"rescale_factor"`
	Normalize *bool           `json:"do_normalize"`
	Mean      []float64       `json:"image_mean"`
	Std       []float64       `json:"image_std"`

	Nested json.RawMessage `json:"image_processor"` // in a processor_config.json
}

func parsePreparation(text []byte, defaults func(int) *preparation, size int) (*preparation, error) {
	var f processorFile
	if err := json.Unmarshal(text, &f); err != nil {
		return nil, &fault.Error{Kind: fault.Invalid, Err: err}
	}
	if f.Nested != nil {
		if err := json.Unmarshal(f.Nested, &f); err != nil {
			return nil, &fault.Error{Kind: fault.Invalid, Err: err}
		}
	}
	switch kind := f.Kind + f.OldKind; {
	case strings.Contains(kind, "ViT"):
		defaults = likeViT
	case strings.Contains(kind, "CLIP"):
		defaults = likeCLIP
	}
	p := defaults(size)
	if err := f.apply(p); err != nil {
		return nil, err
	}
	return p.finish(size)
}

// apply overrides the defaults by what the file says.
func (f *processorFile) apply(p *preparation) error {
	set(&p.resize, f.Resize)
	set(&p.resample, f.Resample)
	set(&p.crop, f.Crop)
	set(&p.rescale, f.Rescale)
	set(&p.factor, f.Factor)
	set(&p.normalize, f.Normalize)
	for _, v := range []struct {
		name string
		from []float64
		to   *[3]float64
	}{{"image_mean", f.Mean, &p.mean}, {"image_std", f.Std, &p.std}} {
		if v.from == nil {
			continue
		}
		if len(v.from) != 3 {
			return fault.Newf(fault.Invalid, "", "%s has %d numbers, want 3", v.name, len(v.from))
		}
		*v.to = [3]float64(v.from)
	}
	return f.sizes(p)
}

func set[T any](to *T, from *T) {
	if from != nil {
		*to = *from
	}
}

// side is a size: a number, or an object of one or two sides.
type side struct {
	Shortest int `json:"shortest_edge"`
	Width    int `json:"width"`
	Height   int `json:"height"`
}

func (f *processorFile) sizes(p *preparation) error {
	s, n, err := parseSide("size", f.Size)
	switch {
	case err != nil:
		return err
	case n > 0 && p.shortest > 0:
		p.shortest = n
	case n > 0:
		p.width, p.height = n, n
	case s != nil:
		p.shortest, p.width, p.height = s.Shortest, s.Width, s.Height
	}
	s, n, err = parseSide("crop_size", f.CropSize)
	if n > 0 {
		p.cropW, p.cropH = n, n
	} else if s != nil {
		p.cropW, p.cropH = s.Width, s.Height
	}
	return err
}

// parseSide returns either an object or a number, or neither for a size that is not
// given.
func parseSide(name string, text json.RawMessage) (*side, int, error) {
	if len(text) == 0 || bytes.Equal(text, []byte("null")) {
		return nil, 0, nil
	}
	var n int
	if json.Unmarshal(text, &n) == nil && n > 0 {
		return nil, n, nil
	}
	var s side
	if err := json.Unmarshal(text, &s); err != nil || s.Shortest <= 0 && (s.Width <= 0 || s.Height <= 0) {
		return nil, 0, &fault.Error{Kind: fault.Invalid, What: name, Have: string(text), Want: "a number, shortest_edge, or width and height"}
	}
	return &s, 0, nil
}

// finish checks that all pictures come out as squares of the given size, and makes
// the table.
func (p *preparation) finish(size int) (*preparation, error) {
	w, h := p.cropW, p.cropH
	if !p.crop {
		w, h = p.width, p.height
		if !p.resize || p.shortest > 0 {
			return nil, &fault.Error{Kind: fault.Unsupported, What: "preparation", Have: "leaves pictures in different sizes", Want: "a crop, or one size for all"}
		}
	}
	if w != size || h != size {
		return nil, fault.Newf(fault.Shape, "", "pictures are made %d×%d, want %d×%d, which the tower sees", w, h, size, size)
	}
	if p.resample < 0 || p.resample >= len(pilFilters) {
		return nil, fault.Newf(fault.Invalid, "", "resample %d, want 0 to %d", p.resample, len(pilFilters)-1)
	}
	if p.shortest > 1<<14 {
		return nil, fault.Newf(fault.Limit, "", "shortest_edge %d, want at most %d", p.shortest, 1<<14)
	}
	p.filter = pilFilters[p.resample]
	return p, p.tabulate()
}

// tabulate follows the reference's types: the product is float64, rounded to float32,
// and the rest float32.
func (p *preparation) tabulate() error {
	for c := range p.table {
		for v := range p.table[c] {
			x := float32(v)
			if p.rescale {
				x = float32(float64(v) * p.factor)
			}
			if p.normalize {
				x = (x - float32(p.mean[c])) / float32(p.std[c])
			}
			if x != x || math.IsInf(float64(x), 0) {
				return fault.Newf(fault.NotFinite, "", "image_std %v makes numbers that are not finite", p.std)
			}
			p.table[c][v] = x
		}
	}
	return nil
}

// picture writes what the tower sees of m to out, [size, size, 3].
func (p *preparation) picture(m image.Image, out []float32) error {
	pic, err := imageio.FromImage(m)
	if err != nil {
		return err
	}
	if pic, err = p.pixels(pic); err != nil {
		return err
	}
	for i := 0; i+2 < len(pic.Pix); i += 3 {
		o, v := out[i:i+3:i+3], pic.Pix[i:i+3:i+3]
		o[0], o[1], o[2] = p.table[0][v[0]], p.table[1][v[1]], p.table[2][v[2]]
	}
	return nil
}

// maxResized is how many pixels a picture is resized to as a whole, about 100 MB.
const maxResized = 1 << 25

// pixels resizes and crops an RGB picture.
func (p *preparation) pixels(pic *imageio.Picture) (*imageio.Picture, error) {
	var err error
	if p.resize {
		w, h := p.resized(pic.Width, pic.Height)
		if p.crop && w*h > maxResized {
			pic, err = p.middle(pic, w, h)
		} else {
			pic, err = pic.Resize(w, h, p.filter)
		}
		if err != nil {
			return nil, err
		}
	}
	if !p.crop {
		return pic, nil
	}
	left, top := floorHalf(pic.Width-p.cropW), floorHalf(pic.Height-p.cropH)
	return pic.Crop(image.Rect(left, top, left+p.cropW, top+p.cropH))
}

// middle resizes the part of a long picture that the crop leaves, as if to w×h. Edges of
// parts are float32, so that pixels may differ by a grey level from those of the whole.
func (p *preparation) middle(pic *imageio.Picture, w, h int) (*imageio.Picture, error) {
	r := imageio.Region{Right: float32(pic.Width), Bottom: float32(pic.Height)}
	if w > p.cropW {
		r.Left, r.Right = span(w, p.cropW, pic.Width)
		w = p.cropW
	}
	if h > p.cropH {
		r.Top, r.Bottom = span(h, p.cropH, pic.Height)
		h = p.cropH
	}
	return pic.ResizePart(r, w, h, p.filter)
}

// span returns the edges, in a side of n pixels, of the middle crop of the long ones
// that it is resized to.
func span(long, crop, n int) (from, to float32) {
	scale := float64(n) / float64(long)
	at := floorHalf(long - crop)
	return float32(float64(at) * scale), float32(float64(at+crop) * scale)
}

// resized returns the size to which a picture is resized: the long side is truncated.
func (p *preparation) resized(w, h int) (int, int) {
	switch {
	case p.shortest == 0:
		return p.width, p.height
	case w <= h:
		return p.shortest, p.shortest * h / w
	}
	return p.shortest * w / h, p.shortest
}

// floorHalf is n/2, rounded down.
func floorHalf(n int) int { return n >> 1 }
