package clip

import (
	"context"
	"fmt"
	"image"
	"math"

	"github.com/easel-go/easel/internal/asm"
	"github.com/easel-go/easel/internal/fault"
)

// Scores says how well each text fits each picture.
type Scores struct {
	Logits [][]float32 // [picture][text]: Scale times the cosine of the two embeddings
	Cut    []bool      // of each text: it was too long, and its end was not read
	Scale  float32     // of the model, 100 in OpenAI's
}

// Cosines returns the cosines of the embeddings, [picture][text], in [-1, 1].
func (s *Scores) Cosines() [][]float32 {
	out := make([][]float32, len(s.Logits))
	for i, r := range s.Logits {
		out[i] = make([]float32, len(r))
		for j, v := range r {
			out[i][j] = v / s.Scale
		}
	}
	return out
}

// Score compares every picture with every text: logits_per_image of transformers'
// CLIPModel. [SoftmaxOverTexts] and [SoftmaxOverPictures] make probabilities of them.
//
// Errors are those of [Model.EmbedImages].
func (m *Model) Score(ctx context.Context, texts []string, pics []image.Image) (*Scores, error) {
	words, cut, err := m.embedTexts(ctx, texts)
	if err != nil {
		return nil, err
	}
	sights, err := m.EmbedImages(ctx, pics)
	if err != nil {
		return nil, err
	}
	s := &Scores{Cut: cut, Scale: m.scale}
	for _, p := range sights {
		row := make([]float32, len(words))
		for j, w := range words {
			row[j] = m.logit(p, w)
		}
		s.Logits = append(s.Logits, row)
	}
	return s, nil
}

// Pairs says how well texts fit their own pictures.
type Pairs struct {
	Logits []float32 // [pair]
	Cut    []bool    // [pair]: the text was too long, and its end was not read
	Scale  float32   // of the model; Logits/Scale are cosines
}

// ScorePairs compares each picture with the text of the same index: the diagonal of
// what Score gives.
//
// Errors are those of [Model.EmbedImages], and Shape for unlike numbers of texts and
// pictures.
func (m *Model) ScorePairs(ctx context.Context, texts []string, pics []image.Image) (*Pairs, error) {
	if len(texts) != len(pics) {
		return nil, fault.Newf(fault.Shape, "clip", "%d texts for %d pictures, want one for each", len(texts), len(pics))
	}
	words, cut, err := m.embedTexts(ctx, texts)
	if err != nil {
		return nil, err
	}
	sights, err := m.EmbedImages(ctx, pics)
	if err != nil {
		return nil, err
	}
	p := &Pairs{Cut: cut, Scale: m.scale, Logits: make([]float32, len(pics))}
	for i := range pics {
		p.Logits[i] = m.logit(sights[i], words[i])
	}
	return p, nil
}

func (m *Model) logit(a, b []float32) float32 { return m.scale * float32(asm.Dot(a, b)) }

// Cosine returns the cosine of the angle between two vectors, in [-1, 1]: how alike two
// embeddings are. Vectors need not be of length one. It fails for unlike or no numbers,
// and for a vector of zeros.
func Cosine(a, b []float32) (float32, error) {
	if len(a) != len(b) || len(a) == 0 {
		return 0, fault.Newf(fault.Shape, "clip", "vectors of %d and %d numbers, want as many", len(a), len(b))
	}
	var ab, aa, bb float64
	for i, x := range a {
		y := b[i]
		ab, aa, bb = ab+float64(x)*float64(y), aa+float64(x)*float64(x), bb+float64(y)*float64(y)
	}
	c := ab / math.Sqrt(aa) / math.Sqrt(bb)
	if math.IsNaN(c) {
		return 0, &fault.Error{Kind: fault.NotFinite, Op: "clip", What: "cosine", Have: fmt.Sprintf("of vectors of lengths %v and %v", math.Sqrt(aa), math.Sqrt(bb))}
	}
	return float32(min(max(c, -1), 1)), nil
}

// SoftmaxOverTexts returns, for logits [picture][text], how probable each text is for
// a picture, if one of them is right: rows sum to 1.
func SoftmaxOverTexts(logits [][]float32) [][]float32 {
	out := make([][]float32, len(logits))
	for i, r := range logits {
		out[i] = make([]float32, len(r))
		softmax(len(r), func(j int) float32 { return r[j] }, func(j int, v float32) { out[i][j] = v })
	}
	return out
}

// SoftmaxOverPictures returns, for logits [picture][text], how probable each picture is
// for a text, if one of them is right: columns sum to 1. Rows must have as many texts;
// the columns that the first row lacks are left out.
func SoftmaxOverPictures(logits [][]float32) [][]float32 {
	out := make([][]float32, len(logits))
	for i, r := range logits {
		out[i] = make([]float32, len(r))
	}
	for j := range columns(logits) {
		softmax(len(logits), func(i int) float32 { return logits[i][j] }, func(i int, v float32) { out[i][j] = v })
	}
	return out
}

// columns returns how many columns all rows have.
func columns(rows [][]float32) int {
	if len(rows) == 0 {
		return 0
	}
	n := len(rows[0])
	for _, r := range rows {
		n = min(n, len(r))
	}
	return n
}

func softmax(n int, get func(int) float32, set func(int, float32)) {
	top := math.Inf(-1)
	for i := range n {
		top = max(top, float64(get(i)))
	}
	var sum float64
	for i := range n {
		sum += math.Exp(float64(get(i)) - top)
	}
	for i := range n {
		set(i, float32(math.Exp(float64(get(i))-top)/sum))
	}
}
