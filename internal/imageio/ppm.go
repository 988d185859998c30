package imageio

import (
	"encoding/binary"
	"fmt"
)

func isPPM(head []byte) bool {
	return len(head) >= 3 && head[0] == 'P' && head[1] >= '4' && head[1] <= '6' && isSpace(head[2])
}

func isSpace(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }

// ppmHeader reads the numbers of a binary PBM, PGM or PPM and where its pixels begin.
func ppmHeader(s *source) (i Info, largest int, data int64, err error) {
	kind := s.at(1, 1)[0]
	numbers := []*int{&i.Width, &i.Height, &largest}
	if i.Mode = RGB; kind == '5' {
		i.Mode = Gray
	} else if kind == '4' {
		i.Mode, numbers, largest = Bilevel, numbers[:2], 255
	}
	data = 2
	for _, n := range numbers {
		if *n, data, err = ppmNumber(s, data); err != nil {
			return
		}
	}
	if largest < 1 || largest > 65535 {
		return i, 0, 0, invalid(PPM, "largest value", fmt.Sprint(largest), "1 to 65535")
	}
	if kind == '5' && largest > 255 {
		i.Mode = Int32
	}
	return i, largest, data, nil
}

// ppmNumber reads a decimal after white space and comments, and the byte behind it.
func ppmNumber(s *source, at int64) (n int, next int64, err error) {
	digits, comment := 0, false
	for {
		b := s.at(at, 1)
		if len(b) == 0 {
			return 0, 0, truncated(PPM, "header")
		}
		at++
		switch c := b[0]; {
		case comment:
			comment = c != '\n' && c != '\r'
		case c == '#':
			comment = true
		case isSpace(c) && digits > 0:
			return n, at, nil
		case isSpace(c):
		case c >= '0' && c <= '9' && digits < 10:
			n, digits = 10*n+int(c-'0'), digits+1
		default:
			return 0, 0, invalid(PPM, "number", fmt.Sprintf("with %q", c), "at most ten digits")
		}
	}
}

func ppmInfo(s *source, _ Rule) (Info, error) {
	i, _, _, err := ppmHeader(s)
	return i, err
}

// decodePPM reads the pixels, scaled to the full range of the mode.
func decodePPM(b []byte, i Info, rule Rule) (*Picture, error) {
	_, largest, at, err := ppmHeader(&source{buf: b})
	if err != nil {
		return nil, err
	}
	data := b[min(at, int64(len(b))):]
	size := 1
	if largest > 255 {
		size = 2
	}
	row := i.Width * size
	switch i.Mode {
	case RGB:
		row *= 3
	case Bilevel:
		row = (i.Width + 7) / 8
	}
	if rule == Strict && len(data)/row < i.Height {
		return nil, truncated(PPM, "picture")
	}
	p := blank(i.Mode, i.Width, i.Height)
	n := i.Width * i.Mode.Bytes()
	for y := 0; y < i.Height && (y+1)*row <= len(data); y++ {
		ppmRow(p.Pix[y*n:][:n], data[y*row:][:row], i.Mode, largest)
	}
	return p, nil
}

func ppmRow(out, row []byte, m Mode, largest int) {
	switch {
	case m == Bilevel: // 1 is black
		for x := range out {
			out[x] = row[x/8]>>(7-x%8)&1 - 1
		}
	case m == Int32:
		for x := range len(out) / 4 {
			v := (be16(row, 2*x)*65535*2 + largest) / (2 * largest)
			binary.LittleEndian.PutUint32(out[4*x:], uint32(min(v, 65535)))
		}
	case largest == 255:
		copy(out, row)
	default:
		for x := range out {
			v := int(row[min(x, len(row)-1)])
			if largest > 255 {
				v = be16(row, 2*x)
			}
			out[x] = byte(min((v*255*2+largest)/(2*largest), 255))
		}
	}
}
