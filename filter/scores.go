package filter

import (
	"context"
	"image"

	"github.com/easel-go/easel/internal/imageio"
)

// scored is what the filters that rate pictures by a model have in common: a list of
// numbers, one for each distinct picture, held against a range.
type scored struct {
	Trust    bool   `param:"trust_remote_code"` // taken and ignored: no code comes with a model here
	AnyOrAll quorum `param:"any_or_all"`
	Interval
}

func (f *scored) check() error { return f.AnyOrAll.check() }

// rate decodes the distinct pictures of a row and stores what of says of them.
func (f *scored) rate(r *Row, stat string, of func(pics []image.Image) ([]float64, error)) error {
	if r.Stats.Has(stat) {
		return nil
	}
	pics, _, err := r.pictures()
	if err != nil {
		return err
	}
	images, err := decodeAll(pics)
	if err != nil {
		return err
	}
	if len(images) == 0 {
		r.Stats.Set(stat, []any{})
		return nil
	}
	if err := r.refuse(images); err != nil {
		return err
	}
	scores, err := of(images)
	if err == nil {
		r.Stats.Set(stat, scores)
	}
	return err
}

// refuse fails in strict mode where transformers 4.57 does: it takes a picture one pixel
// high for one with a single channel, and has three means for it.
func (r *Row) refuse(pics []image.Image) error {
	for _, m := range pics {
		if r.Strict && m.Bounds().Dy() == 1 {
			return as("ValueError", fail(Invalid, "a picture one pixel high, which the original's model does not take"))
		}
	}
	return nil
}

// decodeAll decodes pictures; one that is named twice comes once.
func decodeAll(pics []picture) ([]image.Image, error) {
	var out []image.Image
	for i, p := range pics {
		if named(pics[:i], p.name) {
			continue
		}
		rgb, err := p.decode()
		if err != nil {
			return nil, err
		}
		out = append(out, rgb.RGBAImage())
	}
	return out, nil
}

func flip(p *imageio.Picture, horizontal, vertical bool) *imageio.Picture {
	if !horizontal && !vertical {
		return p
	}
	q := p.Clone()
	for y := range p.Height {
		for x := range p.Width {
			fx, fy := x, y
			if horizontal {
				fx = p.Width - 1 - x
			}
			if vertical {
				fy = p.Height - 1 - y
			}
			copy(q.Pix[3*(y*p.Width+x):][:3], p.Pix[3*(fy*p.Width+fx):][:3])
		}
	}
	return q
}

func float64s(v []float32) []float64 {
	out := make([]float64, len(v))
	for i := range v {
		out[i] = float64(v[i])
	}
	return out
}

// second returns the probability of class 1 of each picture.
func second(ctx context.Context, c Classifier, pics []image.Image) ([]float64, error) {
	rows, err := c.Classify(ctx, pics)
	if err != nil {
		return nil, err
	}
	out := make([]float64, len(rows))
	for i, p := range rows {
		if len(p) < 2 {
			return nil, &Error{Kind: Shape, Op: "filter", What: "classes of the model", Have: "fewer than two", Want: "two, the second of which is asked for"}
		}
		out[i] = float64(p[1])
	}
	return out, nil
}
