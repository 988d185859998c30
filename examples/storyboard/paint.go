package main

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/png"
	"os"
	"slices"

	"github.com/easel-go/easel/diffusion"
	"github.com/easel-go/easel/grid"
	"github.com/easel-go/easel/lora"
)

// paintBefore paints the scenes as the model has them.
func (st *story) paintBefore(ctx context.Context) error {
	return st.paint(ctx, "scenes without the LoRA", "before")
}

// paintAfter paints them with the adapter.
func (st *story) paintAfter(ctx context.Context) error {
	a, err := lora.Load(st.path("adapter.safetensors"))
	if err != nil {
		return err
	}
	in, err := lora.Inject(st.pipe, a, lora.WithScale(st.LoraScale))
	if err != nil {
		return err
	}
	defer in.Remove()
	return st.paint(ctx, "scenes with the LoRA", "scene")
}

// sceneFile is where a scene's picture lies: scenes/scene_1.png.
func (st *story) sceneFile(prefix string, i int) string {
	return st.path("scenes", fmt.Sprintf("%s_%d.png", prefix, i+1))
}

// paint paints the scenes side by side, as many at a time as the settings say, and
// writes each with its request in it.
func (st *story) paint(ctx context.Context, stage, prefix string) error {
	if err := os.MkdirAll(st.path("scenes"), 0o755); err != nil {
		return err
	}
	bar := st.bar(stage, len(scenes)*st.Steps)
	from := 0
	for group := range slices.Chunk(scenes, st.SideBySide) {
		var requests []diffusion.Request
		for _, s := range group {
			requests = append(requests, st.request(s))
		}
		requests[0].OnStep = func(s diffusion.Step) error {
			bar(from*st.Steps + s.Index*len(group)*st.Steps/s.Total)
			return nil
		}
		results, err := st.pipe.Batch(ctx, requests...)
		if err != nil {
			return err
		}
		for i, r := range results {
			if err := diffusion.WritePNG(st.sceneFile(prefix, from+i), r, 0); err != nil {
				return err
			}
		}
		from += len(group)
	}
	return nil
}

// readScenes reads the pictures of all scenes; one that is missing is nil.
func (st *story) readScenes(prefix string) []image.Image {
	pics := make([]image.Image, len(scenes))
	for i := range scenes {
		b, err := os.ReadFile(st.sceneFile(prefix, i))
		if err != nil {
			st.say("scene %d is missing: %v", i+1, err)
			continue
		}
		if m, err := png.Decode(bytes.NewReader(b)); err != nil {
			st.say("scene %d cannot be read: %v", i+1, err)
		} else {
			pics[i] = m
		}
	}
	return pics
}

// sheets lays the scenes out, two columns of four rows, as large as they are and at
// 1024×2048.
func (st *story) sheets(context.Context) error {
	for _, s := range []struct{ prefix, name string }{{"before", "sheet_before"}, {"scene", "sheet"}} {
		sheet, err := grid.Tile(st.readScenes(s.prefix), grid.Options{Columns: 2})
		if err != nil {
			return err
		}
		if err := writePNG(st.path(s.name+".png"), sheet); err != nil {
			return err
		}
		small, err := grid.Resize(sheet, 1024, 2048, grid.Bicubic)
		if err != nil {
			return err
		}
		if err := writePNG(st.path(s.name+"_1024x2048.png"), small); err != nil {
			return err
		}
	}
	return nil
}

func writePNG(path string, m image.Image) error {
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		return err
	}
	return writeFile(path, b.Bytes())
}
