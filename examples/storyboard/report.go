package main

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/base64"
	"encoding/csv"
	"fmt"
	"html/template"
	"image"
	"image/png"
	"math"
	"os"
	"strings"
	"time"

	"github.com/easel-go/easel/clip"
	"github.com/easel-go/easel/dataset"
	"github.com/easel-go/easel/grid"
)

//go:embed report.html
var page string

// reportPage is what report.html shows.
type reportPage struct {
	Info      string
	Settings  string
	Sheet     template.URL
	Dropped   []dropped
	Counts    map[string]int
	Curve     template.HTML
	First     float64
	Last      float64
	Scenes    []sceneRow
	Scores    scoreSummary
	Style     *styleMove
	Stages    []stageRow
	HasScores bool
}

type stageRow struct {
	Name string
	Took string
}

type sceneRow struct {
	Number, Seed            int
	Prompt, Negative        string
	Before, After           template.URL
	LogitBefore, LogitAfter string
	MarkBefore, MarkAfter   string
}

type scoreSummary struct {
	Pictures           int
	MeanClip, MeanMark float64
	Best, Worst        string
}

// styleMove is how far the scenes are, on average, from the training pictures in
// CLIP's space: 1 − cosine to their mean.
type styleMove struct{ Before, After float64 }

// report writes report.html, one page with everything in it.
func (st *story) report(ctx context.Context) error {
	p := reportPage{HasScores: st.clip != nil, Counts: map[string]int{}}
	i := st.pipe.Info()
	p.Info = fmt.Sprintf("%s on %s, %s, sampler %s", i.Family, i.Device, i.Precision, i.Sampler)
	p.Settings = fmt.Sprintf("%d steps, guidance %g; adapter of rank %d, alpha %g, %d steps of %d at %g, scale %g",
		st.Steps, st.Guidance, st.Rank, st.Alpha, st.TrainSteps, st.Batch, st.LearningRate, st.LoraScale)
	if err := st.readJSON("dropped.json", &p.Dropped); err != nil {
		return err
	}
	for _, d := range p.Dropped {
		p.Counts[d.Op]++
	}
	if err := st.curve(&p); err != nil {
		return err
	}
	before, after := st.readScenes("before"), st.readScenes("scene")
	if err := st.sceneRows(ctx, &p, before, after); err != nil {
		return err
	}
	if st.clip != nil {
		if err := st.summarize(&p); err != nil {
			return err
		}
		move, err := st.styleMove(ctx, before, after)
		if err != nil {
			return err
		}
		p.Style = move
	}
	sheet, err := os.ReadFile(st.path("sheet.png"))
	if err != nil {
		return err
	}
	p.Sheet = dataURL(sheet)
	for _, g := range st.stages() {
		if f, ok := st.done[g.name]; ok && g.name != "report" {
			p.Stages = append(p.Stages, stageRow{g.name, f.Took.Round(10 * time.Millisecond).String()})
		}
	}
	t, err := template.New("report").Parse(page)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := t.Execute(&b, p); err != nil {
		return err
	}
	return writeFile(st.path("report.html"), b.Bytes())
}

func dataURL(pngBytes []byte) template.URL {
	return template.URL("data:image/png;base64," + base64.StdEncoding.EncodeToString(pngBytes))
}

// thumb is a picture of at most 256 pixels a side, as a data URL.
func thumb(m image.Image) (template.URL, error) {
	if m == nil {
		return "", nil
	}
	w, h := m.Bounds().Dx(), m.Bounds().Dy()
	if s := float64(max(w, h)) / 256; s > 1 {
		small, err := grid.Resize(m, int(float64(w)/s), int(float64(h)/s), grid.Bicubic)
		if err != nil {
			return "", err
		}
		m = small
	}
	var b bytes.Buffer
	err := png.Encode(&b, m)
	return dataURL(b.Bytes()), err
}

// curve draws the loss, smoothed over a tenth of the steps, as SVG.
func (st *story) curve(p *reportPage) error {
	var losses []float64
	if err := st.readJSON("losses.json", &losses); err != nil {
		return err
	}
	window := max(len(losses)/10, 1)
	smooth := make([]float64, len(losses))
	for i := range losses {
		from := max(0, i-window+1)
		for _, v := range losses[from : i+1] {
			smooth[i] += v / float64(i+1-from)
		}
	}
	if len(smooth) == 0 {
		return nil
	}
	p.First, p.Last = smooth[min(window, len(smooth))-1], smooth[len(smooth)-1]
	p.Curve = template.HTML(polyline(losses, top(losses), "#ccd") + polyline(smooth, top(losses), "#36c"))
	return nil
}

// top is the largest of values.
func top(v []float64) float64 {
	largest := 1e-9
	for _, x := range v {
		if !math.IsNaN(x) {
			largest = max(largest, x)
		}
	}
	return largest
}

// polyline draws values from 0 to top over a field of 600×160.
func polyline(v []float64, top float64, colour string) string {
	var b strings.Builder
	for i, x := range v {
		if !math.IsNaN(x) {
			fmt.Fprintf(&b, "%.1f,%.1f ", 600*float64(i)/float64(max(len(v)-1, 1)), 158-150*x/top)
		}
	}
	return `<polyline fill="none" stroke="` + colour + `" stroke-width="1.5" points="` + b.String() + `"/>`
}

func (st *story) sceneRows(ctx context.Context, p *reportPage, before, after []image.Image) error {
	logits, marks, err := st.rate(ctx, before, after)
	if err != nil {
		return err
	}
	for i, s := range scenes {
		row := sceneRow{Number: i + 1, Seed: int(s.seed), Prompt: s.prompt, Negative: common + s.negative}
		if row.Before, err = thumb(before[i]); err == nil {
			row.After, err = thumb(after[i])
		}
		if err != nil {
			return err
		}
		row.LogitBefore, row.LogitAfter = at(logits, i), at(logits, len(scenes)+i)
		row.MarkBefore, row.MarkAfter = at(marks, i), at(marks, len(scenes)+i)
		p.Scenes = append(p.Scenes, row)
	}
	return nil
}

func at(v []float32, i int) string {
	if i >= len(v) {
		return ""
	}
	return fmt.Sprintf("%.2f", v[i])
}

// rate scores the scenes, those before and those after, against their prompts.
func (st *story) rate(ctx context.Context, before, after []image.Image) (logits, marks []float32, err error) {
	if st.clip == nil {
		return nil, nil, nil
	}
	var texts []string
	pics := append(append([]image.Image{}, before...), after...)
	for i := range pics {
		if pics[i] == nil {
			return nil, nil, nil // the sheet and the page say which is missing
		}
		texts = append(texts, scenes[i%len(scenes)].prompt)
	}
	pairs, err := st.clip.ScorePairs(ctx, texts, pics)
	if err != nil {
		return nil, nil, err
	}
	marks, err = st.marks(ctx, pics)
	return pairs.Logits, marks, err
}

// summarize reads scores.csv.
func (st *story) summarize(p *reportPage) error {
	f, err := os.Open(st.path("scores.csv"))
	if err != nil {
		return err
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		return err
	}
	best, worst := math.Inf(-1), math.Inf(1)
	for _, r := range rows[min(1, len(rows)):] {
		var logit, mark float64
		fmt.Sscan(r[2], &logit)
		fmt.Sscan(r[3], &mark)
		p.Scores.Pictures++
		p.Scores.MeanClip += logit
		p.Scores.MeanMark += mark
		if logit > best {
			best, p.Scores.Best = logit, fmt.Sprintf("%s (%.2f): %s", r[0], logit, r[1])
		}
		if logit < worst {
			worst, p.Scores.Worst = logit, fmt.Sprintf("%s (%.2f): %s", r[0], logit, r[1])
		}
	}
	n := float64(max(p.Scores.Pictures, 1))
	p.Scores.MeanClip /= n
	p.Scores.MeanMark /= n
	return nil
}

// styleMove measures how near the scenes are to the training pictures.
func (st *story) styleMove(ctx context.Context, before, after []image.Image) (*styleMove, error) {
	d, err := dataset.Open(st.path("lora_dataset", "train"))
	if err != nil {
		return nil, err
	}
	defer d.Close()
	var pics []image.Image
	for p := range readable(ctx, d) {
		pics = append(pics, p.image)
	}
	style, err := st.clip.EmbedImages(ctx, pics)
	if err != nil {
		return nil, err
	}
	var move styleMove
	for _, side := range []struct {
		pics []image.Image
		to   *float64
	}{{before, &move.Before}, {after, &move.After}} {
		for _, m := range side.pics {
			if m == nil {
				return nil, nil
			}
		}
		embeds, err := st.clip.EmbedImages(ctx, side.pics)
		if err != nil {
			return nil, err
		}
		*side.to = meanDistance(embeds, style)
	}
	return &move, nil
}

// meanDistance is 1 − cosine, over all pairs.
func meanDistance(a, b [][]float32) float64 {
	sum := 0.0
	for _, x := range a {
		for _, y := range b {
			c, err := clip.Cosine(x, y)
			if err != nil {
				return math.NaN()
			}
			sum += 1 - float64(c)
		}
	}
	return sum / float64(len(a)*len(b))
}
