// Package tiny holds a small, really trained text-to-picture model and what belongs
// to it, embedded: programs that import easel can paint, score, filter and train in
// their tests without a download. Everything in it was made for this project and may
// be used without condition.
//
// It paints one thing, a girl, half-length, 96×96, in ten kinds of place, from
// Chinese or English captions:
//
//	pipe, err := diffusion.Open("kolors", diffusion.WithFS(tiny.FS()))
//	res, err := pipe.Generate(ctx, diffusion.Request{Prompt: "二次元,紫色长发少女,在台上唱歌", Steps: 20, GuidanceScale: 4})
package tiny

import (
	"embed"
	"io/fs"
)

//go:embed kolors clip aesthetics pictures lora recipe.yaml
var files embed.FS

// FS returns the files:
//
//	kolors/       a pipeline in diffusers' layout, of Kolors' shape, weights in float16
//	clip/         a CLIP model in transformers' layout, for pictures of 64×64
//	aesthetics/   a head for clip/ that says how good a picture looks
//	pictures/     64 JPEGs and metadata.jsonl, an old picture book; a dozen are bad on purpose
//	lora/         an adapter for kolors/, trained on pictures/, rank 16, alpha 4
//	recipe.yaml   a Data-Juicer recipe for pictures/
func FS() fs.FS { return files }
