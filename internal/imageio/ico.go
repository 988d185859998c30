package imageio

import "bytes"

// icoEntry finds the largest picture of an icon.
func icoEntry(s *source) (at, size int64, err error) {
	n := le16(s.at(4, 2), 0)
	best := -1
	for k := range n {
		e := s.at(int64(6+16*k), 16)
		if len(e) < 16 {
			return 0, 0, truncated(ICO, "directory")
		}
		area := (int(e[0]-1) + 1) * (int(e[1]-1) + 1) // 0 means 256
		if area > best {
			best, at, size = area, int64(le32(e, 12)), int64(le32(e, 8))
		}
	}
	if best < 0 {
		return 0, 0, invalid(ICO, "directory", "empty", "a picture")
	}
	if string(s.at(at, 8)) != pngMagic {
		return 0, 0, unsupported(ICO, "picture", "other than a PNG")
	}
	return at, size, nil
}

// icoInfo reads the largest picture, which Pillow opens along with the file. Icons that hold bitmaps instead
// of PNGs are not read.
func icoInfo(s *source, rule Rule) (Info, error) {
	at, size, err := icoEntry(s)
	if err != nil {
		return Info{}, err
	}
	b := bytes.Clone(s.at(at, int(min(size, icoLimit))))
	i, err := pngInfo(&source{buf: b}, rule)
	if err != nil {
		return Info{}, err
	}
	_, err = decodePNG(b, i, rule)
	return Info{Width: i.Width, Height: i.Height, Mode: i.Mode}, err
}

// icoLimit is the longest picture of an icon that is read.
const icoLimit = 4 << 20

func decodeICO(b []byte, i Info, rule Rule) (*Picture, error) {
	at, _, err := icoEntry(&source{buf: b})
	if err != nil {
		return nil, err
	}
	return decodePNG(b[at:], i, rule)
}
