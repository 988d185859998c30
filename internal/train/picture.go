package train

import (
	"fmt"
	"image"
	"math"

	"github.com/easel-go/easel/internal/fault"
	"github.com/easel-go/easel/internal/imageio"
	"github.com/easel-go/easel/internal/model"
	"github.com/easel-go/easel/internal/rng"
)

// Prepare says how a picture becomes the network's input, as torchvision's Resize,
// CenterCrop or RandomCrop, RandomHorizontalFlip, ToTensor and Normalize do in the
// trainer of DiffSynth-Studio.
type Prepare struct {
	Height, Width int  // in pixels
	Center        bool // crop the middle instead of anywhere
	Flip          bool // mirror half of the pictures
}

// Cut is what chance decided for one picture.
type Cut struct {
	Top, Left int
	Flip      bool
}

// Resized returns the size of a picture whose shorter side has the larger of the two
// sides wanted.
func (p Prepare) Resized(width, height int) (w, h int) {
	short := max(p.Height, p.Width)
	if width <= height {
		return short, short * height / width
	}
	return short * width / height, short
}

// Draw decides where to crop, and whether to mirror, a picture of width×height. Nothing
// is drawn for a crop when the size fits already.
func (p Prepare) Draw(width, height int, g *rng.Torch) (Cut, error) {
	w, h := p.Resized(width, height)
	var c Cut
	if p.Center {
		c.Top = int(math.RoundToEven(float64(h-p.Height) / 2))
		c.Left = int(math.RoundToEven(float64(w-p.Width) / 2))
	} else if w != p.Width || h != p.Height {
		var at [1]int64
		for i, room := range []int{h - p.Height, w - p.Width} {
			if err := g.Ints(at[:], 0, int64(room)+1); err != nil {
				return c, err
			}
			if i == 0 {
				c.Top = int(at[0])
			} else {
				c.Left = int(at[0])
			}
		}
	}
	if p.Flip {
		var u [1]float32
		g.Uniform(u[:], rng.F32)
		c.Flip = u[0] < 0.5
	}
	return c, nil
}

// Bytes resizes, crops and mirrors.
func (p Prepare) Bytes(pic *imageio.Picture, c Cut) (*imageio.Picture, error) {
	w, h := p.Resized(pic.Width, pic.Height)
	pic, err := pic.RGB().Resize(w, h, imageio.Bilinear)
	if err != nil {
		return nil, &fault.Error{Kind: fault.Limit, Op: "train", What: "picture", Have: fmt.Sprintf("of %d×%d after resizing", w, h), Err: err}
	}
	if pic, err = pic.Crop(image.Rect(c.Left, c.Top, c.Left+p.Width, c.Top+p.Height)); err != nil {
		return nil, err
	}
	if c.Flip {
		mirror(pic)
	}
	return pic, nil
}

func mirror(p *imageio.Picture) {
	for y := range p.Height {
		row := p.Pix[y*p.Width*3:][:p.Width*3]
		for l, r := 0, p.Width-1; l < r; l, r = l+1, r-1 {
			for k := range 3 {
				row[l*3+k], row[r*3+k] = row[r*3+k], row[l*3+k]
			}
		}
	}
}

// Tensor turns bytes into numbers in [−1, 1].
func Tensor(p *imageio.Picture) model.Picture {
	m := model.NewPicture(p.Height, p.Width, 3)
	for i, b := range p.Pix {
		m.Pix[i] = (float32(b)/255 - 0.5) / 0.5
	}
	return m
}
