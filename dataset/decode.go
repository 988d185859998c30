package dataset

import (
	"image"
	"image/color"
	"io"

	"github.com/easel-go/easel/internal/imageio"
)

// decode reads a picture as training and scoring see it: the first frame, upright, as
// RGB without alpha.
func decode(b []byte) (image.Image, error) {
	p, err := imageio.DecodeRGB(b, imageio.Strict)
	if err != nil {
		return nil, err
	}
	return p.RGBAImage(), nil
}

// decodeConfig reads a picture's header. A reader without random access is read whole.
func decodeConfig(r io.Reader, where string) (image.Config, error) {
	info, err := header(r, where)
	if err != nil {
		return image.Config{}, err
	}
	return image.Config{ColorModel: color.RGBAModel, Width: info.Width, Height: info.Height}, nil
}

func header(r io.Reader, where string) (imageio.Info, error) {
	if at, ok := r.(io.ReaderAt); ok {
		return imageio.Header(at, imageio.Strict)
	}
	b, err := readLimited(r, where, maxPicture)
	if err != nil {
		return imageio.Info{}, err
	}
	return imageio.HeaderBytes(b, imageio.Strict)
}
