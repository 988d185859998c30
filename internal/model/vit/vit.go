// Package vit is a vision transformer that sorts pictures into classes: transformers'
// ViTForImageClassification (4.57, modeling_vit.py; Dosovitskiy et al. 2020).
package vit

import (
	"encoding/json"

	"gorgonia.org/tensor"

	"github.com/easel-go/easel/internal/fault"
	"github.com/easel-go/easel/internal/graph"
	"github.com/easel-go/easel/internal/graph/op"
	"github.com/easel-go/easel/internal/model/encoder"
	"github.com/easel-go/easel/internal/nn"
)

// Config is the part of config.json that decides the network's shape.
type Config struct {
	Image, Patch, Width int
	Encoder             encoder.Config
	Labels              []string // names of the classes, in order; may be empty
}

// Parse reads a config.json.
func Parse(text []byte) (Config, error) {
	f := struct {
		Type     string         `json:"model_type"`
		Image    int            `json:"image_size"`
		Patch    int            `json:"patch_size"`
		Channels int            `json:"num_channels"`
		Width    int            `json:"hidden_size"`
		MLP      int            `json:"intermediate_size"`
		Layers   int            `json:"num_hidden_layers"`
		Heads    int            `json:"num_attention_heads"`
		Act      string         `json:"hidden_act"`
		Eps      float32        `json:"layer_norm_eps"`
		QKVBias  bool           `json:"qkv_bias"`
		Labels   map[int]string `json:"id2label"`
	}{Image: 224, Patch: 16, Channels: 3, Width: 768, MLP: 3072, Layers: 12, Heads: 12, Act: "gelu", Eps: 1e-12, QKVBias: true}
	if err := json.Unmarshal(text, &f); err != nil {
		return Config{}, &fault.Error{Kind: fault.Invalid, Op: "vit", Where: "config.json", Err: err}
	}
	if f.Type != "vit" {
		return Config{}, &fault.Error{Kind: fault.Unsupported, Op: "vit", Where: "config.json", What: "model_type", Have: f.Type, Want: "vit"}
	}
	if f.Channels != 3 || f.Patch <= 0 || f.Image < f.Patch || f.Image > 1<<14 {
		return Config{}, fault.Newf(fault.Invalid, "vit", "config.json: %d channels, %d pixels in patches of %d", f.Channels, f.Image, f.Patch)
	}
	c := Config{
		Image: f.Image, Patch: f.Patch, Width: f.Width, Labels: inOrder(f.Labels),
		Encoder: encoder.Config{Width: f.Width, Layers: f.Layers, Heads: f.Heads, MLP: f.MLP, Eps: f.Eps, Act: f.Act, PlainQKV: !f.QKVBias},
	}
	return c, c.Encoder.Check("config.json")
}

// inOrder returns the names of classes 0, 1, … up to the first that has none.
func inOrder(names map[int]string) (out []string) {
	for i := range len(names) {
		n, ok := names[i]
		if !ok {
			break
		}
		out = append(out, n)
	}
	return out
}

// Tokens returns the number of patches, and one for the class token.
func (c Config) Tokens() int { return (c.Image/c.Patch)*(c.Image/c.Patch) + 1 }

// Model is the network.
type Model struct {
	Vision     *vision    `weight:"vit"`
	Classifier *nn.Linear `weight:"classifier"`

	config Config
}

type vision struct {
	Embeddings *embeddings      `weight:"embeddings"`
	Encoder    *encoder.Encoder `weight:"encoder"`
	Norm       *nn.LayerNorm    `weight:"layernorm"`
}

type embeddings struct {
	Class    *nn.Param  `weight:"cls_token"`           // [1, 1, Width]
	Position *nn.Param  `weight:"position_embeddings"` // [1, Tokens, Width]
	Patch    *nn.Conv2D `weight:"patch_embeddings.projection"`
}

// New returns an unbound network with so many classes.
func New(c Config, classes int) *Model {
	return &Model{
		Vision: &vision{
			&embeddings{nn.NewParam(1, 1, c.Width), nn.NewParam(1, c.Tokens(), c.Width), nn.NewConv2D(3, c.Width, c.Patch, c.Patch, 0)},
			encoder.New(c.Encoder), nn.NewLayerNorm(c.Width, c.Encoder.Eps),
		},
		Classifier: nn.NewLinear(c.Width, classes),
		config:     c,
	}
}

// Config returns what the network was made from.
func (m *Model) Config() Config { return m.config }

// Forward looks at pictures and returns the logits of the classes.
//
//	x [B, Image, Image, 3], normalised → [B, classes]
func (m *Model) Forward(b *graph.Builder, x *graph.Node) *graph.Node {
	defer b.Scope("vit")()
	states := m.Vision.Encoder.Forward(b, m.embed(b, x), encoder.Mask{})
	pooled := m.Vision.Norm.Forward(b, m.Vision.Encoder.First(b, states))
	return m.Classifier.Forward(b, pooled)
}

// x [B, Image, Image, 3] → [B, Tokens, Width]
func (m *Model) embed(b *graph.Builder, x *graph.Node) *graph.Node {
	e := m.Vision.Embeddings
	batch, n, width := x.Shape()[0], m.config.Tokens(), m.config.Width
	patches := op.Reshape(b, e.Patch.Forward(b, x), batch, n-1, width)
	first := make([]int32, batch)
	class := op.Embed(b, table(b, e.Class, 1, width), rows(b, "vit.class_rows", first))
	h := op.Concat(b, 1, op.Reshape(b, class, batch, 1, width), patches)
	order := make([]int32, n)
	for i := range order {
		order[i] = int32(i)
	}
	places := op.Embed(b, table(b, e.Position, n, width), rows(b, "vit.positions", order))
	h = op.Add(b, op.Reshape(b, h, batch, n*width), op.Reshape(b, places, n*width))
	return op.Reshape(b, h, batch, n, width)
}

// table is a parameter as n vectors, which looking them up makes float32.
func table(b *graph.Builder, p *nn.Param, n, width int) *graph.Node {
	return op.Reshape(b, p.Node(b), n, width)
}

func rows(b *graph.Builder, name string, ids []int32) *graph.Node {
	return b.Const(name, tensor.New(tensor.WithShape(len(ids)), tensor.WithBacking(ids)))
}
