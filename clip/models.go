package clip

import (
	"context"
	"image"
	"sync"

	"github.com/easel-go/easel/internal/asm"
	"github.com/easel-go/easel/internal/fault"
)

// Models opens models by the names that filter recipes use, each once: hf_clip,
// hf_scorer_model, hf_nsfw_model and hf_watermark_model of a recipe. A name is a folder
// or a name on a hub, as [Open] takes it; a hub's model must be in the cache already
// ([Fetch]). The zero Models works:
//
//	models := &clip.Models{}
//	defer models.Close()
//	recipe.Models = models
//
// Its methods may be called from several goroutines.
type Models struct {
	Options []Option // with which models are opened

	mu     sync.Mutex
	open   map[key]closer
	closed bool
}

type key struct{ kind, name string }

type closer interface{ Close() error }

// Scorer is what Models.Scorer returns. Logits are logits_per_image, [picture][text];
// Similarity is the cosine of two pictures' embeddings.
type Scorer = interface {
	Logits(ctx context.Context, texts []string, pics []image.Image) ([][]float32, error)
	Similarity(ctx context.Context, a, b image.Image) (float32, error)
}

// Rater is what Models.Aesthetics returns: an [Aesthetics].
type Rater = interface {
	Rate(ctx context.Context, pics []image.Image) ([]float32, error)
}

// Scorer opens a CLIP model.
func (m *Models) Scorer(ctx context.Context, name string) (Scorer, error) {
	c, err := m.find(ctx, key{"clip", name}, func() (closer, error) { return Open(name, m.Options...) })
	if err != nil {
		return nil, err
	}
	return scorer{c.(*Model)}, nil
}

// Aesthetics opens an aesthetics predictor.
func (m *Models) Aesthetics(ctx context.Context, name string) (Rater, error) {
	c, err := m.find(ctx, key{"aesthetics", name}, func() (closer, error) { return OpenAesthetics(name, m.Options...) })
	if err != nil {
		return nil, err
	}
	return c.(*Aesthetics), nil
}

// Classifier opens a picture classifier.
func (m *Models) Classifier(ctx context.Context, name string) (interface {
	Classify(ctx context.Context, pics []image.Image) ([][]float32, error)
}, error) {
	c, err := m.find(ctx, key{"classifier", name}, func() (closer, error) { return OpenClassifier(name, m.Options...) })
	if err != nil {
		return nil, err
	}
	return c.(*Classifier), nil
}

// find returns a model that was opened before, or opens it.
func (m *Models) find(ctx context.Context, k key, open func() (closer, error)) (closer, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil, &fault.Error{Kind: fault.Closed, Op: "clip", What: "models"}
	}
	if c := m.open[k]; c != nil {
		return c, nil
	}
	c, err := open()
	if err != nil {
		return nil, err
	}
	if m.open == nil {
		m.open = map[key]closer{}
	}
	m.open[k] = c
	return c, nil
}

// Close frees all models. Closing twice is no error.
func (m *Models) Close() (err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	for _, c := range m.open {
		if e := c.Close(); err == nil {
			err = e
		}
	}
	m.open = nil
	return err
}

// scorer is a Model under the method names of recipes.
type scorer struct{ m *Model }

func (s scorer) Logits(ctx context.Context, texts []string, pics []image.Image) ([][]float32, error) {
	scores, err := s.m.Score(ctx, texts, pics)
	if err != nil {
		return nil, err
	}
	return scores.Logits, nil
}

func (s scorer) Similarity(ctx context.Context, a, b image.Image) (float32, error) {
	rows, err := s.m.EmbedImages(ctx, []image.Image{a, b})
	if err != nil {
		return 0, err
	}
	return float32(asm.Dot(rows[0], rows[1])), nil
}
