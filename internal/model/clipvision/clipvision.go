// Package clipvision is CLIP's picture tower, a vision transformer: transformers'
// CLIPVisionModelWithProjection (4.57, modeling_clip.py) under its tensor names.
package clipvision

import (
	"encoding/json"

	"gorgonia.org/tensor"

	"github.com/easel-go/easel/internal/fault"
	"github.com/easel-go/easel/internal/graph"
	"github.com/easel-go/easel/internal/graph/op"
	"github.com/easel-go/easel/internal/model/encoder"
	"github.com/easel-go/easel/internal/nn"
)

// Config is the part of config.json that decides the tower's shape.
type Config struct {
	Image, Patch, Width int
	Encoder             encoder.Config
	ProjectionDim       int
}

// maxGrid bounds the patches of a side, far beyond every known model.
const maxGrid = 1 << 10

// Parse reads the config.json of a picture tower, or the vision_config of a CLIP
// model.
func Parse(text []byte) (Config, error) {
	f := struct {
		Image         int     `json:"image_size"`
		Patch         int     `json:"patch_size"`
		Channels      int     `json:"num_channels"`
		Width         int     `json:"hidden_size"`
		MLP           int     `json:"intermediate_size"`
		Layers        int     `json:"num_hidden_layers"`
		Heads         int     `json:"num_attention_heads"`
		Act           string  `json:"hidden_act"`
		Eps           float32 `json:"layer_norm_eps"`
		ProjectionDim int     `json:"projection_dim"`
	}{Image: 224, Patch: 32, Channels: 3, Width: 768, MLP: 3072, Layers: 12, Heads: 12, Act: "quick_gelu", Eps: 1e-5, ProjectionDim: 512}
	if err := json.Unmarshal(text, &f); err != nil {
		return Config{}, &fault.Error{Kind: fault.Invalid, Op: "clipvision", Where: "config.json", Err: err}
	}
	if f.Channels != 3 || f.Patch <= 0 || f.Image < f.Patch || f.Image > 1<<14 || f.Image/f.Patch > maxGrid || f.ProjectionDim <= 0 || f.ProjectionDim > encoder.MaxWidth {
		return Config{}, fault.Newf(fault.Invalid, "clipvision", "config.json: %d channels, %d pixels in patches of %d, projection to %d", f.Channels, f.Image, f.Patch, f.ProjectionDim)
	}
	c := Config{
		Image: f.Image, Patch: f.Patch, Width: f.Width, ProjectionDim: f.ProjectionDim,
		Encoder: encoder.Config{Width: f.Width, Layers: f.Layers, Heads: f.Heads, MLP: f.MLP, Eps: f.Eps, Act: f.Act},
	}
	return c, c.Encoder.Check("config.json")
}

// Tokens returns the number of patches, and one for the class token.
func (c Config) Tokens() int { return (c.Image/c.Patch)*(c.Image/c.Patch) + 1 }

// Model is the tower.
type Model struct {
	Vision     *visionModel `weight:"vision_model"`
	Projection *nn.Linear   `weight:"visual_projection"`

	config Config
}

type visionModel struct {
	Embeddings    *embeddings      `weight:"embeddings"`
	PreLayerNorm  *nn.LayerNorm    `weight:"pre_layrnorm"` // the checkpoint's own spelling
	Encoder       *encoder.Encoder `weight:"encoder"`
	PostLayerNorm *nn.LayerNorm    `weight:"post_layernorm"`
}

type embeddings struct {
	Class    *nn.Param     `weight:"class_embedding"`
	Patch    *nn.Conv2D    `weight:"patch_embedding"`
	Position *nn.Embedding `weight:"position_embedding"`
}

// New returns an unbound tower.
func New(c Config) *Model {
	patch := nn.NewConv2D(3, c.Width, c.Patch, c.Patch, 0)
	patch.Bias = nil
	norm := func() *nn.LayerNorm { return nn.NewLayerNorm(c.Width, c.Encoder.Eps) }
	return &Model{
		Vision: &visionModel{
			&embeddings{nn.NewParam(c.Width), patch, nn.NewEmbedding(c.Tokens(), c.Width)},
			norm(), encoder.New(c.Encoder), norm(),
		},
		Projection: nn.NewProjection(c.Width, c.ProjectionDim),
		config:     c,
	}
}

// Config returns what the tower was made from.
func (m *Model) Config() Config { return m.config }

// Outputs are what callers may want; what they do not take is not computed.
type Outputs struct {
	States []*graph.Node // [B, Tokens, Width] each: embeddings behind the first norm, then every layer's output
	Pooled *graph.Node   // [B, Width]: the class token behind the last norm; the last layer computes no other row for it
	Embeds *graph.Node   // [B, ProjectionDim]: Pooled, projected; not normalised
}

// Forward looks at pictures.
//
//	x [B, Image, Image, 3], normalised
func (m *Model) Forward(b *graph.Builder, x *graph.Node) Outputs {
	defer b.Scope("vision_model")()
	h := m.Vision.PreLayerNorm.Forward(b, m.embed(b, x))
	o := Outputs{States: m.Vision.Encoder.Forward(b, h, encoder.Mask{})}
	o.Pooled = m.Vision.PostLayerNorm.Forward(b, m.Vision.Encoder.First(b, o.States))
	o.Embeds = m.Projection.Forward(b, o.Pooled)
	return o
}

// x [B, Image, Image, 3] → [B, Tokens, Width]
func (m *Model) embed(b *graph.Builder, x *graph.Node) *graph.Node {
	e := m.Vision.Embeddings
	batch, n, width := x.Shape()[0], m.config.Tokens(), m.config.Width
	patches := op.Reshape(b, e.Patch.Forward(b, x), batch, n-1, width)
	zeros := b.Const("vision_model.class_rows", tensor.New(tensor.WithShape(batch), tensor.WithBacking(make([]int32, batch))))
	class := op.Embed(b, op.Reshape(b, e.Class.Node(b), 1, width), zeros)
	h := op.Concat(b, 1, op.Reshape(b, class, batch, 1, width), patches)
	h = op.Add(b, op.Reshape(b, h, batch, n*width), op.Reshape(b, e.positions(b, n), n*width))
	return op.Reshape(b, h, batch, n, width)
}

// positions is [n, Width] in float32.
func (e *embeddings) positions(b *graph.Builder, n int) *graph.Node {
	order := make([]int32, n)
	for i := range order {
		order[i] = int32(i)
	}
	return e.Position.Forward(b, b.Const("vision_model.positions", tensor.New(tensor.WithShape(n), tensor.WithBacking(order))))
}
