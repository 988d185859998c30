// Package chatglm is the text encoder of Kolors: ChatGLM3's transformer (THUDM,
// chatglm3-6b modeling_chatglm.py; diffusers 0.36 pipelines/kolors/text_encoder.py)
// under its tensor names.
//
// A text is padded on its left to 256 tokens, and the padding is part of what the
// picture attends to: padded rows see every position, later ones too, while the
// text's rows see the text up to themselves. All padded rows hold the same id at the
// same position and see the same keys, so they are equal; one of them stands for all
// here, with the logarithm of their number added to its logit. The numbers are the
// same for a tenth of the work.
package chatglm

import (
	"encoding/json"
	"math"
	"strconv"

	"github.com/easel-go/easel/internal/fault"
	"github.com/easel-go/easel/internal/graph"
	"github.com/easel-go/easel/internal/graph/op"
	"github.com/easel-go/easel/internal/nn"
)

// Config is the part of config.json that decides the encoder's shape.
type Config struct {
	Vocab, Width, Layers, FFN int
	Heads, KVHeads, HeadDim   int
	Eps                       float32
	QKVBias                   bool
	FinalNorm                 bool // the checkpoint has a final norm
}

// Parse reads config.json.
func Parse(text []byte) (Config, error) {
	f := struct {
		ModelType   string  `json:"model_type"`
		Vocab       int     `json:"padded_vocab_size"`
		Width       int     `json:"hidden_size"`
		Layers      int     `json:"num_layers"`
		FFN         int     `json:"ffn_hidden_size"`
		Heads       int     `json:"num_attention_heads"`
		HeadDim     int     `json:"kv_channels"`
		MultiQuery  bool    `json:"multi_query_attention"`
		Groups      int     `json:"multi_query_group_num"`
		Eps         float32 `json:"layernorm_epsilon"`
		RMS         bool    `json:"rmsnorm"`
		QKVBias     bool    `json:"add_qkv_bias"`
		LinearBias  bool    `json:"add_bias_linear"`
		PostResid   bool    `json:"apply_residual_connection_post_layernorm"`
		Quantized   int     `json:"quantization_bit"`
		PreSeqLen   *int    `json:"pre_seq_len"`
		OriginalRPE bool    `json:"original_rope"`
		PostNorm    bool    `json:"post_layer_norm"`
	}{PostNorm: true, Vocab: 65024, Width: 4096, Layers: 28, FFN: 13696, Heads: 32, HeadDim: 128, Groups: 1, Eps: 1e-5, RMS: true, OriginalRPE: true}
	if err := json.Unmarshal(text, &f); err != nil {
		return Config{}, &fault.Error{Kind: fault.Invalid, Op: "chatglm", Where: "config.json", Err: err}
	}
	if !f.RMS || f.LinearBias || f.PostResid || f.Quantized != 0 || f.PreSeqLen != nil || !f.OriginalRPE {
		return Config{}, fault.Newf(fault.Unsupported, "chatglm",
			"config.json: rmsnorm %v, add_bias_linear %v, apply_residual_connection_post_layernorm %v, quantization_bit %d, original_rope %v, want ChatGLM3's true, false, false, 0, true",
			f.RMS, f.LinearBias, f.PostResid, f.Quantized, f.OriginalRPE)
	}
	c := Config{f.Vocab, f.Width, f.Layers, f.FFN, f.Heads, f.Heads, f.HeadDim, f.Eps, f.QKVBias, f.PostNorm}
	if f.MultiQuery {
		c.KVHeads = f.Groups
	}
	return c, c.check()
}

// maxWidth bounds what a config may ask for, far beyond every known model.
const maxWidth = 1 << 16

func (c Config) check() error {
	within := func(n, most int) bool { return n > 0 && n <= most }
	if within(c.Vocab, 1<<24) && within(c.Width, maxWidth) && within(c.Layers, 1000) && c.Layers >= 2 && within(c.FFN, 8*maxWidth) &&
		within(c.Heads, maxWidth) && within(c.KVHeads, c.Heads) && c.Heads%c.KVHeads == 0 && within(c.HeadDim, maxWidth) && c.HeadDim%4 == 0 {
		return nil
	}
	return fault.Newf(fault.Invalid, "chatglm", "config.json: sizes %+v", c)
}

// Model is the encoder. The output layer of the language model plays no part in
// Kolors and has no field; its final norm is bound and not used either.
type Model struct {
	Embedding *embedding `weight:"embedding"`
	Encoder   *stack     `weight:"encoder"`

	config Config
}

type embedding struct {
	Words *nn.Embedding `weight:"word_embeddings"`
}

type stack struct {
	Layers    []*layer    `weight:"layers"`
	FinalNorm *nn.RMSNorm `weight:"final_layernorm"` // nil where the checkpoint has none
}

// New returns an unbound encoder.
func New(c Config) *Model {
	m := &Model{&embedding{nn.NewEmbedding(c.Vocab, c.Width)}, &stack{}, c}
	if c.FinalNorm {
		m.Encoder.FinalNorm = nn.NewRMSNorm(c.Width, c.Eps)
	}
	for range c.Layers {
		m.Encoder.Layers = append(m.Encoder.Layers, newLayer(c))
	}
	return m
}

// Config returns what the encoder was made from.
func (m *Model) Config() Config { return m.config }

// Inputs are the nodes the encoder reads: N rows a text, laid out by Layout.
type Inputs struct {
	IDs      *graph.Node // [B, N] int32
	Rope     *graph.Node // [B, N, HeadDim/4, 2]: cosines and sines of the rows' positions
	Mask     *graph.Node // [B, N, N], added to the logits
	Last     *graph.Node // [B] int32: the row of [B·N] that holds each text's last token
	LastRope *graph.Node // [B, 1, HeadDim/4, 2]
	LastBias *graph.Node // [B, N]: what the last token sees
}

// Forward reads texts. States holds the embeddings and every layer's output,
// [B, N, Width] each, of which the planner computes what is asked for; pooled,
// [B, Width], is the last layer's output at the text's last token, the one row of it
// that Kolors uses, computed alone.
func (m *Model) Forward(b *graph.Builder, in Inputs) (states []*graph.Node, pooled *graph.Node) {
	x := m.Embedding.Words.Forward(b, in.IDs)
	states = []*graph.Node{x}
	last := len(m.Encoder.Layers) - 1
	before := x
	for i, l := range m.Encoder.Layers {
		before = x
		leave := b.Scope(nn.Join("encoder.layers", strconv.Itoa(i)))
		x = l.forward(b, x, x, in.Rope, in.Rope, seen{mask: in.Mask})
		states = append(states, x)
		leave()
	}
	defer b.Scope(nn.Join("encoder.layers", strconv.Itoa(last)))()
	s := before.Shape()
	row := op.Reshape(b, op.Embed(b, op.Reshape(b, before, s[0]*s[1], s[2]), in.Last), s[0], 1, s[2])
	pooled = m.Encoder.Layers[last].forward(b, row, before, in.LastRope, in.Rope, seen{keyBias: in.LastBias})
	return states, op.Reshape(b, pooled, s[0], s[2])
}

// seen says which keys a row sees.
type seen struct{ mask, keyBias *graph.Node }

type layer struct {
	InputNorm *nn.RMSNorm `weight:"input_layernorm"`
	Attention *attention  `weight:"self_attention"`
	PostNorm  *nn.RMSNorm `weight:"post_attention_layernorm"`
	MLP       *mlp        `weight:"mlp"`
}

func newLayer(c Config) *layer {
	qkv := nn.NewLinear(c.Width, (c.Heads+2*c.KVHeads)*c.HeadDim)
	if !c.QKVBias {
		qkv.Bias = nil
	}
	return &layer{
		nn.NewRMSNorm(c.Width, c.Eps),
		&attention{qkv, nn.NewProjection(c.Heads*c.HeadDim, c.Width), c},
		nn.NewRMSNorm(c.Width, c.Eps),
		&mlp{nn.NewProjection(c.Width, 2*c.FFN), nn.NewProjection(c.FFN, c.Width)},
	}
}

// forward computes the layer's output for rows x, which attend to all rows of the
// text.
//
//	x [B, R, Width], all [B, N, Width] → [B, R, Width]
func (l *layer) forward(b *graph.Builder, x, all, ropeX, ropeAll *graph.Node, s seen) *graph.Node {
	n := l.InputNorm.Forward(b, x)
	nAll := n
	if x != all {
		nAll = l.InputNorm.Forward(b, all)
	}
	x = op.Add(b, l.Attention.forward(b, n, nAll, ropeX, ropeAll, s), x)
	return op.Add(b, l.MLP.forward(b, l.PostNorm.Forward(b, x)), x)
}

// attention shares a key and value head among several query heads (Shazeer 2019;
// Ainslie et al. 2023), whose linear layers are fused into one.
type attention struct {
	QKV   *nn.Linear `weight:"query_key_value"`
	Dense *nn.Linear `weight:"dense"`

	c Config
}

func (a *attention) forward(b *graph.Builder, x, all, ropeX, ropeAll *graph.Node, s seen) *graph.Node {
	c := a.c
	q, kv := c.Heads*c.HeadDim, c.KVHeads*c.HeadDim
	fused := a.QKV.Forward(b, all)
	rows := fused
	if x != all {
		rows = a.QKV.Forward(b, x)
	}
	query := a.turn(b, op.Slice(b, rows, 2, 0, q), ropeX, c.Heads)
	key := a.turn(b, op.Slice(b, fused, 2, q, q+kv), ropeAll, c.KVHeads)
	value := op.Slice(b, fused, 2, q+kv, q+2*kv)
	y := op.Attention(b, query, key, value, op.Attn{
		Heads: c.Heads, KVHeads: c.KVHeads, Scale: float32(1 / math.Sqrt(float64(c.HeadDim))), Mask: s.mask, KeyBias: s.keyBias,
	})
	return a.Dense.Forward(b, y)
}

// turn rotates the first half of each head by the rows' positions.
func (a *attention) turn(b *graph.Builder, x, table *graph.Node, heads int) *graph.Node {
	s := x.Shape()
	y := op.Rope(b, op.Reshape(b, x, s[0], s[1], heads, a.c.HeadDim), table, a.c.HeadDim/2)
	return op.Reshape(b, y, s...)
}

type mlp struct {
	Up   *nn.Linear `weight:"dense_h_to_4h"`
	Down *nn.Linear `weight:"dense_4h_to_h"`
}

func (m *mlp) forward(b *graph.Builder, x *graph.Node) *graph.Node {
	return m.Down.Forward(b, op.SwiGLU(b, m.Up.Forward(b, x)))
}
