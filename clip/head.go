package clip

import (
	"fmt"
	"math"
	"slices"

	"github.com/easel-go/easel/internal/asm"
	"github.com/easel-go/easel/internal/fault"
	"github.com/easel-go/easel/internal/weights"
)

// Head gives a picture's embedding a mark: a chain of linear layers. The zero Head
// has none. It may be used from several goroutines.
type Head struct{ layers []layer }

// layer is y = W·x + b, with max(y, 0) behind it where relu is set.
type layer struct {
	w       []float32 // [out][in]
	b       []float32 // [out]
	in, out int
	relu    bool
}

// OpenHead reads a head by itself: LAION's aesthetic-predictor (weight and bias, v1),
// improved-aesthetic-predictor (layers.N.weight and layers.N.bias, v2, with ReLU or
// without), or the head alone of a predictor folder, as safetensors or torch file. It
// holds for embeddings of the one CLIP model it was trained with.
//
// Errors are those of [Open]; of the options, only WithFS matters.
func OpenHead(path string, opts ...Option) (*Head, error) {
	o, err := newOptions(opts)
	if err != nil {
		return nil, err
	}
	src, err := files{o.fsys}.weights(path, "")
	if err != nil {
		return nil, err
	}
	defer src.Close()
	return readHead(src)
}

// readHead tells a head's kind by the names of its tensors. In the ReLU kind each
// linear layer but the last is followed by ReLU, and all but the last two by dropout,
// so that the second is layers.3; where it is layers.2, only dropout lies between
// (simple-aesthetics-predictor 0.1.2, v2.py; improved-aesthetic-predictor,
// simple_inference.py).
func readHead(src *weights.Source) (*Head, error) {
	h := &Head{}
	names := headLayers(src)
	for _, name := range names {
		l, err := readLayer(src, name)
		if err != nil {
			return nil, err
		}
		h.layers = append(h.layers, l)
	}
	if slices.Contains(names, "layers.3") {
		for i := range len(h.layers) - 1 {
			h.layers[i].relu = true
		}
	}
	return h, h.check(src.Path())
}

// headLayers returns the prefixes of a head's linear layers, in order.
func headLayers(src *weights.Source) (names []string) {
	for _, one := range []string{"predictor", ""} {
		if src.Has(dotted(one, "weight")) {
			return []string{one}
		}
	}
	for i := range 64 {
		if name := fmt.Sprintf("layers.%d", i); src.Has(name + ".weight") {
			names = append(names, name)
		}
	}
	return names
}

func dotted(a, b string) string {
	if a == "" {
		return b
	}
	return a + "." + b
}

func readLayer(src *weights.Source, name string) (l layer, err error) {
	w, shape, err := floats(src, dotted(name, "weight"))
	if err != nil {
		return l, err
	}
	b, _, err := floats(src, dotted(name, "bias"))
	if err != nil {
		return l, err
	}
	if len(shape) != 2 || len(w) == 0 || len(b) != shape[0] {
		return l, fault.Newf(fault.Shape, "clip", "%s: weight %v and bias [%d] of %q, want [out in] and [out]", src.Path(), shape, len(b), name)
	}
	for _, v := range slices.Concat(b, w) {
		if v != v || math.IsInf(float64(v), 0) {
			return l, &fault.Error{Kind: fault.NotFinite, Op: "clip", Where: src.Path(), What: "head", Have: "has weights that are not finite"}
		}
	}
	return layer{w: w, b: b, in: shape[1], out: shape[0]}, nil
}

// check checks that the layers fit each other and end in one number.
func (h *Head) check(where string) error {
	if len(h.layers) == 0 {
		return &fault.Error{Kind: fault.Missing, Op: "clip", Where: where, What: "head", Have: "is not there", Want: "tensors weight and bias, predictor.* or layers.*"}
	}
	for i, l := range h.layers {
		next := 1
		if i+1 < len(h.layers) {
			next = h.layers[i+1].in
		}
		if l.out != next {
			return fault.Newf(fault.Shape, "clip", "%s: layer %d of the head gives %d numbers, want %d", where, i, l.out, next)
		}
	}
	return nil
}

// Dim returns how many numbers the embeddings must have.
func (h *Head) Dim() int {
	if len(h.layers) == 0 {
		return 0
	}
	return h.layers[0].in
}

// Rate returns a mark for each embedding, which must be of length one, as
// [Model.EmbedImages] returns them.
//
// Errors: Shape for an embedding of another width, Invalid for a head of no layers.
func (h *Head) Rate(embeds [][]float32) ([]float32, error) {
	if len(h.layers) == 0 {
		return nil, invalid("head", "without layers", "one that OpenHead returned")
	}
	marks := make([]float32, len(embeds))
	for i, x := range embeds {
		if len(x) != h.Dim() {
			return nil, fault.Newf(fault.Shape, "clip", "embedding %d of %d numbers, want %d, which the head was made for", i, len(x), h.Dim())
		}
		for _, l := range h.layers {
			x = l.apply(x)
		}
		marks[i] = x[0]
	}
	return marks, nil
}

func (l layer) apply(x []float32) []float32 {
	y := make([]float32, l.out)
	for i := range y {
		y[i] = float32(asm.Dot(l.w[i*l.in:][:l.in], x)) + l.b[i]
		if l.relu {
			y[i] = max(y[i], 0)
		}
	}
	return y
}
