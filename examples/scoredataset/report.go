package main

import (
	"bufio"
	"fmt"
	"image"
	"image/png"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"

	"github.com/easel-go/easel/dataset"
	"github.com/easel-go/easel/grid"
)

// report prints the ends of the table and draws them.
func report(w io.Writer, d *dataset.Dataset, f flags) error {
	rows, bad, err := ranked(f)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "%d pictures scored, %d could not be: %s\n", len(rows), bad, tablePath(f))
	if len(rows) == 0 {
		return nil
	}
	n := min(f.ends, len(rows))
	best, worst := rows[:n], slices.Clone(rows[len(rows)-n:])
	slices.Reverse(worst)
	for _, end := range []struct {
		name string
		rows []entry
	}{{"best", best}, {"worst", worst}} {
		fmt.Fprintf(w, "\n%s:\n", end.name)
		for _, e := range end.rows {
			fmt.Fprintf(w, "  %s  %s  %s\n", scores(e), e.ID, e.Text)
		}
	}
	if err := histogram(rows, filepath.Join(f.out, "histogram.png")); err != nil {
		return err
	}
	return sheet(d, append(slices.Clone(best), worst...), n, filepath.Join(f.out, "sheet.png"))
}

// ranked reads the table, the best first, and counts the rows without numbers.
func ranked(f flags) (rows []entry, bad int, err error) {
	file, err := os.Open(tablePath(f))
	if err != nil {
		return nil, 0, err
	}
	defer file.Close()
	all, _, err := read(file)
	if err != nil {
		return nil, 0, err
	}
	by := func(e entry) float64 { return e.Fit }
	if f.by == "aesthetics" {
		by = func(e entry) float64 { return e.Aesthetics }
	}
	for _, e := range all {
		if math.IsNaN(by(e)) {
			bad++
		} else {
			rows = append(rows, e)
		}
	}
	slices.SortStableFunc(rows, func(a, b entry) int {
		switch {
		case by(a) > by(b):
			return -1
		case by(a) < by(b):
			return 1
		}
		return 0
	})
	return rows, bad, nil
}

// scores spells an entry's numbers.
func scores(e entry) string {
	if math.IsNaN(e.Aesthetics) {
		return fmt.Sprintf("%.3f", e.Fit)
	}
	return fmt.Sprintf("%.3f %.2f", e.Fit, e.Aesthetics)
}

// histogram draws how the numbers are spread, side by side where there are two kinds.
func histogram(rows []entry, path string) error {
	var plots []*plot.Plot
	for _, kind := range []struct {
		name string
		of   func(entry) float64
	}{{"fit to the caption (cosine)", func(e entry) float64 { return e.Fit }}, {"aesthetics", func(e entry) float64 { return e.Aesthetics }}} {
		var values plotter.Values
		for _, e := range rows {
			if v := kind.of(e); !math.IsNaN(v) {
				values = append(values, v)
			}
		}
		if len(values) == 0 {
			continue
		}
		p := plot.New()
		p.X.Label.Text, p.Y.Label.Text = kind.name, "pictures"
		bars, err := plotter.NewHist(values, 16)
		if err != nil {
			return err
		}
		p.Add(bars)
		plots = append(plots, p)
	}
	canvas := vgimg.New(vg.Length(len(plots))*12*vg.Centimeter, 8*vg.Centimeter)
	tiles := draw.Tiles{Rows: 1, Cols: len(plots)}
	for i, c := range plot.Align([][]*plot.Plot{plots}, tiles, draw.New(canvas))[0] {
		plots[i].Draw(c)
	}
	return writePNG(path, canvas.Image())
}

// sheet lays pictures out, n in a row, under them their numbers.
func sheet(d *dataset.Dataset, rows []entry, n int, path string) error {
	var pics []image.Image
	var captions []string
	for _, e := range rows {
		s, err := d.At(e.Row)
		if err != nil {
			return err
		}
		m, err := s.Images()[e.Picture].Decode()
		if err != nil {
			return err
		}
		pics, captions = append(pics, m), append(captions, scores(e))
	}
	page, err := grid.Tile(pics, grid.Options{Columns: n, CellWidth: 128, CellHeight: 128, Gap: 4, Border: 8, Captions: captions})
	if err != nil {
		return err
	}
	return writePNG(path, page)
}

// writePNG writes a picture; one that could not be finished is taken away.
func writePNG(path string, m image.Image) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(file)
	err = png.Encode(w, m)
	if err == nil {
		err = w.Flush()
	}
	if e := file.Close(); err == nil {
		err = e
	}
	if err != nil {
		os.Remove(path)
	}
	return err
}
