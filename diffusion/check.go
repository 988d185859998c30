package diffusion

import (
	"fmt"
	"math"

	"github.com/easel-go/easel/internal/fault"
)

// Limits of a request.
const (
	maxSide     = 1 << 14
	maxSteps    = 10000
	maxPictures = 1 << 10
	maxPrompt   = 1 << 16 // bytes
)

func (p *Pipeline) checkSize(r Request) error {
	f, u := p.bundle.VAE.Config().Factor(), p.bundle.UNet.Config()
	if r.Width <= 0 || r.Height <= 0 || r.Width%f != 0 || r.Height%f != 0 || r.Width > maxSide || r.Height > maxSide {
		return invalid("size", fmt.Sprintf("%dx%d", r.Width, r.Height), fmt.Sprintf("positive multiples of %d up to %d", f, maxSide))
	}
	if r.Mask == nil && u.InChannels != u.OutChannels {
		return invalid("mask", "not given", "one, and a start picture: this model was made for inpainting")
	}
	return nil
}

func (p *Pipeline) checkStart(r Request) error {
	if r.Start != nil && r.Start.Bounds().Empty() {
		return invalid("start picture", fmt.Sprintf("of %v", r.Start.Bounds()), "one with pixels")
	}
	if r.StartLatents != nil {
		if err := p.checkLatents(r); err != nil {
			return err
		}
	}
	if r.DenoisingStart > 0 && !r.begins() {
		return invalid("denoising start", fmt.Sprint(r.DenoisingStart), "a start picture or start latents with it")
	}
	if r.Mask != nil {
		if r.Start == nil {
			return invalid("mask", "without a start picture", "both")
		}
		if m, s := r.Mask.Bounds().Size(), r.Start.Bounds().Size(); m != s {
			return invalid("mask", fmt.Sprintf("of %dx%d", m.X, m.Y), fmt.Sprintf("the start picture's size %dx%d", s.X, s.Y))
		}
	}
	return nil
}

func (p *Pipeline) checkLatents(r Request) error {
	if r.Start != nil || r.Mask != nil {
		return invalid("start latents", "beside a start picture or mask", "one of the two")
	}
	if n := len(r.StartLatents); n != 1 && n != r.N {
		return invalid("start latents", fmt.Sprintf("of %d pictures", n), fmt.Sprintf("1 or %d", r.N))
	}
	f := p.bundle.VAE.Config().Factor()
	h, w, c := r.Height/f, r.Width/f, p.bundle.UNet.Config().OutChannels
	for _, l := range r.StartLatents {
		if l.Height != h || l.Width != w || l.Channels != c || len(l.Values) != h*w*c {
			return invalid("start latents", fmt.Sprintf("%d values for [%d,%d,%d]", len(l.Values), l.Height, l.Width, l.Channels), fmt.Sprintf("[%d,%d,%d]", h, w, c))
		}
	}
	return nil
}

func checkTexts(r Request) error {
	for _, text := range []string{r.Prompt, r.NegativePrompt, r.Prompt2, r.NegativePrompt2} {
		if len(text) > maxPrompt {
			return invalid("prompt", fmt.Sprintf("of %d bytes", len(text)), fmt.Sprintf("at most %d", maxPrompt))
		}
	}
	return nil
}

func checkNumbers(r Request) error {
	n := max(len(r.Timesteps), len(r.Sigmas)-1)
	switch {
	case r.Timesteps != nil && r.Sigmas != nil:
		return invalid("timesteps", "beside sigmas", "one of the two")
	case (r.Timesteps != nil || r.Sigmas != nil) && r.Steps != n:
		return invalid("steps", fmt.Sprint(r.Steps), fmt.Sprintf("%d, as many as timesteps or sigmas say", n))
	case r.Steps < 1 || r.Steps > maxSteps:
		return invalid("steps", fmt.Sprint(r.Steps), fmt.Sprintf("1 to %d", maxSteps))
	case !finite(r.GuidanceScale) || math.Abs(r.GuidanceScale) > 1e4:
		return invalid("guidance scale", fmt.Sprint(r.GuidanceScale), "a finite number")
	case !(r.GuidanceRescale >= 0 && r.GuidanceRescale <= 1):
		return invalid("guidance rescale", fmt.Sprint(r.GuidanceRescale), "0 to 1")
	case !(r.Eta >= 0 && r.Eta <= 1):
		return invalid("eta", fmt.Sprint(r.Eta), "0 to 1")
	case r.begins() && !(r.Strength > 0 && r.Strength <= 1):
		return invalid("strength", fmt.Sprint(r.Strength), "above 0, up to 1")
	case !(r.DenoisingEnd > 0 && r.DenoisingEnd <= 1):
		return invalid("denoising end", fmt.Sprint(r.DenoisingEnd), "above 0, up to 1")
	case !(r.DenoisingStart >= 0 && r.DenoisingStart < r.DenoisingEnd):
		return invalid("denoising start", fmt.Sprint(r.DenoisingStart), "0 or more, below the denoising end")
	case r.ClipSkip < -1:
		return invalid("clip skip", fmt.Sprint(r.ClipSkip), "0 or more, or −1")
	case r.N < 1 || r.N > maxPictures || len(r.Seeds) > 0 && r.N != len(r.Seeds):
		return invalid("pictures", fmt.Sprintf("%d with %d seeds", r.N, len(r.Seeds)), fmt.Sprintf("1 to %d, and a seed for each or none", maxPictures))
	}
	switch r.Noise {
	case NoiseCPU, NoiseCUDA, NoiseCPUF16, NoiseCUDAF16:
		return nil
	}
	return invalid("noise", string(r.Noise), "cpu, cuda, cpu-f16 or cuda-f16")
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }

func invalid(what, have, want string) error {
	return &fault.Error{Kind: fault.Invalid, Op: "diffusion", What: what, Have: have, Want: want}
}
