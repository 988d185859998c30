package main

import (
	"context"
	"fmt"
	"image"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/easel-go/easel/dataset"
	"github.com/easel-go/easel/diffusion"
	"github.com/easel-go/easel/lora"
)

// scenes are what the pictures before and after the training show.
var scenes = []string{
	"二次元,一个紫色短发小女孩,在家中沙发上坐着,双手托着腮,很无聊,全身,粉色连衣裙",
	"二次元,一个紫色短发小女孩穿着粉色吊带漏肩连衣裙,对着流星许愿,闭着眼睛,十指交叉,侧面",
	"二次元,紫色长发少女,穿着黑色礼服,连衣裙,在台上唱歌",
	"二次元,紫色长发少女,穿着黑色连衣裙,试衣间,心情忐忑",
}

func requests(f *flags) []diffusion.Request {
	var rs []diffusion.Request
	for i, prompt := range scenes {
		r := diffusion.Request{Prompt: prompt, NegativePrompt: "丑陋、变形、嘈杂、模糊、低对比度", Steps: 20, Seed: uint64(i), Width: f.size, Height: f.size}
		if f.model == "" {
			r.GuidanceScale = 4 // what the tiny checkpoint looks best with
		}
		rs = append(rs, r)
	}
	return rs
}

// trainAndShow paints, trains, paints again with the new adapter, and writes the
// difference down.
func trainAndShow(ctx context.Context, f *flags, pipe *diffusion.Pipeline, data *dataset.Dataset, w io.Writer) error {
	before, err := paint(ctx, pipe, requests(f))
	if err != nil {
		return err
	}
	c := f.config
	if c.SampleEvery > 0 {
		c.Samples = requests(f)
	}
	if !f.quiet {
		c.OnStep = progress()
	}
	start := time.Now()
	res, err := lora.Train(ctx, pipe, data, c)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "%d steps in %.1fs, loss %.4f → %.4f; %d pictures could not be read\n", len(res.Losses), time.Since(start).Seconds(),
		mean(res.Losses[:min(len(res.Losses), 50)]), mean(res.Losses[max(0, len(res.Losses)-50):]), len(res.Skipped))
	if err := os.MkdirAll(f.out, 0o777); err != nil {
		return err
	}
	if err := res.Adapter.Save(filepath.Join(f.out, "style.safetensors"), lora.Diffusers, lora.For(pipe)); err != nil {
		return err
	}
	if _, err := lora.Inject(pipe, res.Adapter); err != nil {
		return err
	}
	after, err := paint(ctx, pipe, requests(f))
	if err != nil {
		return err
	}
	if err := show(f, res.Losses, before, after); err != nil {
		return err
	}
	fmt.Fprintf(w, "%s: style.safetensors, loss.png, before_after.png; checkpoints in %s\n", f.out, res.Version)
	return nearness(ctx, f, data, before, after, w)
}

func paint(ctx context.Context, pipe *diffusion.Pipeline, rs []diffusion.Request) (pics []image.Image, err error) {
	results, err := pipe.Batch(ctx, rs...)
	for _, r := range results {
		pics = append(pics, r.Images[0])
	}
	return pics, err
}

// progress draws a bar that tells the loss and how long the rest will take.
func progress() func(lora.Step) error {
	var bar *progressbar.ProgressBar
	return func(s lora.Step) error {
		if bar == nil {
			bar = progressbar.NewOptions(s.Total, progressbar.OptionShowCount(), progressbar.OptionSetPredictTime(true),
				progressbar.OptionSetWriter(os.Stderr), progressbar.OptionThrottle(100*time.Millisecond),
				progressbar.OptionOnCompletion(func() { fmt.Fprintln(os.Stderr) }))
		}
		bar.Describe(fmt.Sprintf("epoch %d, loss %.3f, %.1f pictures/s", s.Epoch, s.Loss, s.PerSecond))
		return bar.Set(s.Index)
	}
}

func mean(v []float64) float64 {
	var sum float64
	for _, x := range v {
		sum += x
	}
	return sum / float64(max(len(v), 1))
}
