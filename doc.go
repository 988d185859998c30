// Package easel is the front page of a library for the whole life of a
// text-to-image style: load a picture dataset, clean it, score it, paint with
// Stable Diffusion 1.x, SDXL and Kolors, train a LoRA, inject it, and lay the
// pictures out on a sheet. It is pure Go: no Python, no cgo.
//
// The work is done by six packages, in the order of the flow:
//
//   - dataset: samples in, samples out
//   - filter: which samples stay, by Data-Juicer's recipes
//   - clip: how well a text fits a picture, and how good it looks
//   - diffusion: text to picture
//   - lora: adapters, read, injected and trained
//   - grid: pictures to a sheet
//
// Each can be used alone. examples has a program for each stage, and
// examples/storyboard for all of them; examples/tiny embeds a small trained
// checkpoint that programs and their tests can use without a download.
// internal/README.md shows the house.
//
// # Environment
//
//   - EASEL_CPU=purego|avx2|avx512|avx512bf16|amx, purego|neon on arm64: cap the
//     processor features that kernels use
//   - EASEL_GOLDENS=dir: run the golden tests on another tree of reference cases, with
//     go test -count=1, since go does not see that files there changed
//   - HF_TOKEN, HF_ENDPOINT, HF_HOME, HF_HUB_OFFLINE, MODELSCOPE_API_TOKEN,
//     MODELSCOPE_ENDPOINT, MODELSCOPE_CACHE and the usual proxy variables: what the
//     hubs' own clients know
//
// # Build tags
//
//   - purego: no assembly
package easel
