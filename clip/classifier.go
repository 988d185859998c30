package clip

import (
	"context"
	"fmt"
	"image"
	"slices"

	"github.com/easel-go/easel/internal/model/vit"
)

// Classifier sorts pictures into classes: a plain vision transformer. Its methods may
// be called from several goroutines.
type Classifier struct {
	runner *runner
	look   *look
	labels []string
}

// OpenClassifier opens a folder with a ViTForImageClassification in transformers'
// layout, or its name on a hub, as [Open] takes it.
//
// Errors are those of Open.
func OpenClassifier(path string, opts ...Option) (*Classifier, error) {
	o, err := newOptions(opts)
	if err != nil {
		return nil, err
	}
	c := &Classifier{runner: o.newRunner()}
	if err := c.open(path, o); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

func (c *Classifier) open(name string, o *options) error {
	f := files{o.fsys}
	dir, _, err := f.find(name)
	if err != nil {
		return err
	}
	text, err := f.read(f.join(dir, "config.json"))
	if err != nil {
		return err
	}
	config, err := vit.Parse(text)
	if err != nil {
		return err
	}
	src, err := f.weights(dir, o.variant)
	if err != nil {
		return err
	}
	c.runner.sources = append(c.runner.sources, src)
	classes, err := vit.Classes(src)
	if err != nil {
		return err
	}
	net := vit.New(config, classes)
	if err := net.Bind(src); err != nil {
		return err
	}
	prepare, err := f.preparation(dir, likeViT, config.Image)
	if err != nil {
		return err
	}
	c.look = &look{runner: c.runner, prepare: prepare, size: config.Image, dim: classes, forward: net.Forward}
	c.name(config.Labels, classes)
	return c.look.check()
}

// name gives classes without a name the one that transformers gives them.
func (c *Classifier) name(labels []string, classes int) {
	c.labels = slices.Clone(labels[:min(len(labels), classes)])
	for len(c.labels) < classes {
		c.labels = append(c.labels, fmt.Sprintf("LABEL_%d", len(c.labels)))
	}
}

// Labels returns the names of the classes, in the order of Classify's numbers.
func (c *Classifier) Labels() []string { return slices.Clone(c.labels) }

// Classify returns the probability of each class for each picture, [picture][class];
// rows sum to 1.
//
// Errors are those of [Model.EmbedImages].
func (c *Classifier) Classify(ctx context.Context, pics []image.Image) ([][]float32, error) {
	rows, err := c.look.rows(ctx, pics)
	if err != nil {
		return nil, err
	}
	return SoftmaxOverTexts(rows), nil
}

// Close frees the classifier once no call runs. Closing twice is no error.
func (c *Classifier) Close() error { return c.runner.close() }
