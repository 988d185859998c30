package imageio

import (
	"bytes"
	"encoding/binary"
)

// orientation returns what EXIF data, else XMP data, say of a picture's orientation,
// or 0. Damaged data say nothing.
func orientation(exif, xmp []byte) int {
	for bytes.HasPrefix(exif, []byte("Exif\x00\x00")) {
		exif = exif[6:]
	}
	if o, ok := exifOrientation(exif); ok {
		return o
	}
	return xmpOrientation(xmp)
}

// tagOrientation is EXIF's and TIFF's number for it.
const tagOrientation = 0x0112

// exifOrientation looks the orientation up in the first directory of a TIFF structure.
func exifOrientation(b []byte) (int, bool) {
	var order binary.ByteOrder = binary.LittleEndian
	switch {
	case len(b) < 8:
		return 0, false
	case b[0] == 'M' && b[1] == 'M':
		order = binary.BigEndian
	case b[0] != 'I' || b[1] != 'I':
		return 0, false
	}
	at := uint64(order.Uint32(b[4:]))
	if at+2 > uint64(len(b)) {
		return 0, false
	}
	dir := b[at+2:]
	for range order.Uint16(b[at:]) {
		if len(dir) < 12 {
			break
		}
		if order.Uint16(dir) == tagOrientation && order.Uint32(dir[4:]) == 1 {
			switch order.Uint16(dir[2:]) {
			case 1: // BYTE
				return int(dir[8]), true
			case 3: // SHORT
				return int(order.Uint16(dir[8:])), true
			case 4: // LONG
				return int(min(order.Uint32(dir[8:]), 1<<16)), true
			}
		}
		dir = dir[12:]
	}
	return 0, false
}

// xmpOrientation finds tiff:Orientation as an attribute or an element.
func xmpOrientation(b []byte) int {
	name := []byte("tiff:Orientation")
	for {
		i := bytes.Index(b, name)
		if i < 0 {
			return 0
		}
		b = b[i+len(name):]
		digits := bytes.TrimPrefix(b, []byte(`="`))
		if len(digits) == len(b) {
			digits = bytes.TrimPrefix(b, []byte(">"))
		}
		if len(digits) < len(b) && len(digits) > 0 && digits[0] >= '0' && digits[0] <= '9' {
			return int(digits[0] - '0')
		}
	}
}
