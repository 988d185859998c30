package imageio

import (
	"bytes"
	"fmt"
	"io"
	"os"

	"github.com/easel-go/easel/internal/fault"
)

// Rule says what happens to damaged pictures.
type Rule uint8

const (
	Strict   Rule = iota // an error
	Tolerant             // what can be read, the rest black or grey
)

// Format is a kind of picture file, under Pillow's name.
type Format string

// The formats that are read.
const (
	JPEG Format = "JPEG"
	PNG  Format = "PNG"
	GIF  Format = "GIF"
	WebP Format = "WEBP"
	BMP  Format = "BMP"
	TIFF Format = "TIFF"
	PPM  Format = "PPM"
	ICO  Format = "ICO"
)

// Info is what a file says of itself before its pixels are read.
type Info struct {
	Format        Format
	Width, Height int // as [Decode] returns it: before Upright, but a TIFF's are turned already
	Mode          Mode
	Orientation   int // EXIF or XMP orientation as written, 0 without one
}

// Upright returns the size after the orientation is applied.
func (i Info) Upright() (width, height int) {
	if turned(i.Orientation) && i.Format != TIFF {
		return i.Height, i.Width
	}
	return i.Width, i.Height
}

// Large reports whether the picture has more than [WarnPixels].
func (i Info) Large() bool { return i.Width*i.Height > WarnPixels }

// codec is how a format is read. info stops before the pixels; decode is called
// with what it returned and may trust its size.
type codec struct {
	format Format
	match  func(head []byte) bool
	info   func(*source, Rule) (Info, error)
	decode func(b []byte, i Info, rule Rule) (*Picture, error)
}

// codecs returns the formats, in the order in which they are tried.
func codecs() []codec {
	return []codec{
		{JPEG, prefix("\xff\xd8\xff"), jpegInfo, decodeJPEG},
		{PNG, prefix(pngMagic), pngInfo, decodePNG},
		{WebP, isWebP, webpInfo, decodeWebP},
		{GIF, prefix("GIF87a", "GIF89a"), gifInfo, decodeGIF},
		{BMP, prefix("BM"), bmpInfo, decodeBMP},
		{TIFF, prefix("II*\x00", "MM\x00*"), tiffInfo, decodeTIFF},
		{PPM, isPPM, ppmInfo, decodePPM},
		{ICO, prefix("\x00\x00\x01\x00"), icoInfo, decodeICO},
	}
}

func prefix(of ...string) func([]byte) bool {
	return func(head []byte) bool {
		for _, p := range of {
			if bytes.HasPrefix(head, []byte(p)) {
				return true
			}
		}
		return false
	}
}

// Header reads the size, mode and orientation of a picture, from as few bytes as
// its format allows. Whatever it refuses, [Decode] refuses too: an unknown format, a
// broken or empty header, or more than [MaxPixels]. A file that ends early may have
// a good header.
func Header(r io.ReaderAt, rule Rule) (Info, error) {
	i, _, err := header(&source{r: r}, rule)
	return i, err
}

// HeaderFile is [Header] of a file.
func HeaderFile(path string, rule Rule) (Info, error) {
	f, err := os.Open(path)
	if err != nil {
		return Info{}, &fault.Error{Kind: fault.Missing, Op: op, Err: err}
	}
	defer f.Close()
	return Header(f, rule)
}

// HeaderBytes is [Header] of a file in memory.
func HeaderBytes(b []byte, rule Rule) (Info, error) {
	i, _, err := header(&source{buf: b}, rule)
	return i, err
}

func header(s *source, rule Rule) (i Info, c codec, err error) {
	defer catch(&err)
	head := s.at(0, 32)
	for _, c = range table {
		if !c.match(head) {
			continue
		}
		i, err = c.info(s, rule)
		if s.err != nil {
			err = s.err
		}
		if err != nil {
			return Info{}, c, err
		}
		i.Format = c.format
		return i, c, checkSize(i.Width, i.Height)
	}
	if s.err != nil {
		return Info{}, c, s.err
	}
	return Info{}, c, &fault.Error{Kind: fault.Unsupported, Op: op, What: "format", Have: fmt.Sprintf("starting % x", head[:min(8, len(head))]),
		Want: "JPEG, PNG, GIF, WebP, BMP, TIFF, PPM or ICO"}
}

var table = codecs()

// Decode reads the first picture of a file in memory. Its Orientation is still to be
// applied, see [Picture.Upright].
func Decode(b []byte, rule Rule) (p *Picture, err error) {
	defer catch(&err)
	i, c, err := header(&source{buf: b}, rule)
	if err != nil {
		return nil, err
	}
	p, err = c.decode(b, i, rule)
	if err != nil {
		return nil, err
	}
	if i.Format != TIFF { // it is turned already
		p.Orientation = i.Orientation
	}
	return p, nil
}

// DecodeRGB is Decode, Upright and RGB: the picture as it is meant to be seen.
func DecodeRGB(b []byte, rule Rule) (*Picture, error) {
	p, err := Decode(b, rule)
	if err != nil {
		return nil, err
	}
	return p.Upright().RGB(), nil
}

// catch turns a panic, of a foreign decoder above all, into an error.
func catch(err *error) {
	if r := recover(); r != nil {
		*err = &fault.Error{Kind: fault.Invalid, Op: op, What: "picture", Err: fmt.Errorf("decoder failed: %v", r)}
	}
}

// truncated and invalid are the errors of a format.
func truncated(f Format, what string) error {
	return &fault.Error{Kind: fault.Truncated, Op: op, Where: string(f), What: what}
}

func invalid(f Format, what, have, want string) error {
	return &fault.Error{Kind: fault.Invalid, Op: op, Where: string(f), What: what, Have: have, Want: want}
}

func unsupported(f Format, what, have string) error {
	return &fault.Error{Kind: fault.Unsupported, Op: op, Where: string(f), What: what, Have: have}
}
