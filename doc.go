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
// Not all of them are here yet; README.md says which are. examples has a program
// for each stage, and internal/README.md shows the house.
//
// # Environment
//
//   - EASEL_GOLDENS=dir: run the golden tests on another tree of reference cases
//   - EASEL_CPU=purego|avx2|avx512: cap the processor features that kernels use
//
// # Build tags
//
//   - purego: no assembly
package easel
