// Package diffusion paints pictures from texts with Stable Diffusion 1.x, SDXL and
// Kolors.
//
//	pipe, err := diffusion.Open("stable-diffusion-v1-4")
//	res, err := pipe.Generate(ctx, diffusion.Request{Prompt: "a lighthouse at dawn", Seed: 1})
//	err = diffusion.WritePNG("lighthouse.png", res, 0)
//
// A pipeline is a folder in diffusers' layout or a single file in CompVis' or SGM's
// names. Weights are mapped, not copied, and used as they are stored; the arithmetic
// is float32, or bfloat16 if asked for. The same request paints the same picture as
// diffusers does on a CPU with torch.Generator("cpu"), whatever the number of
// threads and however many pictures are painted side by side.
//
// # What surprises
//
//   - Prompts are tokenised as transformers' slow tokenizer does where ftfy is not
//     installed, which is what diffusers runs on a plain install. For CLIP that puts
//     spaces around every Chinese character; package clip's default is the fast
//     tokenizer, which does not.
//   - A Seed paints the picture of torch's CPU generator; NoiseCUDA that of an NVIDIA
//     GPU's. The two are unrelated. Only the low 32 bits of a seed count on a CPU.
//   - N pictures of one Seed are drawn from one generator, one after the other; with
//     Seeds every picture has its own, and equals the picture painted alone.
//   - An empty NegativePrompt means "not given", which in SDXL stands for zeros; " "
//     is the empty text, encoded.
package diffusion
