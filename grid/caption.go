package grid

import (
	"errors"
	"fmt"
	"image"
	"sync"
	"unicode"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
)

// Face is a font at a size, for captions. It may be used from several goroutines.
type Face struct {
	mu   sync.Mutex
	font *opentype.Font
	face font.Face
	size float64
}

// ParseFace reads an OpenType or TrueType font, of a collection the first; size is
// the height of a line in pixels, more or less, 1 to 1000.
func ParseFace(ttf []byte, size float64) (face *Face, err error) {
	defer func() {
		if r := recover(); r != nil {
			face, err = nil, &Error{Kind: Invalid, Op: op, What: "font", Err: fmt.Errorf("%v", r)}
		}
	}()
	if !(size >= 1 && size <= 1000) {
		return nil, &Error{Kind: Invalid, Op: op, What: "font size", Have: fmt.Sprint(size), Want: "1 to 1000 pixels"}
	}
	f, err := parseFont(ttf)
	if err != nil {
		return nil, &Error{Kind: Invalid, Op: op, What: "font", Err: err}
	}
	// 72 dots to the inch make a point a pixel.
	of, err := opentype.NewFace(f, &opentype.FaceOptions{Size: size, DPI: 72, Hinting: font.HintingFull})
	if err != nil {
		return nil, &Error{Kind: Invalid, Op: op, What: "font", Err: err}
	}
	return &Face{font: f, face: of, size: size}, nil
}

func parseFont(b []byte) (*opentype.Font, error) {
	f, err := opentype.Parse(b)
	if err == nil {
		return f, nil
	}
	c, cerr := opentype.ParseCollection(b)
	if cerr != nil {
		return nil, errors.Join(err, cerr)
	}
	return c.Font(0)
}

// missing returns the first character that the font lacks.
func (f *Face) missing(text string) (rune, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range text {
		if i, err := f.font.GlyphIndex(nil, r); (err != nil || i == 0) && !unicode.IsSpace(r) {
			return r, true
		}
	}
	return 0, false
}

// line returns the height of a line, and how far its baseline lies below its top.
func (f *Face) line() (height, ascent int) {
	m := f.face.Metrics()
	return (m.Ascent + m.Descent).Ceil(), m.Ascent.Ceil()
}

// maxLines is how many lines a caption may have; the rest is left out.
const maxLines = 4

// wrap breaks a text into lines of at most width pixels: at spaces, at line breaks,
// and anywhere in Chinese, Japanese and Korean.
func (f *Face) wrap(text string, width int) []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var lines []string
	line, end := []rune{}, 0 // end: up to where the line may be broken
	flush := func(n int) {
		lines = append(lines, string(line[:n]))
		line = append([]rune{}, line[n:]...)
		for len(line) > 0 && unicode.IsSpace(line[0]) {
			line = line[1:]
		}
		end = 0
	}
	for _, r := range text {
		if r == '\n' {
			flush(len(line))
			continue
		}
		if unicode.IsSpace(r) {
			r, end = ' ', len(line)
		} else if r >= 0x2e80 {
			end = len(line)
		}
		line = append(line, r)
		if len(line) > 1 && !unicode.IsSpace(r) && font.MeasureString(f.face, string(line)).Ceil() > width {
			if end == 0 {
				end = len(line) - 1 // a word wider than the cell
			}
			flush(end)
		}
		if len(lines) > maxLines {
			break
		}
	}
	if len(line) > 0 {
		flush(len(line))
	}
	if len(lines) > maxLines {
		lines = lines[:maxLines]
		lines[maxLines-1] = f.cut(lines[maxLines-1], width)
	}
	return lines
}

// cut ends a line with dots that say that something is left out.
func (f *Face) cut(line string, width int) string {
	r := []rune(line)
	for len(r) > 0 && font.MeasureString(f.face, string(r)+"...").Ceil() > width {
		r = r[:len(r)-1]
	}
	return string(r) + "..."
}

// setCaptions chooses the font, breaks the captions and finds out how much room they need.
func (l *layout) setCaptions(n int) error {
	if len(l.Captions) == 0 {
		return nil
	}
	if l.Face == nil {
		var err error
		if l.Face, err = ParseFace(goregular.TTF, float64(min(max(12, l.cell.X/24), 64))); err != nil {
			return err
		}
	}
	most := 0
	for i, text := range l.Captions {
		if r, ok := l.Face.missing(text); ok {
			return &Error{Kind: Unsupported, Op: op, Where: fmt.Sprintf("caption %d", i), What: fmt.Sprintf("character %q", r), Have: "is not in the font", Want: "another Face"}
		}
		lines := l.Face.wrap(text, l.cell.X)
		l.captions = append(l.captions, lines)
		most = max(most, len(lines))
	}
	if height, _ := l.Face.line(); most > 0 {
		l.caption = most*height + height/2
	}
	return nil
}

// write draws the caption of cell i, each line centred.
func (l *layout) write(sheet *image.RGBA, i int) {
	l.Face.mu.Lock()
	defer l.Face.mu.Unlock()
	height, ascent := l.Face.line()
	at := l.place(i)
	area := sheet.SubImage(image.Rect(at.Min.X, at.Max.Y, at.Max.X, at.Max.Y+l.caption)).(*image.RGBA)
	d := font.Drawer{Dst: area, Src: image.NewUniform(l.ink), Face: l.Face.face}
	for k, line := range l.captions[i] {
		width := d.MeasureString(line)
		d.Dot = fixed.Point26_6{
			X: fixed.I(at.Min.X) + max(fixed.I(l.cell.X)-width, 0)/2,
			Y: fixed.I(at.Max.Y + height/4 + k*height + ascent),
		}
		d.DrawString(line)
	}
}
