package vae

import (
	"encoding/json"
	"slices"

	"github.com/easel-go/easel/internal/fault"
)

// Config is the part of an AutoencoderKL's config.json that decides its shape and
// scale (diffusers 0.36).
type Config struct {
	BlockOutChannels []int
	LayersPerBlock   int
	LatentChannels   int
	Groups           int
	MidAttention     bool // attention in the middle blocks
	QuantConv        bool // 1×1 convolutions between the latents and the networks
	PostQuantConv    bool
	ScalingFactor    float64 // latents for the UNet are (z − ShiftFactor)·ScalingFactor
	ShiftFactor      float64
	SampleSize       int     // edge of a tile in pixels
	DecoderNormEps   float32 // of the decoder's last norm: 1e-6; DiffSynth's is 1e-5
}

// Bounds of what a config may ask for, far beyond every known model.
const (
	maxWidth  = 1 << 16 // channels
	maxLayers = 32      // of a level
	maxSample = 1 << 14 // pixels
)

// Parse reads config.json. Fields it does not know are passed over.
func Parse(text []byte) (Config, error) {
	f := struct {
		InChannels       int      `json:"in_channels"`
		OutChannels      int      `json:"out_channels"`
		BlockOutChannels []int    `json:"block_out_channels"`
		DownBlockTypes   []string `json:"down_block_types"`
		UpBlockTypes     []string `json:"up_block_types"`
		LayersPerBlock   int      `json:"layers_per_block"`
		LatentChannels   int      `json:"latent_channels"`
		Groups           int      `json:"norm_num_groups"`
		ActFn            string   `json:"act_fn"`
		MidAttention     bool     `json:"mid_block_add_attention"`
		UseQuantConv     bool     `json:"use_quant_conv"`
		UsePostQuantConv bool     `json:"use_post_quant_conv"`
		ScalingFactor    float64  `json:"scaling_factor"`
		ShiftFactor      float64  `json:"shift_factor"`
		SampleSize       int      `json:"sample_size"`
		LatentsMean      any      `json:"latents_mean"`
	}{
		InChannels: 3, OutChannels: 3, LayersPerBlock: 1, LatentChannels: 4, Groups: 32, ActFn: "silu",
		MidAttention: true, UseQuantConv: true, UsePostQuantConv: true, ScalingFactor: 0.18215, SampleSize: 32,
	}
	if err := json.Unmarshal(text, &f); err != nil {
		return Config{}, &fault.Error{Kind: fault.Invalid, Op: "vae", Where: "config.json", Err: err}
	}
	for i, t := range append(slices.Clone(f.DownBlockTypes), f.UpBlockTypes...) {
		want := "DownEncoderBlock2D"
		if i >= len(f.DownBlockTypes) {
			want = "UpDecoderBlock2D"
		}
		if t != want {
			return Config{}, unsupported("block", t, want)
		}
	}
	switch {
	case f.ActFn != "silu":
		return Config{}, unsupported("act_fn", f.ActFn, "silu")
	case f.LatentsMean != nil:
		return Config{}, unsupported("latents_mean", "numbers", "null")
	case f.InChannels != 3 || f.OutChannels != 3:
		return Config{}, fault.Newf(fault.Unsupported, "vae", "config.json: %d and %d picture channels, want 3", f.InChannels, f.OutChannels)
	case len(f.BlockOutChannels) == 0 || len(f.BlockOutChannels) > 8 || f.LayersPerBlock <= 0 || f.LayersPerBlock > maxLayers ||
		f.LatentChannels <= 0 || f.LatentChannels > maxWidth || f.ScalingFactor == 0 || f.SampleSize <= 0 || f.SampleSize > maxSample:
		return Config{}, fault.Newf(fault.Invalid, "vae", "config.json: sizes %v, %d layers, %d latent channels, scaling factor %g, sample size %d",
			f.BlockOutChannels, f.LayersPerBlock, f.LatentChannels, f.ScalingFactor, f.SampleSize)
	}
	for _, w := range f.BlockOutChannels {
		if w <= 0 || w > maxWidth || f.Groups <= 0 || w%f.Groups != 0 {
			return Config{}, fault.Newf(fault.Invalid, "vae", "config.json: %d channels in %d groups", w, f.Groups)
		}
	}
	return Config{
		BlockOutChannels: f.BlockOutChannels, LayersPerBlock: f.LayersPerBlock, LatentChannels: f.LatentChannels, Groups: f.Groups,
		MidAttention: f.MidAttention, QuantConv: f.UseQuantConv, PostQuantConv: f.UsePostQuantConv,
		ScalingFactor: f.ScalingFactor, ShiftFactor: f.ShiftFactor, SampleSize: f.SampleSize, DecoderNormEps: 1e-6,
	}, nil
}

func unsupported(what, have, want string) error {
	return &fault.Error{Kind: fault.Unsupported, Op: "vae", Where: "config.json", What: what, Have: have, Want: want}
}

// Factor returns how many pixels a latent is wide: 8 for four levels.
func (c Config) Factor() int { return 1 << (len(c.BlockOutChannels) - 1) }
