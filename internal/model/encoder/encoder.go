// Package encoder is the transformer encoder that CLIP's two towers and a plain
// vision transformer are made of: pre-norm layers of self-attention and a two-layer
// perceptron (Vaswani et al. 2017; transformers 4.57 modeling_clip.py,
// CLIPEncoder).
package encoder

import (
	"math"
	"strconv"

	"github.com/easel-go/easel/internal/fault"
	"github.com/easel-go/easel/internal/graph"
	"github.com/easel-go/easel/internal/graph/op"
	"github.com/easel-go/easel/internal/nn"
)

// Config says how large the encoder is.
type Config struct {
	Width, Layers, Heads, MLP int
	Eps                       float32
	Act                       string // quick_gelu, gelu, gelu_new or gelu_pytorch_tanh
	PlainQKV                  bool   // queries, keys and values have no bias
}

// MaxWidth bounds what a config may ask for, far beyond every known model.
const MaxWidth = 1 << 16

// Check reports sizes that cannot be.
func (c Config) Check(where string) error {
	if c.Width <= 0 || c.Width > MaxWidth || c.Layers <= 0 || c.Layers > 1000 || c.Heads <= 0 || c.MLP <= 0 || c.MLP > 8*MaxWidth || c.Width%c.Heads != 0 {
		return &fault.Error{Kind: fault.Invalid, Op: "encoder", Where: where,
			Err: fault.Newf(fault.Invalid, "", "width %d, %d layers, %d heads, feed-forward %d", c.Width, c.Layers, c.Heads, c.MLP)}
	}
	if _, ok := activations[c.Act]; !ok {
		return &fault.Error{Kind: fault.Unsupported, Op: "encoder", Where: where, What: "hidden_act", Have: c.Act, Want: "quick_gelu or gelu"}
	}
	return nil
}

var activations = map[string]func(*graph.Builder, *graph.Node) *graph.Node{
	"quick_gelu": op.QuickGELU, "gelu": op.GELU, "gelu_new": op.GELUTanh, "gelu_pytorch_tanh": op.GELUTanh,
}

// Encoder is a stack of layers.
type Encoder struct {
	Layers []*layer `weight:"layers"`
}

// New returns an unbound encoder.
func New(c Config) *Encoder {
	e := &Encoder{}
	for range c.Layers {
		e.Layers = append(e.Layers, newLayer(c))
	}
	return e
}

// Mask hides keys from rows.
type Mask struct {
	Causal  bool
	KeyBias *graph.Node // [B, N], added to the logits; nil for none
}

// Forward returns the input of the first layer and the output of each, so that
// callers take the one they need; the planner drops layers nobody asks for.
//
//	x [B, N, Width] → Layers+1 times [B, N, Width]
func (e *Encoder) Forward(b *graph.Builder, x *graph.Node, m Mask) []*graph.Node {
	states := []*graph.Node{x}
	for i, l := range e.Layers {
		leave := b.Scope(nn.Join("encoder.layers", strconv.Itoa(i)))
		x = l.forward(b, x, m)
		states = append(states, x)
		leave()
	}
	return states
}

// First returns what the last layer makes of the first row alone, for towers that read
// nothing else: the other rows are keys and values to it. states are Forward's, without
// any mask.
//
//	→ [B, Width]
func (e *Encoder) First(b *graph.Builder, states []*graph.Node) *graph.Node {
	last := len(e.Layers) - 1
	defer b.Scope(nn.Join("encoder.layers", strconv.Itoa(last)))()
	x := states[last]
	y := e.Layers[last].first(b, x)
	return op.Reshape(b, y, x.Shape()[0], x.Shape()[2])
}

type layer struct {
	Attn  *attention    `weight:"self_attn"`
	Norm1 *nn.LayerNorm `weight:"layer_norm1"`
	MLP   *mlp          `weight:"mlp"`
	Norm2 *nn.LayerNorm `weight:"layer_norm2"`
}

func newLayer(c Config) *layer {
	qkv := nn.NewLinear
	if c.PlainQKV {
		qkv = nn.NewProjection
	}
	return &layer{
		&attention{qkv(c.Width, c.Width), qkv(c.Width, c.Width), qkv(c.Width, c.Width), nn.NewLinear(c.Width, c.Width), c.Heads},
		nn.NewLayerNorm(c.Width, c.Eps),
		&mlp{nn.NewLinear(c.Width, c.MLP), nn.NewLinear(c.MLP, c.Width), c.Act},
		nn.NewLayerNorm(c.Width, c.Eps),
	}
}

func (l *layer) forward(b *graph.Builder, x *graph.Node, m Mask) *graph.Node {
	x = op.Add(b, l.Attn.forward(b, l.Norm1.Forward(b, x), m), x)
	return op.Add(b, l.MLP.forward(b, l.Norm2.Forward(b, x)), x)
}

// first is forward for row 0.
//
//	x [B, N, Width] → [B, 1, Width]
func (l *layer) first(b *graph.Builder, x *graph.Node) *graph.Node {
	h := l.Norm1.Forward(b, x)
	x = op.Add(b, l.Attn.attend(b, op.Slice(b, h, 1, 0, 1), h, Mask{}), op.Slice(b, x, 1, 0, 1))
	return op.Add(b, l.MLP.forward(b, l.Norm2.Forward(b, x)), x)
}

// The fields stand in transformers' order, which decides the order in which an
// adapter's first numbers are drawn.
type attention struct {
	K   *nn.Linear `weight:"k_proj"`
	V   *nn.Linear `weight:"v_proj"`
	Q   *nn.Linear `weight:"q_proj"`
	Out *nn.Linear `weight:"out_proj"`

	heads int
}

func (a *attention) forward(b *graph.Builder, x *graph.Node, m Mask) *graph.Node {
	return a.attend(b, x, x, m)
}

// attend lets the rows of x look at those of y.
//
//	x [B, N, Width], y [B, M, Width] → [B, N, Width]
func (a *attention) attend(b *graph.Builder, x, y *graph.Node, m Mask) *graph.Node {
	head := a.Q.Weight.Shape[0] / a.heads
	y = op.Attention(b, a.Q.Forward(b, x), a.K.Forward(b, y), a.V.Forward(b, y), op.Attn{
		Heads: a.heads, KVHeads: a.heads, Scale: float32(1 / math.Sqrt(float64(head))), Causal: m.Causal, KeyBias: m.KeyBias,
	})
	return a.Out.Forward(b, y)
}

type mlp struct {
	FC1 *nn.Linear `weight:"fc1"`
	FC2 *nn.Linear `weight:"fc2"`

	act string
}

func (m *mlp) forward(b *graph.Builder, x *graph.Node) *graph.Node {
	return m.FC2.Forward(b, activations[m.act](b, m.FC1.Forward(b, x)))
}
