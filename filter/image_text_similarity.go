package filter

import (
	"context"
	"image"
	"slices"
	"strings"
)

func init() {
	Register("image_text_similarity_filter", func() Op {
		return &imageText{Model: "openai/clip-vit-base-patch32", Min: 0.1, Max: 1, Reduce: "avg", scored: scored{AnyOrAll: "any"}}
	})
}

// imageText keeps samples by how well their texts describe their pictures, as a CLIP
// model sees it. A text is cut into chunks; each takes as many of the pictures as it
// has marks of pictures. The number is logits_per_text/100, which for models with the
// usual logit scale of 100 is the cosine. Chunks without a mark have no number, and a
// sample without numbers stays.
type imageText struct {
	Model      string  `param:"hf_clip"`
	Min        float64 `param:"min_score"`
	Max        float64 `param:"max_score"`
	Horizontal bool    `param:"horizontal_flip"`
	Vertical   bool    `param:"vertical_flip"`
	Reduce     string  `param:"reduce_mode"` // of the pictures of a chunk: avg, max or min
	scored

	s Scorer
}

func (f *imageText) check() error {
	switch f.Reduce {
	case "avg", "max", "min":
		return f.scored.check()
	}
	return as("ValueError", &Error{Kind: Invalid, Op: "filter", What: "reduce_mode", Have: f.Reduce, Want: "avg, max or min"})
}

func (f *imageText) prepare(ctx context.Context, m Models) (err error) {
	if m == nil {
		return noModels("image_text_similarity_filter", f.Model)
	}
	f.s, err = m.Scorer(ctx, f.Model)
	return err
}

func (f *imageText) Measure(ctx context.Context, r *Row) error {
	if r.Stats.Has("image_text_similarity") {
		return nil
	}
	pics, _, err := r.pictures()
	if err != nil {
		return err
	}
	if len(pics) == 0 {
		r.Stats.Set("image_text_similarity", []any{})
		return nil
	}
	text, err := r.Text()
	if err != nil {
		return err
	}
	scores := []float64{}
	marks := r.marks()
	for chunk := range strings.SplitSeq(text, marks.eoc) {
		n := strings.Count(chunk, marks.image)
		if n == 0 {
			continue
		}
		s, err := f.chunk(ctx, r, marks.without(chunk), pics[:min(n, len(pics))])
		if err != nil {
			return err
		}
		scores = append(scores, s)
		pics = pics[min(n, len(pics)):]
	}
	r.Stats.Set("image_text_similarity", scores)
	return nil
}

// without takes the marks out of a text.
func (t *tokens) without(text string) string {
	for _, mark := range append([]string{t.image, t.eoc}, t.others...) {
		if mark != "" {
			text = pyStrip(strings.ReplaceAll(text, mark, ""))
		}
	}
	return text
}

func (f *imageText) chunk(ctx context.Context, r *Row, text string, pics []picture) (float64, error) {
	if len(pics) == 0 {
		return 0, as("ValueError", fail(Invalid, "the text has more marks of pictures than there are pictures"))
	}
	images := make([]image.Image, len(pics))
	for i, p := range pics {
		rgb, err := p.decode()
		if err != nil {
			return 0, err
		}
		images[i] = flip(rgb, f.Horizontal, f.Vertical).RGBAImage()
	}
	if err := r.refuse(images); err != nil {
		return 0, err
	}
	logits, err := f.s.Logits(ctx, []string{text}, images)
	if err != nil {
		return 0, err
	}
	scores := make([]float32, len(logits))
	sum := float32(0)
	for i, row := range logits {
		scores[i] = row[0] / 100
		sum += scores[i]
	}
	switch f.Reduce {
	case "max":
		return float64(slices.Max(scores)), nil
	case "min":
		return float64(slices.Min(scores)), nil
	}
	return float64(sum / float32(len(scores))), nil
}

func (f *imageText) Keep(r *Row) (bool, error) { return f.Bounds()[0].keepList(r.Stats, f.AnyOrAll) }

func (f *imageText) Bounds() []Bound {
	return []Bound{{Stat: "image_text_similarity", Min: f.Min, Max: f.Max, MinName: "min_score", MaxName: "max_score", Interval: f.Interval, All: f.AnyOrAll == "all"}}
}
