package lora

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/easel-go/easel/diffusion"
	"github.com/easel-go/easel/examples/tiny"
	"github.com/easel-go/easel/internal/golden"
)

// tinyFile is lora_golden.json: what the embedded checkpoint paints with its adapter.
type tinyFile struct {
	Prompts    []string        `json:"prompts"`
	Negative   string          `json:"negative"`
	Seeds      []uint64        `json:"seeds"`
	Steps      int             `json:"steps"`
	Guidance   float64         `json:"guidance"`
	Size       [2]int          `json:"size"`
	Scheduler  string          `json:"scheduler"`
	Lora       bool            `json:"lora"`
	LoraScale  *float64        `json:"lora_scale"`
	Seconds    []float64       `json:"seconds"`
	ClipIDs    json.RawMessage `json:"clip_input_ids"`
	ClipLogits json.RawMessage `json:"clip_logits_per_image"`
	ClipEmbeds json.RawMessage `json:"clip_image_embeds"`
	Aesthetics json.RawMessage `json:"aesthetics"`
	Versions   json.RawMessage `json:"versions"`
	DPMPP2M    map[string]any  `json:"dpmpp2m"`
}

// TestGoldenTinyAdapter paints with an adapter that peft trained.
func TestGoldenTinyAdapter(t *testing.T) {
	dir := golden.Part(t, "tiny")
	d := golden.JSON[tinyFile](t, filepath.Join(dir, "lora_golden.json"))
	f := golden.Tensors(t, filepath.Join(dir, "lora_latents.safetensors"))
	p := tinyPipeline(t)
	a, err := Load("lora", WithFS(tiny.FS()))
	if err != nil {
		t.Fatal(err)
	}
	scale := 1.
	if d.LoraScale != nil {
		scale = *d.LoraScale
	}
	if _, err := Inject(p, a, WithScale(scale)); err != nil {
		t.Fatal(err)
	}
	var requests []diffusion.Request
	for i, prompt := range d.Prompts {
		requests = append(requests, diffusion.Request{
			Prompt: prompt, NegativePrompt: d.Negative, Seed: d.Seeds[i], Steps: d.Steps, GuidanceScale: d.Guidance,
			Width: d.Size[0], Height: d.Size[1], Sampler: diffusion.Sampler(d.Scheduler),
		})
	}
	results, err := p.Batch(t.Context(), requests...)
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range results {
		x := f.Get(t, fmt.Sprintf("latents.%d", i))
		if len(x.Shape) == 3 {
			x.Shape = append([]int{1}, x.Shape...)
		}
		golden.Close(t, fmt.Sprintf("latents.%d", i), r.Latents[0].Values, nhwc(x), golden.Tol{Abs: 1e-3, From: "10 × the float32 error of runs of this length in the pipeline cases"})
		_, _, want := golden.PNG(t, filepath.Join(dir, fmt.Sprintf("lora_%d.png", i)))
		_, _, have := golden.RGB(r.Images[0])
		if db, _ := golden.PSNR(have, want); db < 60 {
			t.Errorf("picture %d: %.1f dB, want 60", i, db)
		}
	}
}
