// Package cliptext is CLIP's text tower, as Stable Diffusion and SDXL use it and as
// a half of CLIP itself: transformers' CLIPTextModel and CLIPTextModelWithProjection
// (4.57, modeling_clip.py) under their tensor names.
package cliptext

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
	Vocab, Positions int
	Width            int
	Encoder          encoder.Config
	ProjectionDim    int  // width of the projection; 0 without one
	EOS              int  // 2 means the legacy rule: the text ends at its largest id
	AttendMask       bool // padding is hidden from attention
}

// Bounds of what a config may ask for, far beyond every known model.
const maxVocab, maxPositions = 1 << 24, 1 << 16

// Parse reads the config.json of a text tower, or the text_config of a CLIP model.
// project asks for the projection whatever the architectures say, as a whole CLIP
// model has it.
func Parse(text []byte, project bool) (Config, error) {
	f := struct {
		Architectures    []string `json:"architectures"`
		Vocab            int      `json:"vocab_size"`
		Width            int      `json:"hidden_size"`
		MLP              int      `json:"intermediate_size"`
		Layers           int      `json:"num_hidden_layers"`
		Heads            int      `json:"num_attention_heads"`
		Positions        int      `json:"max_position_embeddings"`
		Act              string   `json:"hidden_act"`
		Eps              float32  `json:"layer_norm_eps"`
		ProjectionDim    int      `json:"projection_dim"`
		EOS              int      `json:"eos_token_id"`
		UseAttentionMask bool     `json:"use_attention_mask"`
	}{Vocab: 49408, Width: 512, MLP: 2048, Layers: 12, Heads: 8, Positions: 77, Act: "quick_gelu", Eps: 1e-5, ProjectionDim: 512, EOS: 49407}
	if err := json.Unmarshal(text, &f); err != nil {
		return Config{}, &fault.Error{Kind: fault.Invalid, Op: "cliptext", Where: "config.json", Err: err}
	}
	c := Config{
		Vocab: f.Vocab, Positions: f.Positions, Width: f.Width, EOS: f.EOS, AttendMask: f.UseAttentionMask,
		Encoder: encoder.Config{Width: f.Width, Layers: f.Layers, Heads: f.Heads, MLP: f.MLP, Eps: f.Eps, Act: f.Act},
	}
	for _, a := range f.Architectures {
		project = project || a == "CLIPTextModelWithProjection"
	}
	if project {
		c.ProjectionDim = f.ProjectionDim
	}
	if c.Vocab <= 0 || c.Vocab > maxVocab || c.Positions < 3 || c.Positions > maxPositions || project && (c.ProjectionDim <= 0 || c.ProjectionDim > encoder.MaxWidth) {
		return c, fault.Newf(fault.Invalid, "cliptext", "config.json: vocabulary of %d, %d positions, projection to %d", c.Vocab, c.Positions, c.ProjectionDim)
	}
	return c, c.Encoder.Check("config.json")
}

// Model is the tower.
type Model struct {
	Text       *textModel `weight:"text_model"`
	Projection *nn.Linear `weight:"text_projection"` // nil without one

	config Config
}

type textModel struct {
	Embeddings     *embeddings      `weight:"embeddings"`
	Encoder        *encoder.Encoder `weight:"encoder"`
	FinalLayerNorm *nn.LayerNorm    `weight:"final_layer_norm"`
}

type embeddings struct {
	Token    *nn.Embedding `weight:"token_embedding"`
	Position *nn.Embedding `weight:"position_embedding"`
}

// New returns an unbound tower.
func New(c Config) *Model {
	m := &Model{
		Text: &textModel{
			&embeddings{nn.NewEmbedding(c.Vocab, c.Width), nn.NewEmbedding(c.Positions, c.Width)},
			encoder.New(c.Encoder),
			nn.NewLayerNorm(c.Width, c.Encoder.Eps),
		},
		config: c,
	}
	if c.ProjectionDim > 0 {
		m.Projection = nn.NewProjection(c.Width, c.ProjectionDim)
	}
	return m
}

// Config returns what the tower was made from.
func (m *Model) Config() Config { return m.config }

// Inputs are the nodes the tower reads.
type Inputs struct {
	IDs     *graph.Node // [B, N] int32, N at most Positions
	End     *graph.Node // [B] int32: Ends; nil if Pooled is not wanted
	KeyBias *graph.Node // [B, N]: 0 for tokens, −Inf for padding; nil lets padding be seen, as Stable Diffusion does
}

// Outputs are what callers may want; what they do not take is not computed.
type Outputs struct {
	States []*graph.Node // [B, N, Width] each: embeddings, then every layer's output, before the final norm
	Last   *graph.Node   // [B, N, Width]: the last state behind the final norm
	Pooled *graph.Node   // [B, Width] or, with a projection, [B, ProjectionDim]: Last where the text ends
}

// Forward reads texts.
func (m *Model) Forward(b *graph.Builder, in Inputs) Outputs {
	defer b.Scope("text_model")()
	x := m.embed(b, in.IDs)
	o := Outputs{States: m.Text.Encoder.Forward(b, x, encoder.Mask{Causal: true, KeyBias: in.KeyBias})}
	o.Last = m.FinalNorm(b, o.States[len(o.States)-1])
	if in.End != nil {
		s := o.Last.Shape()
		o.Pooled = op.Embed(b, op.Reshape(b, o.Last, s[0]*s[1], s[2]), in.End)
		if m.Projection != nil {
			o.Pooled = m.Projection.Forward(b, o.Pooled)
		}
	}
	return o
}

// FinalNorm applies the tower's last norm to a state, as skipping layers asks for.
func (m *Model) FinalNorm(b *graph.Builder, state *graph.Node) *graph.Node {
	return m.Text.FinalLayerNorm.Forward(b, state)
}

// ids [B, N] → [B, N, Width]
func (m *Model) embed(b *graph.Builder, ids *graph.Node) *graph.Node {
	batch, n, width := ids.Shape()[0], ids.Shape()[1], m.config.Width
	if n > m.config.Positions {
		graph.Fail("cliptext: %d tokens, want at most %d", n, m.config.Positions)
	}
	order := make([]int32, n)
	for i := range order {
		order[i] = int32(i)
	}
	positions := b.Const("text_model.positions", tensor.New(tensor.WithShape(n), tensor.WithBacking(order)))
	token := m.Text.Embeddings.Token.Forward(b, ids)
	place := m.Text.Embeddings.Position.Forward(b, positions)
	x := op.Add(b, op.Reshape(b, token, batch, n*width), op.Reshape(b, place, n*width))
	return op.Reshape(b, x, batch, n, width)
}

// Ends returns, for rows of ids, the values of Inputs.End: the row of [B·N] at which
// each text ends. By the legacy rule that is its largest id, the first of them;
// otherwise the first end token, or the first token if there is none.
func (c Config) Ends(ids [][]int32) []int32 {
	ends := make([]int32, len(ids))
	row := 0
	for i, text := range ids {
		ends[i] = int32(row + c.end(text))
		row += len(text)
	}
	return ends
}

func (c Config) end(ids []int32) int {
	at := 0
	for i, id := range ids {
		if c.EOS == 2 {
			if id > ids[at] {
				at = i
			}
		} else if int(id) == c.EOS {
			return i
		}
	}
	return at
}
