package model

import (
	"context"
	"embed"

	"github.com/easel-go/easel/internal/weights"
)

// family is what one line of models does in its own way.
type family struct {
	name   weights.Family
	title  string // as people call it
	texts  []text // its text encoders
	encode func(*Bundle, context.Context, []Prompt) ([]Encoded, error)
	skip   int    // last layers of CLIP's encoders that are left out
	norm   bool   // CLIP's last norm follows
	config string // folder of configs for single files; "" where there are none

	// DiffSynth's SDXL and Kolors have this epsilon in the transformers' group norm.
	diffSynthEps float32

	// scheduler is for models that come without a scheduler_config.json.
	scheduler string
}

// text is where a text encoder and its tokenizer lie in a folder, and its networks'
// place in a single file.
type text struct {
	part, tokenizer string
	single          weights.Part
	pad             string // of CLIP's standard vocabulary
}

// families is the table of model families: a new one is a row.
var families = []*family{
	{
		name: weights.SD1, title: "Stable Diffusion 1.x", config: "sd1", encode: encodeSD, norm: true,
		texts:        []text{{"text_encoder", "tokenizer", weights.TextEncoder, ""}},
		diffSynthEps: 1e-6,
		scheduler: `{"_class_name":"PNDMScheduler","beta_start":0.00085,"beta_end":0.012,"beta_schedule":"scaled_linear","num_train_timesteps":1000,
			"skip_prk_steps":true,"set_alpha_to_one":false,"steps_offset":1}`,
	},
	{
		name: weights.SDXL, title: "SDXL", config: "sdxl", encode: encodeSDXL, skip: 1,
		texts: []text{
			{"text_encoder", "tokenizer", weights.TextEncoder, ""},
			{"text_encoder_2", "tokenizer_2", weights.TextEncoder2, "!"},
		},
		diffSynthEps: 1e-5,
		scheduler: `{"_class_name":"EulerDiscreteScheduler","beta_start":0.00085,"beta_end":0.012,"beta_schedule":"scaled_linear","num_train_timesteps":1000,
			"timestep_spacing":"leading","steps_offset":1,"interpolation_type":"linear"}`,
	},
	{
		name: weights.Kolors, title: "Kolors", encode: encodeKolors,
		texts:        []text{{"text_encoder", "tokenizer", weights.ChatGLM, ""}},
		diffSynthEps: 1e-5,
		scheduler: `{"_class_name":"EulerDiscreteScheduler","beta_start":0.00085,"beta_end":0.014,"beta_schedule":"scaled_linear","num_train_timesteps":1100,
			"timestep_spacing":"leading","steps_offset":1,"interpolation_type":"linear"}`,
	},
}

func familyOf(name weights.Family) *family {
	for _, f := range families {
		if f.name == name {
			return f
		}
	}
	return nil
}

// configs are the sizes of the published models: a single file does not tell heads,
// groups and scaling factors.
//
//go:embed config
var configs embed.FS
