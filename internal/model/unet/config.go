package unet

import (
	"encoding/json"
	"fmt"

	"github.com/easel-go/easel/internal/fault"
)

// Config is the part of a UNet2DConditionModel's config.json that decides its
// shape (diffusers 0.36). Fields that diffusers allows and no model of the known
// families uses must have their default; Parse says which does not.
type Config struct {
	InChannels, OutChannels int
	BlockOutChannels        []int  // width of each level
	DownCross, UpCross      []bool // which blocks have transformers
	LayersPerBlock          int
	TransformerLayers       []int // transformer blocks, a number per level of the way down
	Heads                   []int // attention heads, a number per level of the way down
	CrossAttentionDim       int
	LinearProjection        bool // transformers project with linear layers, not 1×1 convolutions
	HidDim                  int  // width of the text encoder before encoder_hid_proj; 0 without one
	TimeIDDim               int  // width of each time id's features; 0 without added embeddings
	AddEmbeddingIn          int  // pooled text and time ids, concatenated
	Groups                  int
	NormEps                 float32
	FlipSinToCos            bool
	FreqShift               float64
	SampleSize              int     // latents of the size the model was trained on
	TransformerEps          float32 // of the transformers' group norm: 1e-6; DiffSynth's SDXL has 1e-5
}

// perLevel reads a JSON number as that number for every level, or a list as it is.
type perLevel []int

func (p *perLevel) UnmarshalJSON(b []byte) error {
	var n int
	if string(b) == "null" {
		return nil
	}
	if json.Unmarshal(b, &n) == nil {
		*p = perLevel{n}
		return nil
	}
	return json.Unmarshal(b, (*[]int)(p))
}

func (p perLevel) spread(levels int) ([]int, bool) {
	if len(p) == 1 {
		all := make([]int, levels)
		for i := range all {
			all[i] = p[0]
		}
		return all, p[0] > 0
	}
	ok := len(p) == levels
	for _, n := range p {
		ok = ok && n > 0
	}
	return p, ok
}

// file is config.json. Pointers tell an absent or null field from a zero.
type file struct {
	InChannels           int      `json:"in_channels"`
	OutChannels          int      `json:"out_channels"`
	BlockOutChannels     []int    `json:"block_out_channels"`
	DownBlockTypes       []string `json:"down_block_types"`
	UpBlockTypes         []string `json:"up_block_types"`
	LayersPerBlock       perLevel `json:"layers_per_block"`
	TransformerLayers    perLevel `json:"transformer_layers_per_block"`
	AttentionHeadDim     perLevel `json:"attention_head_dim"`
	NumAttentionHeads    perLevel `json:"num_attention_heads"`
	CrossAttentionDim    perLevel `json:"cross_attention_dim"`
	UseLinearProjection  bool     `json:"use_linear_projection"`
	EncoderHidDim        *int     `json:"encoder_hid_dim"`
	EncoderHidDimType    *string  `json:"encoder_hid_dim_type"`
	AdditionEmbedType    *string  `json:"addition_embed_type"`
	AdditionTimeEmbedDim *int     `json:"addition_time_embed_dim"`
	ProjectionClassIn    *int     `json:"projection_class_embeddings_input_dim"`
	NormNumGroups        *int     `json:"norm_num_groups"`
	NormEps              *float32 `json:"norm_eps"`
	FlipSinToCos         *bool    `json:"flip_sin_to_cos"`
	FreqShift            float64  `json:"freq_shift"`
	SampleSize           int      `json:"sample_size"`
}

// defaults are fields that must hold what diffusers' default is, null apart.
var defaults = map[string]string{
	"act_fn": `"silu"`, "center_input_sample": "false", "class_embed_type": "null", "conv_in_kernel": "3", "conv_out_kernel": "3",
	"downsample_padding": "1", "dual_cross_attention": "false", "mid_block_scale_factor": "1", "mid_block_type": `"UNetMidBlock2DCrossAttn"`,
	"mid_block_only_cross_attention": "null", "num_class_embeds": "null", "only_cross_attention": "false",
	"resnet_out_scale_factor": "1.0", "resnet_skip_time_act": "false", "resnet_time_scale_shift": `"default"`,
	"reverse_transformer_layers_per_block": "null", "time_cond_proj_dim": "null", "time_embedding_act_fn": "null",
	"time_embedding_dim": "null", "time_embedding_type": `"positional"`, "timestep_post_act": "null", "attention_type": `"default"`,
	"class_embeddings_concat": "false", "cross_attention_norm": "null",
}

// Parse reads config.json. Fields it does not know, such as names and versions, are
// passed over.
func Parse(text []byte) (Config, error) {
	f := file{InChannels: 4, OutChannels: 4}
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(text, &raw); err != nil {
		return Config{}, bad("%w", err)
	}
	if err := json.Unmarshal(text, &f); err != nil {
		return Config{}, bad("%w", err)
	}
	for key, want := range defaults {
		if have, ok := raw[key]; ok && !sameJSON(have, want) {
			return Config{}, &fault.Error{Kind: fault.Unsupported, Op: "unet", Where: "config.json", What: key, Have: string(have), Want: want}
		}
	}
	return f.config()
}

func bad(format string, args ...any) error {
	return &fault.Error{Kind: fault.Invalid, Op: "unet", Where: "config.json", Err: fmt.Errorf(format, args...)}
}

func sameJSON(have json.RawMessage, want string) bool {
	var h, w any
	return json.Unmarshal(have, &h) == nil && json.Unmarshal([]byte(want), &w) == nil && (h == nil || h == w)
}

// Bounds of what a config may ask for, far beyond every known model: a config is read
// before the weights it must fit, and must not fill the memory by itself.
const (
	maxWidth  = 1 << 16 // channels
	maxLayers = 32      // of a level, and transformer blocks of a layer
	maxSample = 512     // latents a side
)

// fillIn gives absent fields the defaults of diffusers' class.
func (f *file) fillIn() {
	if f.BlockOutChannels == nil {
		f.BlockOutChannels = []int{320, 640, 1280, 1280}
	}
	if f.DownBlockTypes == nil {
		f.DownBlockTypes = []string{"CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"}
	}
	if f.UpBlockTypes == nil {
		f.UpBlockTypes = []string{"UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"}
	}
	if f.CrossAttentionDim == nil {
		f.CrossAttentionDim = perLevel{1280}
	}
}

func (f *file) config() (Config, error) {
	f.fillIn()
	levels := len(f.BlockOutChannels)
	c := Config{
		InChannels: f.InChannels, OutChannels: f.OutChannels, BlockOutChannels: f.BlockOutChannels,
		LinearProjection: f.UseLinearProjection, Groups: or(f.NormNumGroups, 32), NormEps: or(f.NormEps, 1e-5),
		FlipSinToCos: or(f.FlipSinToCos, true), FreqShift: f.FreqShift, SampleSize: f.SampleSize, TransformerEps: 1e-6,
	}
	if levels < 1 || levels > 8 || len(f.DownBlockTypes) != levels || len(f.UpBlockTypes) != levels {
		return c, bad("%d block_out_channels, %d down and %d up blocks", levels, len(f.DownBlockTypes), len(f.UpBlockTypes))
	}
	var err error
	if c.DownCross, err = crossBlocks(f.DownBlockTypes, "DownBlock2D"); err != nil {
		return c, err
	}
	if c.UpCross, err = crossBlocks(f.UpBlockTypes, "UpBlock2D"); err != nil {
		return c, err
	}
	if err := f.counts(&c, levels); err != nil {
		return c, err
	}
	return c, f.embeddings(&c)
}

// counts fills in the numbers of layers and heads, and checks the widths.
func (f *file) counts(c *Config, levels int) error {
	heads := f.NumAttentionHeads
	if heads == nil {
		heads = f.AttentionHeadDim // the number of heads under a historical name
	}
	if heads == nil {
		heads = perLevel{8}
	}
	if f.TransformerLayers == nil {
		f.TransformerLayers = perLevel{1}
	}
	if f.LayersPerBlock == nil {
		f.LayersPerBlock = perLevel{2}
	}
	var ok [3]bool
	c.Heads, ok[0] = heads.spread(levels)
	c.TransformerLayers, ok[1] = f.TransformerLayers.spread(levels)
	layers, same := f.LayersPerBlock.spread(levels)
	ok[2] = same && len(f.CrossAttentionDim) == 1 && f.CrossAttentionDim[0] > 0
	if !ok[0] || !ok[1] || !ok[2] {
		return bad("attention_head_dim %v, transformer_layers_per_block %v, layers_per_block %v, cross_attention_dim %v of %d levels",
			heads, f.TransformerLayers, f.LayersPerBlock, f.CrossAttentionDim, levels)
	}
	c.LayersPerBlock, c.CrossAttentionDim = layers[0], f.CrossAttentionDim[0]
	for i, w := range c.BlockOutChannels {
		if w <= 0 || c.Groups <= 0 || w%c.Groups != 0 || w > maxWidth || w%c.Heads[i] != 0 || layers[i] != layers[0] || layers[i] > maxLayers || c.TransformerLayers[i] > maxLayers {
			return bad("level %d of %d channels in %d groups, %d heads, %d layers and %d transformer layers", i, w, c.Groups, c.Heads[i], layers[i], c.TransformerLayers[i])
		}
	}
	if c.InChannels <= 0 || c.InChannels > maxWidth || c.OutChannels <= 0 || c.OutChannels > maxWidth || c.CrossAttentionDim > maxWidth {
		return bad("%d in_channels, %d out_channels, cross_attention_dim %d", c.InChannels, c.OutChannels, c.CrossAttentionDim)
	}
	if c.SampleSize < 0 || c.SampleSize > maxSample {
		return bad("sample_size %d, want at most %d", c.SampleSize, maxSample)
	}
	return nil
}

// embeddings fills in the text projection and the added embeddings.
func (f *file) embeddings(c *Config) error {
	switch t := or(f.EncoderHidDimType, ""); {
	case t == "text_proj", t == "" && f.EncoderHidDim != nil:
		if c.HidDim = or(f.EncoderHidDim, 0); c.HidDim <= 0 || c.HidDim > maxWidth {
			return bad("encoder_hid_dim %d", c.HidDim)
		}
	case t != "":
		return &fault.Error{Kind: fault.Unsupported, Op: "unet", Where: "config.json", What: "encoder_hid_dim_type", Have: t, Want: "text_proj"}
	}
	switch t := or(f.AdditionEmbedType, ""); t {
	case "":
	case "text_time":
		c.TimeIDDim, c.AddEmbeddingIn = or(f.AdditionTimeEmbedDim, 256), or(f.ProjectionClassIn, 0)
		if c.TimeIDDim <= 0 || c.TimeIDDim > maxWidth || c.AddEmbeddingIn <= 6*c.TimeIDDim || c.AddEmbeddingIn > 8*maxWidth {
			return bad("projection_class_embeddings_input_dim %d with addition_time_embed_dim %d", c.AddEmbeddingIn, c.TimeIDDim)
		}
	default:
		return &fault.Error{Kind: fault.Unsupported, Op: "unet", Where: "config.json", What: "addition_embed_type", Have: t, Want: "text_time"}
	}
	return nil
}

func crossBlocks(types []string, plain string) ([]bool, error) {
	cross := make([]bool, len(types))
	for i, t := range types {
		cross[i] = t == "CrossAttn"+plain
		if !cross[i] && t != plain {
			return nil, &fault.Error{Kind: fault.Unsupported, Op: "unet", Where: "config.json", What: "block", Have: t, Want: plain + " or CrossAttn" + plain}
		}
	}
	return cross, nil
}

func or[T any](p *T, def T) T {
	if p == nil {
		return def
	}
	return *p
}

// TimeEmbedDim returns the width of the time embedding: four times the first level.
func (c Config) TimeEmbedDim() int { return 4 * c.BlockOutChannels[0] }

// ContextDim returns the width of the text embeddings the network takes.
func (c Config) ContextDim() int {
	if c.HidDim > 0 {
		return c.HidDim
	}
	return c.CrossAttentionDim
}

// PooledDim returns the width of the pooled text embedding, 0 without one.
func (c Config) PooledDim() int {
	if c.AddEmbeddingIn == 0 {
		return 0
	}
	return c.AddEmbeddingIn - 6*c.TimeIDDim
}
