package diffusion

import (
	"errors"
	"slices"
	"testing"

	"github.com/easel-go/easel/internal/hub"
)

func TestPipelineFiles(t *testing.T) {
	files := func(names ...string) []hub.File {
		var out []hub.File
		for _, n := range names {
			out = append(out, hub.File{Path: n, Size: 1})
		}
		return out
	}
	kolors := files("README.md", "model_index.json", "scheduler/scheduler_config.json", "imgs/a.png",
		"text_encoder/config.json", "text_encoder/pytorch_model.bin.index.json", "text_encoder/pytorch_model-00001-of-00002.bin",
		"text_encoder/pytorch_model-00002-of-00002.bin", "text_encoder/tokenizer.model", "text_encoder/modeling_chatglm.py",
		"unet/config.json", "unet/diffusion_pytorch_model.safetensors", "unet/diffusion_pytorch_model.fp16.safetensors",
		"vae/config.json", "vae/diffusion_pytorch_model.safetensors", "vae/diffusion_pytorch_model.bin", "safety_checker/model.safetensors")
	for _, c := range []struct {
		variant, want string
	}{{"", "unet/diffusion_pytorch_model.safetensors"}, {"fp16", "unet/diffusion_pytorch_model.fp16.safetensors"}} {
		got, err := pipelineFiles(kolors, c.variant)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{c.want, "model_index.json", "text_encoder/pytorch_model-00002-of-00002.bin", "text_encoder/pytorch_model.bin.index.json",
			"text_encoder/tokenizer.model", "vae/diffusion_pytorch_model.safetensors", "scheduler/scheduler_config.json"} {
			if !slices.Contains(got, want) {
				t.Errorf("variant %q lacks %s", c.variant, want)
			}
		}
		if len(got) != 11 {
			t.Errorf("variant %q: %d files %v, want 11", c.variant, len(got), got)
		}
	}
	if got, err := pipelineFiles(files("config.json", "diffusion_pytorch_model.safetensors", "sdxl.vae.safetensors"), ""); err != nil || len(got) != 2 {
		t.Errorf("an autoencoder alone: %v, %v", got, err)
	}
	if _, err := pipelineFiles(files("a.txt"), ""); !errors.Is(err, Missing) {
		t.Errorf("no model: %v", err)
	}
	if _, err := pipelineFiles(files("unet/config.json", "vae/config.json"), ""); !errors.Is(err, Missing) {
		t.Errorf("no weights: %v", err)
	}
}

func TestOpenFromCache(t *testing.T) {
	t.Setenv("MODELSCOPE_CACHE", t.TempDir())
	if _, err := Open("ms:nobody/nothing"); !errors.Is(err, Missing) {
		t.Errorf("a model that is not in the cache: %v", err)
	}
}
