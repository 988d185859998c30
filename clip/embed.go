package clip

import (
	"context"
	"image"
	"maps"
	"math"
	"slices"

	"github.com/easel-go/easel/internal/engine"
	"github.com/easel-go/easel/internal/fault"
	"github.com/easel-go/easel/internal/graph"
	"github.com/easel-go/easel/internal/model/cliptext"
	"github.com/easel-go/easel/internal/model/clipvision"
)

// EmbedImages returns a vector of length one for each picture: image_embeds of
// transformers' CLIPModel. Pictures may be of any sizes, and as many as memory holds.
//
// Errors: Invalid for no pictures, or one that is nil or empty; Limit for one of more
// than 178 956 970 pixels; NotFinite, which a damaged model gives;
// Closed; ctx's.
func (m *Model) EmbedImages(ctx context.Context, pics []image.Image) ([][]float32, error) {
	rows, err := m.look.rows(ctx, pics)
	if err != nil {
		return nil, err
	}
	return rows, unit(rows)
}

// EmbedTexts returns a vector of length one for each text: text_embeds of
// transformers' CLIPModel. Texts that are too long are cut; see [Model.Cut].
//
// Errors are those of EmbedImages.
func (m *Model) EmbedTexts(ctx context.Context, texts []string) ([][]float32, error) {
	rows, _, err := m.embedTexts(ctx, texts)
	return rows, err
}

// Cut returns how many tokens of a text do not fit the model and are left out; 0 when
// all are read.
func (m *Model) Cut(text string) int { return m.tokens.Row(text, m.limit).Cut }

// embedTexts also says which texts were cut.
func (m *Model) embedTexts(ctx context.Context, texts []string) (rows [][]float32, cut []bool, err error) {
	if len(texts) == 0 {
		return nil, nil, invalid("texts", "none", "at least one")
	}
	alike := map[int][]int{} // texts by the rows of tokens that they are read with
	ids := make([][]int32, len(texts))
	for i, text := range texts {
		r := m.tokens.Row(text, m.limit)
		ids[i], cut = r.IDs[:r.Len], append(cut, r.Cut > 0)
		n := min((r.Len+textBucket-1)/textBucket*textBucket, m.pair.Config().Positions)
		alike[n] = append(alike[n], i)
	}
	rows = make([][]float32, len(texts))
	for _, n := range slices.Sorted(maps.Keys(alike)) {
		for which := alike[n]; len(which) > 0; {
			batch := which[:batchOf(len(which))]
			if err := m.readTexts(ctx, ids, batch, n, rows); err != nil {
				return nil, nil, err
			}
			which = which[len(batch):]
		}
	}
	return rows, cut, unit(rows)
}

// textBucket is what rows of tokens are rounded up to, so that texts share programs. A
// text's own length decides, so that its numbers do not depend on its neighbours.
// Padding stands behind the token that is read and does not change it.
const textBucket = 16

// readTexts fills the rows of a batch of texts with what the tower makes of their ids,
// padded to n.
func (m *Model) readTexts(ctx context.Context, ids [][]int32, batch []int, n int, rows [][]float32) error {
	c := m.pair.Config()
	flat, ends := make([]int32, 0, len(batch)*n), make([]int32, len(batch))
	for i, at := range batch {
		ends[i] = int32(i*n) + c.Ends(ids[at : at+1])[0]
		flat = append(append(flat, ids[at]...), slices.Repeat([]int32{m.tokens.Pad()}, n-len(ids[at]))...)
	}
	build := func(b *graph.Builder) *graph.Node {
		return m.pair.Forward(b, cliptext.Inputs{
			IDs: b.Input("ids", engine.Int32, len(batch), n), End: b.Input("ends", engine.Int32, len(batch)),
		}).Pooled
	}
	use := func(out []float32) error {
		r, err := rowsOf("the text tower's output", out, c.ProjectionDim)
		for i := range r {
			rows[batch[i]] = r[i]
		}
		return err
	}
	return m.runner.run(ctx, shape{"texts", len(batch), n}, build, use, input{"ids", flat}, input{"ends", ends})
}

// newLook is the picture tower, up to the embedding, which is not yet of length one.
func newLook(r *runner, tower *clipvision.Model, p *preparation) (*look, error) {
	c := tower.Config()
	l := &look{
		runner: r, prepare: p, size: c.Image, dim: c.ProjectionDim,
		forward: func(b *graph.Builder, x *graph.Node) *graph.Node { return tower.Forward(b, x).Embeds },
	}
	return l, l.check()
}

// unit divides each row by its length, in place.
func unit(rows [][]float32) error {
	for i, r := range rows {
		var s float64
		for _, v := range r {
			s += float64(v) * float64(v)
		}
		if s == 0 || math.IsInf(s, 0) {
			return fault.Newf(fault.NotFinite, "clip", "embedding %d has the length %v, and no direction", i, math.Sqrt(s))
		}
		length := float32(math.Sqrt(s))
		for j := range r {
			r[j] /= length
		}
	}
	return nil
}
