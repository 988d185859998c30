package clip

import (
	"context"
	"image"

	"github.com/easel-go/easel/internal/fault"
	"github.com/easel-go/easel/internal/model/clipvision"
	"github.com/easel-go/easel/internal/weights"
)

// Aesthetics is a predictor of how good people find a picture: CLIP's picture tower
// with a head of one to five linear layers. Its methods may be called from several
// goroutines.
type Aesthetics struct {
	runner *runner
	look   *look
	head   *Head
}

// OpenAesthetics opens a predictor: a folder as simple-aesthetics-predictor has them
// (v1, v2 linear and v2 ReLU, told apart by the head's tensors), or its name on a hub,
// as [Open] takes it.
//
// Errors are those of Open.
func OpenAesthetics(path string, opts ...Option) (*Aesthetics, error) {
	o, err := newOptions(opts)
	if err != nil {
		return nil, err
	}
	a := &Aesthetics{runner: o.newRunner()}
	if err := a.open(path, o); err != nil {
		a.Close()
		return nil, err
	}
	return a, nil
}

func (a *Aesthetics) open(name string, o *options) error {
	f := files{o.fsys}
	dir, _, err := f.find(name)
	if err != nil {
		return err
	}
	src, err := f.weights(dir, o.variant)
	if err != nil {
		return err
	}
	a.runner.sources = append(a.runner.sources, src)
	tower, err := part(src, weights.CLIPVision, "a CLIP picture tower with a head")
	if err != nil {
		return err
	}
	text, err := f.read(f.join(dir, "config.json"))
	if err != nil {
		return err
	}
	c, err := clipvision.Parse(text)
	if err != nil {
		return err
	}
	if a.head, err = readHead(tower); err != nil {
		return err
	}
	prepare, err := f.preparation(dir, likeCLIP, c.Image)
	if err != nil {
		return err
	}
	return a.bind(c, tower, prepare)
}

func (a *Aesthetics) bind(c clipvision.Config, src *weights.Source, prepare *preparation) (err error) {
	if a.head.Dim() != c.ProjectionDim {
		return fault.Newf(fault.Shape, "clip", "%s: head for %d numbers, want %d, which the tower gives", src.Path(), a.head.Dim(), c.ProjectionDim)
	}
	tower := clipvision.New(c)
	for _, part := range []string{"vision_model", "visual_projection"} {
		var root any = tower.Vision
		if part == "visual_projection" {
			root = tower.Projection
		}
		if err := weights.Bind(root, src, part); err != nil {
			return err
		}
	}
	a.look, err = newLook(a.runner, tower, prepare)
	return err
}

// Rate returns a mark for each picture, in the units the head was trained on: about 1
// to 10 for LAION's, though nothing bounds it.
//
// Errors are those of [Model.EmbedImages].
func (a *Aesthetics) Rate(ctx context.Context, pics []image.Image) ([]float32, error) {
	rows, err := a.look.rows(ctx, pics)
	if err != nil {
		return nil, err
	}
	if err := unit(rows); err != nil {
		return nil, err
	}
	return a.head.Rate(rows)
}

// Close frees the predictor once no call runs. Closing twice is no error.
func (a *Aesthetics) Close() error { return a.runner.close() }
