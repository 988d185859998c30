package hub

import "slices"

// Preset is a set of files under a name that users know from DiffSynth-Studio.
type Preset struct {
	Name  string
	Repo  Repo
	Allow []string // patterns of what a pipeline reads
	Need  []string // files without which it cannot work
}

// Presets are the names that can be fetched. The patterns take what the pipeline needs
// of the repository: weights in one form, configurations, tokenizer and scheduler.
var Presets = []Preset{
	{
		Name: "Kolors",
		Repo: Repo{Hub: ModelScope, ID: "Kwai-Kolors/Kolors"},
		Allow: []string{"model_index.json", "scheduler/*.json", "tokenizer/*", "text_encoder/*.json", "text_encoder/tokenizer*", "text_encoder/vocab.txt",
			"text_encoder/pytorch_model-*.bin", "unet/config.json", "unet/diffusion_pytorch_model.safetensors", "vae/config.json", "vae/diffusion_pytorch_model.safetensors"},
		Need: []string{"text_encoder/config.json", "text_encoder/pytorch_model.bin.index.json", "unet/diffusion_pytorch_model.safetensors", "vae/diffusion_pytorch_model.safetensors"},
	},
	{
		Name:  "SDXL-vae-fp16-fix",
		Repo:  Repo{Hub: ModelScope, ID: "AI-ModelScope/sdxl-vae-fp16-fix"},
		Allow: []string{"config.json", "diffusion_pytorch_model.safetensors"},
		Need:  []string{"diffusion_pytorch_model.safetensors"},
	},
}

// FindPreset returns the preset called name.
func FindPreset(name string) (Preset, bool) {
	i := slices.IndexFunc(Presets, func(p Preset) bool { return p.Name == name })
	if i < 0 {
		return Preset{}, false
	}
	return Presets[i], true
}
