package main

import (
	"context"
	"fmt"
	"image"
	"image/png"
	"io"
	"os"
	"path/filepath"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"

	"github.com/easel-go/easel/clip"
	"github.com/easel-go/easel/dataset"
	"github.com/easel-go/easel/examples/tiny"
	"github.com/easel-go/easel/grid"
)

// show writes loss.png and before_after.png: the upper row before, the lower after.
func show(f *flags, losses []float64, before, after []image.Image) error {
	if err := plotLoss(filepath.Join(f.out, "loss.png"), losses); err != nil {
		return err
	}
	sheet, err := grid.Tile(append(append([]image.Image{}, before...), after...), grid.Options{Columns: len(before), Gap: 4})
	if err != nil {
		return err
	}
	file, err := os.Create(filepath.Join(f.out, "before_after.png"))
	if err != nil {
		return err
	}
	err = png.Encode(file, sheet)
	if e := file.Close(); err == nil {
		err = e
	}
	return err
}

// plotLoss draws every step's loss, and the mean of the 25 around it: single ones
// depend on the timestep that was drawn more than on anything that was learned.
func plotLoss(path string, losses []float64) error {
	p := plot.New()
	p.Title.Text, p.X.Label.Text, p.Y.Label.Text = "training", "step", "loss"
	points, smooth := make(plotter.XYs, len(losses)), make(plotter.XYs, len(losses))
	for i, l := range losses {
		points[i] = plotter.XY{X: float64(i + 1), Y: l}
		smooth[i] = plotter.XY{X: float64(i + 1), Y: mean(losses[max(0, i-12):min(len(losses), i+13)])}
	}
	dots, err := plotter.NewScatter(points)
	if err != nil {
		return err
	}
	dots.GlyphStyle.Radius = vg.Points(1)
	line, err := plotter.NewLine(smooth)
	if err != nil {
		return err
	}
	line.Width = vg.Points(2)
	p.Add(dots, line)
	return p.Save(14*vg.Centimeter, 8*vg.Centimeter, path)
}

// nearness tells how near the pictures are to those of the training set, as the tiny
// CLIP sees them: the mean cosine.
func nearness(ctx context.Context, f *flags, data *dataset.Dataset, before, after []image.Image, w io.Writer) error {
	if f.model != "" {
		return nil // the tiny CLIP knows the tiny model's world alone
	}
	m, err := clip.Open("clip", clip.WithFS(tiny.FS()))
	if err != nil {
		return err
	}
	defer m.Close()
	var set []image.Image
	for s, err := range data.All(ctx) {
		if err != nil || len(s.Images()) == 0 {
			continue
		}
		if pic, err := s.Images()[0].Decode(); err == nil {
			set = append(set, pic)
		}
	}
	to, err := m.EmbedImages(ctx, set)
	if err != nil {
		return err
	}
	var cos [2]float64
	for i, pics := range [][]image.Image{before, after} {
		from, err := m.EmbedImages(ctx, pics)
		if err != nil {
			return err
		}
		for _, a := range from {
			for _, b := range to {
				c, err := clip.Cosine(a, b)
				if err != nil {
					return err
				}
				cos[i] += float64(c) / float64(len(from)*len(to))
			}
		}
	}
	fmt.Fprintf(w, "mean cosine to the training pictures: %.3f before, %.3f after\n", cos[0], cos[1])
	return nil
}
