package imageio

import (
	"encoding/binary"
	"fmt"
)

// The tags of TIFF 6.0 and its supplements that decide about pixels.
const (
	tagWidth        = 256
	tagHeight       = 257
	tagBits         = 258
	tagCompression  = 259
	tagPhotometric  = 262
	tagFillOrder    = 266
	tagStripOffsets = 273
	tagSamples      = 277
	tagRowsPerStrip = 278
	tagStripCounts  = 279
	tagPlanar       = 284
	tagPredictor    = 317
	tagColours      = 320
	tagTileWidth    = 322
	tagTileHeight   = 323
	tagTileOffsets  = 324
	tagTileCounts   = 325
	tagExtra        = 338
	tagSampleFormat = 339
	tagJPEGTables   = 347
	tagXMP          = 700
)

// tiffFile is the first directory of a file.
type tiffFile struct {
	s       *source
	order   binary.ByteOrder
	entries map[int]tiffEntry

	width, height int // as stored, not turned
	bits, samples int
	photometric   int
	compression   int
	format        int   // of samples: 1 unsigned, 2 signed, 3 floating
	extra         []int // what the samples beyond the colours mean
	mode          Mode
}

// tiffEntry is a tag's type, count and either values or their offset.
type tiffEntry struct {
	kind  int
	count int64
	value [4]byte
}

func tiffInfo(s *source, _ Rule) (Info, error) {
	f, err := tiffHeader(s)
	if err != nil {
		return Info{}, err
	}
	i := Info{Width: f.width, Height: f.height, Mode: f.mode, Orientation: f.number(tagOrientation, 0)}
	if i.Orientation == 0 {
		if e, ok := f.entries[tagXMP]; ok && e.count <= metadataLimit {
			i.Orientation = xmpOrientation(f.bytes(tagXMP))
		}
	}
	if turned(f.number(tagOrientation, 0)) {
		i.Width, i.Height = i.Height, i.Width
	}
	return i, nil
}

// maxEntries bounds a directory; real ones have a few dozen.
const maxEntries = 4096

func tiffHeader(s *source) (*tiffFile, error) {
	h := s.at(0, 8)
	if len(h) < 8 {
		return nil, truncated(TIFF, "header")
	}
	f := &tiffFile{s: s, order: binary.LittleEndian, entries: map[int]tiffEntry{}}
	if h[0] == 'M' {
		f.order = binary.BigEndian
	}
	at := int64(f.order.Uint32(h[4:]))
	head := s.at(at, 2)
	if len(head) < 2 {
		return nil, truncated(TIFF, "directory")
	}
	n := int(f.order.Uint16(head))
	if n > maxEntries {
		return nil, invalid(TIFF, "directory", fmt.Sprintf("of %d entries", n), fmt.Sprintf("at most %d", maxEntries))
	}
	dir := s.at(at+2, 12*n+4)
	if len(dir) < 12*n+4 {
		return nil, truncated(TIFF, "directory")
	}
	for ; len(dir) >= 12; dir = dir[12:] {
		f.entries[int(f.order.Uint16(dir))] = tiffEntry{int(f.order.Uint16(dir[2:])), int64(f.order.Uint32(dir[4:])), [4]byte(dir[8:12])}
	}
	return f, f.layout()
}

// layout finds out what the samples are and which mode they make.
func (f *tiffFile) layout() error {
	f.width, f.height = f.number(tagWidth, 0), f.number(tagHeight, 0)
	f.samples = f.number(tagSamples, 1)
	f.bits, f.format = f.number(tagBits, 1), f.number(tagSampleFormat, 1)
	f.photometric, f.compression = f.number(tagPhotometric, 0), f.number(tagCompression, 1)
	if f.samples < 1 || f.samples > maxSamples {
		return unsupported(TIFF, "samples", fmt.Sprint(f.samples))
	}
	depths := f.numbers(tagBits, maxSamples)
	for _, b := range depths[:min(len(depths), f.samples)] {
		if b != f.bits {
			return unsupported(TIFF, "samples", "of different depths")
		}
	}
	if len(depths) > 1 && len(depths) < f.samples {
		return invalid(TIFF, "depths", fmt.Sprint(depths), fmt.Sprint(f.samples))
	}
	f.extra = f.numbers(tagExtra, maxSamples)
	f.mode = f.modeOf()
	if f.mode == "" {
		return unsupported(TIFF, "pixels", fmt.Sprintf("photometric %d, %d samples of %d bits, format %d, extra %v",
			f.photometric, f.samples, f.bits, f.format, f.extra))
	}
	if f.mode == Indexed && f.head(tagColours, 1) == nil {
		return invalid(TIFF, "palette", "none", "one")
	}
	if f.head(tagStripOffsets, 1) == nil && f.head(tagTileOffsets, 1) == nil {
		return invalid(TIFF, "offsets of the pixels", "none", "strips or tiles")
	}
	return nil
}

// maxSamples is the most that Pillow reads of a pixel, and more than it shows.
const maxSamples = 6

// modeOf returns Pillow's mode for the pixels, "" if there is none.
func (f *tiffFile) modeOf() Mode {
	colours := f.samples - len(f.extra)
	wide := f.bits == 8 || f.bits == 16
	plain := !f.hidden()
	switch {
	case f.photometric <= 1 && f.samples == 1 && len(f.extra) == 0:
		return f.grayMode()
	case f.format != 1:
	case f.photometric == 1 && colours == 1 && f.samples == 2 && f.bits == 8 && f.extra[0] == 2:
		return GrayA
	case f.photometric == 2 && f.samples == 3 && colours == 3 && wide:
		return RGB
	case f.photometric == 2 && f.samples == 4 && colours == 4 && wide: // Pillow takes the fourth for alpha
		return RGBA
	case f.photometric == 2 && colours == 3 && wide && !plain:
		return RGB
	case f.photometric == 2 && colours == 3 && wide:
		return RGBA
	case f.photometric == 3 && f.samples == 1 && (f.bits == 1 || f.bits == 2 || f.bits == 4 || f.bits == 8), f.photometric == 3 && colours == 1 && f.samples == 2 && f.bits == 8 && !plain:
		return Indexed
	case f.photometric == 5 && colours == 4 && wide:
		return CMYK
	case f.photometric == 6 && f.samples == 3 && f.bits == 8 && f.compression == tiffJPEG:
		return RGB
	}
	return ""
}

// hidden reports whether the samples beyond the colours mean nothing.
func (f *tiffFile) hidden() bool { return len(f.extra) > 0 && f.extra[0] == 0 }

func (f *tiffFile) grayMode() Mode {
	switch {
	case f.bits == 1 && f.format == 1:
		return Bilevel
	case (f.bits == 2 || f.bits == 4 || f.bits == 8) && f.format == 1, f.bits == 8 && f.format == 2 && f.photometric == 1:
		return Gray
	case f.bits == 16 && f.format == 1:
		return Gray16
	case (f.bits == 16 && f.format == 2 || f.bits == 32 && f.format <= 2) && f.photometric == 1:
		return Int32
	case f.bits == 32 && f.format == 3:
		return Float
	}
	return ""
}

// tiffSizes are the bytes of the types.
var tiffSizes = [...]int64{1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}

// bytes returns a tag's values as they are stored, nil if the file lacks them.
func (f *tiffFile) bytes(tag int) []byte { return f.head(tag, 1<<30) }

// head is bytes, cut after n values.
func (f *tiffFile) head(tag int, n int64) []byte {
	e, ok := f.entries[tag]
	if !ok || e.kind <= 0 || e.kind >= len(tiffSizes) {
		return nil
	}
	size := e.count * tiffSizes[e.kind]
	want := min(size, n*tiffSizes[e.kind], 1<<30)
	if size <= 4 {
		return append([]byte{}, e.value[:want]...)
	}
	at := int64(f.order.Uint32(e.value[:]))
	if len(f.s.at(at+size-1, 1)) == 0 {
		return nil // cut off: as if the tag were not there
	}
	return f.s.at(at, int(want))
}

// numbers returns up to n integers of a tag.
func (f *tiffFile) numbers(tag int, n int64) []int {
	b, kind := f.head(tag, n), f.entries[tag].kind
	var out []int
	for {
		switch {
		case (kind == 1 || kind == 7) && len(b) >= 1:
			out, b = append(out, int(b[0])), b[1:]
		case kind == 3 && len(b) >= 2:
			out, b = append(out, int(f.order.Uint16(b))), b[2:]
		case kind == 4 && len(b) >= 4:
			out, b = append(out, int(f.order.Uint32(b))), b[4:]
		default:
			return out
		}
	}
}

// number returns the first integer of a tag.
func (f *tiffFile) number(tag, missing int) int {
	if v := f.numbers(tag, 1); len(v) > 0 {
		return v[0]
	}
	return missing
}
