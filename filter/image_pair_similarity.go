package filter

import (
	"context"
)

func init() {
	Register("image_pair_similarity_filter", func() Op {
		return &imagePair{Model: "openai/clip-vit-base-patch32", Min: 0.1, Max: 1, scored: scored{AnyOrAll: "any"}}
	})
}

// imagePair keeps samples of two different pictures by the cosine of their CLIP
// embeddings. A sample of any other number of pictures is an error.
type imagePair struct {
	Model string  `param:"hf_clip"`
	Min   float64 `param:"min_score"`
	Max   float64 `param:"max_score"`
	scored

	s Scorer
}

func (f *imagePair) alone() {}

func (f *imagePair) prepare(ctx context.Context, m Models) (err error) {
	if m == nil {
		return noModels("image_pair_similarity_filter", f.Model)
	}
	f.s, err = m.Scorer(ctx, f.Model)
	return err
}

func (f *imagePair) Measure(ctx context.Context, r *Row) error {
	if r.Stats.Has("image_pair_similarity") {
		return nil
	}
	pics, _, err := r.pictures()
	if err != nil {
		return err
	}
	if len(pics) != 2 || named(pics[:1], pics[1].name) || pics[0].name == "" && pics[0].data == nil {
		return as("ValueError", fail(Invalid, "%d pictures, want two different ones", len(pics)))
	}
	images, err := decodeAll(pics)
	if err != nil {
		return err
	}
	if err := r.refuse(images); err != nil {
		return err
	}
	cosine, err := f.s.Similarity(ctx, images[0], images[1])
	if err == nil {
		r.Stats.Set("image_pair_similarity", []float32{cosine})
	}
	return err
}

func (f *imagePair) Keep(r *Row) (bool, error) { return f.Bounds()[0].keepList(r.Stats, f.AnyOrAll) }

func (f *imagePair) Bounds() []Bound {
	return []Bound{{Stat: "image_pair_similarity", Min: f.Min, Max: f.Max, MinName: "min_score", MaxName: "max_score", Interval: f.Interval, All: f.AnyOrAll == "all"}}
}
