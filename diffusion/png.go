package diffusion

import (
	"encoding/json"
	"fmt"
	"image"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/easel-go/easel/internal/fault"
	"github.com/easel-go/easel/internal/imageio"
)

// The keys of a PNG's texts: the request as JSON, and the line that
// stable-diffusion-webui and its many readers know.
const (
	requestKey    = "easel"
	parametersKey = "parameters"
)

// WritePNG writes picture i of a result to a file, with the request that painted it
// as text: as JSON, which ReadPNG reads, and as the "parameters" of
// stable-diffusion-webui. The file appears under its name only when it is whole.
func WritePNG(path string, r *Result, i int) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), ".easel-*.png")
	if err != nil {
		return &fault.Error{Op: "diffusion", Where: path, Err: err}
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
		}
	}()
	if err := EncodePNG(f, r, i); err != nil {
		return err
	}
	if err := f.Chmod(0o644); err != nil && !os.IsPermission(err) {
		return err
	}
	if err := f.Sync(); err != nil {
		return &fault.Error{Op: "diffusion", Where: path, Err: err}
	}
	if err := f.Close(); err != nil {
		return &fault.Error{Op: "diffusion", Where: path, Err: err}
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return &fault.Error{Op: "diffusion", Where: path, Err: err}
	}
	return nil
}

// EncodePNG writes what WritePNG does to w.
func EncodePNG(w io.Writer, r *Result, i int) error {
	if r == nil || i < 0 || i >= len(r.Images) || i >= len(r.Seeds) {
		return invalid("picture", fmt.Sprint(i), "the index of a picture of the result")
	}
	req := r.Request
	req.Seed, req.Seeds, req.N = r.Seeds[i], nil, 1
	text, err := json.Marshal(scalars(req))
	if err != nil {
		return &fault.Error{Kind: fault.Invalid, Op: "diffusion", What: "request", Err: err}
	}
	return imageio.EncodePNG(w, r.Images[i],
		imageio.Text{Key: requestKey, Value: string(text)},
		imageio.Text{Key: parametersKey, Value: parameters(req, r.Images[i].Bounds())})
}

// ReadPNG returns the request that painted a picture which WritePNG wrote. Start,
// StartLatents, Mask and OnStep are not part of it. A picture of several from one Seed cannot be
// painted again alone, unless it was the first.
func ReadPNG(path string) (Request, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return Request{}, &fault.Error{Kind: fault.Missing, Op: "diffusion", Where: path, Err: err}
	}
	texts, err := imageio.ReadText(b)
	if err != nil {
		return Request{}, err
	}
	for _, t := range texts {
		if t.Key == requestKey {
			var s scalarRequest
			if err := json.Unmarshal([]byte(t.Value), &s); err != nil {
				return Request{}, &fault.Error{Kind: fault.Invalid, Op: "diffusion", Where: path, What: "request", Err: err}
			}
			return s.request(), nil
		}
	}
	return Request{}, &fault.Error{Kind: fault.Missing, Op: "diffusion", Where: path, What: "request", Have: "is not in the picture's texts"}
}

// scalarRequest is the part of a Request that a picture carries.
type scalarRequest struct {
	Prompt          string         `json:"prompt"`
	NegativePrompt  string         `json:"negative_prompt,omitempty"`
	Prompt2         string         `json:"prompt_2,omitempty"`
	NegativePrompt2 string         `json:"negative_prompt_2,omitempty"`
	PromptWeights   bool           `json:"prompt_weights,omitempty"`
	LongPrompt      bool           `json:"long_prompt,omitempty"`
	Width           int            `json:"width"`
	Height          int            `json:"height"`
	Steps           int            `json:"steps"`
	GuidanceScale   float64        `json:"guidance_scale"`
	GuidanceRescale float64        `json:"guidance_rescale,omitempty"`
	Eta             float64        `json:"eta,omitempty"`
	ClipSkip        int            `json:"clip_skip,omitempty"`
	Seed            uint64         `json:"seed"`
	Noise           Noise          `json:"noise"`
	Sampler         Sampler        `json:"sampler,omitempty"`
	SamplerOptions  map[string]any `json:"sampler_options,omitempty"`
	Timesteps       []float64      `json:"timesteps,omitempty"`
	Sigmas          []float64      `json:"sigmas,omitempty"`
	Strength        float64        `json:"strength,omitempty"`
	Sizes           *Sizes         `json:"sizes,omitempty"`
	DenoisingStart  float64        `json:"denoising_start,omitempty"`
	DenoisingEnd    float64        `json:"denoising_end,omitempty"`
	Tiled           bool           `json:"tiled,omitempty"`
}

func scalars(r Request) scalarRequest {
	return scalarRequest{
		r.Prompt, r.NegativePrompt, r.Prompt2, r.NegativePrompt2, r.PromptWeights, r.LongPrompt, r.Width, r.Height, r.Steps,
		r.GuidanceScale, r.GuidanceRescale, r.Eta, r.ClipSkip, r.Seed, r.Noise, r.Sampler, r.SamplerOptions, r.Timesteps, r.Sigmas,
		r.Strength, r.Sizes, r.DenoisingStart, r.DenoisingEnd, r.Tiled,
	}
}

func (s scalarRequest) request() Request {
	return Request{
		Prompt: s.Prompt, NegativePrompt: s.NegativePrompt, Prompt2: s.Prompt2, NegativePrompt2: s.NegativePrompt2,
		PromptWeights: s.PromptWeights, LongPrompt: s.LongPrompt, Width: s.Width, Height: s.Height, Steps: s.Steps,
		GuidanceScale: s.GuidanceScale, GuidanceRescale: s.GuidanceRescale, Eta: s.Eta, ClipSkip: s.ClipSkip, Seed: s.Seed,
		Noise: s.Noise, Sampler: s.Sampler, SamplerOptions: s.SamplerOptions, Timesteps: s.Timesteps, Sigmas: s.Sigmas,
		Strength: s.Strength, Sizes: s.Sizes, DenoisingStart: s.DenoisingStart, DenoisingEnd: s.DenoisingEnd, Tiled: s.Tiled,
	}
}

// parameters is the text that stable-diffusion-webui writes (modules/processing.py,
// create_infotext).
func parameters(r Request, size image.Rectangle) string {
	var b strings.Builder
	b.WriteString(r.Prompt)
	if r.NegativePrompt != "" {
		b.WriteString("\nNegative prompt: " + r.NegativePrompt)
	}
	fmt.Fprintf(&b, "\nSteps: %d, Sampler: %s, CFG scale: %g, Seed: %d, Size: %dx%d", r.Steps, samplerName(r.Sampler), r.GuidanceScale, r.Seed, size.Dx(), size.Dy())
	if r.Strength > 0 {
		fmt.Fprintf(&b, ", Denoising strength: %g", r.Strength)
	}
	if r.ClipSkip > 0 {
		fmt.Fprintf(&b, ", Clip skip: %d", r.ClipSkip+1) // it counts from 1
	}
	return b.String()
}

func samplerName(s Sampler) string {
	if s == "" {
		return "default"
	}
	return string(s)
}
