package grid

import (
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"reflect"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/easel-go/easel/internal/fault"
	"github.com/easel-go/easel/internal/imageio"
)

// Error is the error that this package returns; its Kind says of which class it is.
type Error = fault.Error

// The kinds of error that this package returns.
const (
	Invalid     = fault.Invalid     // options that make no sense, or a font that is none
	Limit       = fault.Limit       // a sheet or picture that is too large
	Shape       = fault.Shape       // pictures of other sizes, under Refuse
	Unsupported = fault.Unsupported // a caption with characters that the font lacks
)

// Fit says what happens to a picture that is not of the cell's size.
type Fit uint8

const (
	Letterbox Fit = iota // it is scaled to fit, its shape kept, and centred
	Refuse               // it is an error
)

// Options says what a sheet looks like. The zero value is one column of pictures
// without gaps.
type Options struct {
	Columns    int         // cells in a row; 0 means 1
	CellWidth  int         // of a cell in pixels; 0 means that of the widest picture
	CellHeight int         // likewise of the highest
	Gap        int         // pixels between cells
	Border     int         // pixels around all cells
	Background color.Color // behind everything; nil means white
	Fit        Fit         // what to do with pictures of another size than the cell
	Filter     Filter      // how Letterbox scales
	Captions   []string    // texts under the cells, in the order of the pictures; may be short or nil
	Face       *Face       // the captions' font; nil means Go Regular, for Latin, Greek and Cyrillic
	Ink        color.Color // the captions' colour; nil means black, or white on a dark background
}

// op names the package in errors.
const op = "grid"

// Tile draws the pictures on one sheet, row by row. Where a picture is transparent
// the background shows. A nil picture leaves a cell that is crossed out.
//
// It fails without pictures, for options that make no sense, for a sheet of more
// than 178 956 970 pixels, and for captions that the font cannot write.
func Tile(pictures []image.Image, o Options) (sheet *image.RGBA, err error) {
	defer func() { // a malformed font may surprise the library that draws it
		if r := recover(); r != nil {
			sheet, err = nil, &Error{Kind: Invalid, Op: op, What: "captions", Err: fmt.Errorf("%v", r)}
		}
	}()
	pictures = present(pictures)
	l, err := layOut(pictures, o)
	if err != nil {
		return nil, err
	}
	sheet = image.NewRGBA(image.Rect(0, 0, l.width, l.height))
	draw.Draw(sheet, sheet.Rect, image.NewUniform(l.background), image.Point{}, draw.Src)
	errs := make([]error, len(pictures))
	inParallel(len(pictures), func(i int) {
		errs[i] = l.draw(sheet, i, pictures[i])
	})
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	for i := range l.captions {
		l.write(sheet, i)
	}
	return sheet, nil
}

// present returns the pictures with nil for those that are nil pointers.
func present(pictures []image.Image) []image.Image {
	out := make([]image.Image, len(pictures))
	for i, m := range pictures {
		if v := reflect.ValueOf(m); v.Kind() != reflect.Pointer || !v.IsNil() {
			out[i] = m
		}
	}
	return out
}

// layout is a sheet with all its measures.
type layout struct {
	Options
	background, ink color.Color
	cell            image.Point // the size of a cell without its caption
	caption         int         // pixels under a cell
	captions        [][]string  // lines
	width, height   int
}

func layOut(pictures []image.Image, o Options) (*layout, error) {
	l := &layout{Options: o, background: o.Background, ink: o.Ink}
	if err := l.defaults(pictures); err != nil {
		return nil, err
	}
	if err := l.setCaptions(len(pictures)); err != nil {
		return nil, err
	}
	rows := (len(pictures) + l.Columns - 1) / l.Columns
	l.width = 2*l.Border + l.Columns*(l.cell.X+l.Gap) - l.Gap
	l.height = 2*l.Border + rows*(l.cell.Y+l.caption+l.Gap) - l.Gap
	if l.width > imageio.MaxPixels || l.height > imageio.MaxPixels || l.width*l.height > imageio.MaxPixels {
		return nil, &Error{Kind: Limit, Op: op, What: "sheet", Have: fmt.Sprintf("of %dx%d", l.width, l.height), Want: fmt.Sprintf("at most %d pixels", imageio.MaxPixels)}
	}
	return l, nil
}

// largest bounds every measure, so that none overflows when they are added up.
const largest = 1 << 24

// defaults checks the options and fills in what they leave open.
func (l *layout) defaults(pictures []image.Image) error {
	if len(pictures) == 0 {
		return &Error{Kind: Invalid, Op: op, What: "pictures", Have: "none", Want: "at least one"}
	}
	if len(l.Captions) > len(pictures) {
		return &Error{Kind: Invalid, Op: op, What: "captions", Have: fmt.Sprint(len(l.Captions)), Want: fmt.Sprintf("at most %d, one a picture", len(pictures))}
	}
	for name, v := range map[string]int{"Columns": l.Columns, "CellWidth": l.CellWidth, "CellHeight": l.CellHeight, "Gap": l.Gap, "Border": l.Border} {
		if v < 0 || v > largest {
			return &Error{Kind: Invalid, Op: op, What: name, Have: fmt.Sprint(v), Want: fmt.Sprintf("0 to %d", largest)}
		}
	}
	if l.Fit > Refuse {
		return &Error{Kind: Invalid, Op: op, What: "Fit", Have: fmt.Sprint(l.Fit), Want: "Letterbox or Refuse"}
	}
	l.Columns = max(l.Columns, 1)
	if err := l.setCell(pictures); err != nil {
		return err
	}
	if l.background == nil {
		l.background = color.White
	}
	if l.ink == nil {
		l.ink = color.Black
		if color.GrayModel.Convert(l.background).(color.Gray).Y < 128 {
			l.ink = color.White
		}
	}
	return nil
}

// setCell finds the cell's size and the pictures that do not fit it.
func (l *layout) setCell(pictures []image.Image) error {
	l.cell = image.Pt(l.CellWidth, l.CellHeight)
	for i, m := range pictures {
		if m == nil {
			continue
		}
		size := m.Bounds().Size()
		if size.X <= 0 || size.Y <= 0 || size.X > largest || size.Y > largest {
			return &Error{Kind: Invalid, Op: op, Where: fmt.Sprintf("picture %d", i), What: "size", Have: fmt.Sprintf("%dx%d", size.X, size.Y), Want: "at least 1x1"}
		}
		if l.CellWidth == 0 {
			l.cell.X = max(l.cell.X, size.X)
		}
		if l.CellHeight == 0 {
			l.cell.Y = max(l.cell.Y, size.Y)
		}
	}
	if l.cell.X == 0 || l.cell.Y == 0 {
		return &Error{Kind: Invalid, Op: op, What: "pictures", Have: "all missing", Want: "one, or CellWidth and CellHeight"}
	}
	for i, m := range pictures {
		if m != nil && l.Fit == Refuse && m.Bounds().Size() != l.cell {
			size := m.Bounds().Size()
			return &Error{Kind: Shape, Op: op, Where: fmt.Sprintf("picture %d", i), What: "size", Have: fmt.Sprintf("%dx%d", size.X, size.Y), Want: fmt.Sprintf("%dx%d", l.cell.X, l.cell.Y)}
		}
	}
	return nil
}

// place returns where cell i is.
func (l *layout) place(i int) image.Rectangle {
	x := l.Border + i%l.Columns*(l.cell.X+l.Gap)
	y := l.Border + i/l.Columns*(l.cell.Y+l.caption+l.Gap)
	return image.Rectangle{image.Pt(x, y), image.Pt(x, y).Add(l.cell)}
}

// draw puts picture i into its cell.
func (l *layout) draw(sheet *image.RGBA, i int, m image.Image) error {
	at := l.place(i)
	if m == nil {
		cross(sheet, at, l.ink)
		return nil
	}
	if size := m.Bounds().Size(); size != l.cell {
		inside := letterbox(size, at)
		small, err := Resize(m, inside.Dx(), inside.Dy(), l.Filter)
		if err != nil {
			return err
		}
		m, at = small, inside
	}
	how := draw.Over
	if o, ok := m.(interface{ Opaque() bool }); ok && o.Opaque() {
		how = draw.Src
	}
	draw.Draw(sheet, at, m, m.Bounds().Min, how)
	return nil
}

// letterbox returns the largest rectangle of a picture's shape in the middle of a cell.
func letterbox(size image.Point, cell image.Rectangle) image.Rectangle {
	w, h := cell.Dx(), cell.Dy()
	if size.X*h > size.Y*w { // too wide
		h = max((size.Y*w+size.X/2)/size.X, 1)
	} else {
		w = max((size.X*h+size.Y/2)/size.Y, 1)
	}
	min := cell.Min.Add(image.Pt((cell.Dx()-w)/2, (cell.Dy()-h)/2))
	return image.Rectangle{min, min.Add(image.Pt(w, h))}
}

// cross strikes an empty cell out.
func cross(sheet *image.RGBA, at image.Rectangle, ink color.Color) {
	long, w, h := max(at.Dx(), at.Dy()), at.Dx()-1, at.Dy()-1
	for i := range long {
		x, y := i*w/max(long-1, 1), i*h/max(long-1, 1)
		sheet.Set(at.Min.X+x, at.Min.Y+y, ink)
		sheet.Set(at.Min.X+x, at.Max.Y-1-y, ink)
	}
	for x := at.Min.X; x < at.Max.X; x++ {
		sheet.Set(x, at.Min.Y, ink)
		sheet.Set(x, at.Max.Y-1, ink)
	}
	for y := at.Min.Y; y < at.Max.Y; y++ {
		sheet.Set(at.Min.X, y, ink)
		sheet.Set(at.Max.X-1, y, ink)
	}
}

// inParallel does n pieces of work on up to GOMAXPROCS goroutines.
func inParallel(n int, work func(i int)) {
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), n) {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				work(i)
			}
		})
	}
	wg.Wait()
}
