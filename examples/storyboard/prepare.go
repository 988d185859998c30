package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"fmt"
	"image"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"github.com/easel-go/easel/clip"
	"github.com/easel-go/easel/dataset"
	"github.com/easel-go/easel/examples/tiny"
	"github.com/easel-go/easel/filter"
)

// gather puts the dataset into pictures/, in the form that Data-Juicer's recipes read:
// pictures and metadata.jsonl.
func (st *story) gather(ctx context.Context) error {
	if st.Dataset == "" {
		return st.gatherTiny()
	}
	d, err := dataset.Load(ctx, st.Dataset, dataset.WithSplit(st.Subset, st.Split))
	if err != nil {
		return err
	}
	defer d.Close()
	w, err := dataset.CreateFolder(st.path("pictures"), dataset.WithMetadata(dataset.MetadataDataJuicer), dataset.Replace())
	if err != nil {
		return err
	}
	bar := st.bar("pictures", d.Len())
	n := 0
	for s, err := range d.All(ctx) {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err == nil {
			err = w.Write(s)
		}
		if err != nil {
			st.say("%s is left out: %v", s.ID, err)
		}
		n++
		bar(n)
	}
	return w.Close()
}

// gatherTiny writes the embedded pictures out as they are, damaged ones too.
func (st *story) gatherTiny() error {
	files, err := fs.Sub(tiny.FS(), "pictures")
	if err != nil {
		return err
	}
	names, err := fs.Glob(files, "*")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(st.path("pictures"), 0o755); err != nil {
		return err
	}
	for _, name := range names {
		b, err := fs.ReadFile(files, name)
		if err == nil {
			err = writeFile(st.path("pictures", name), b)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// recipeKey is the recipe's text.
func (s *settings) recipeKey() string {
	b, _ := s.recipe()
	return string(b)
}

func (s *settings) recipe() ([]byte, error) {
	if s.Recipe == "" {
		return fs.ReadFile(tiny.FS(), "recipe.yaml")
	}
	return os.ReadFile(s.Recipe)
}

// dropped is a picture that the recipe took out.
type dropped struct {
	Picture, Op, Why string
}

// filter runs the recipe. What it dropped, and why, is kept for the report.
func (st *story) filter(ctx context.Context) error {
	text, err := st.recipe()
	if err != nil {
		return err
	}
	recipe, err := filter.ParseRecipe(bytes.NewReader(text),
		"--dataset_path", st.path("pictures", "metadata.jsonl"), "--export_path", st.path("filtered", "result.jsonl"))
	if err != nil {
		return err
	}
	if err := os.MkdirAll(st.path("filtered"), 0o755); err != nil {
		return err
	}
	recipe.Models = &clip.Models{}
	total, err := st.count()
	if err != nil {
		return err
	}
	bar, n := st.bar("filter", total), 0
	var out []dropped
	recipe.OnSample = func(r *filter.Result) {
		n++
		bar(n)
		if !r.Kept {
			out = append(out, explain(r))
		}
	}
	report, err := recipe.Run(ctx)
	if err != nil {
		return err
	}
	st.say("%s", report)
	if err := report.WriteFile(st.path("filtered", "report.html")); err != nil {
		return err
	}
	return st.writeJSON("dropped.json", out)
}

// count returns how many samples were gathered.
func (st *story) count() (int, error) {
	d, err := dataset.Open(st.path("pictures", "metadata.jsonl"))
	if err != nil {
		return 0, err
	}
	defer d.Close()
	return d.Len(), nil
}

func explain(r *filter.Result) dropped {
	d := dropped{Picture: r.Sample.ID, Op: r.Failed()}
	if pics := r.Sample.Images(); len(pics) > 0 {
		d.Picture = pics[0].Name()
	}
	if r.Err != nil {
		d.Why = r.Err.Error()
	}
	for _, v := range r.Verdicts {
		if !v.Kept {
			d.Why = v.String()
		}
	}
	return d
}

// score compares every picture that is left with its caption and marks its looks, into
// scores.csv.
func (st *story) score(ctx context.Context) error {
	if st.clip == nil {
		st.say("%-24s left out: no -clip", "score")
		return nil
	}
	d, err := dataset.Open(st.path("filtered", "result.jsonl"))
	if err != nil {
		return err
	}
	defer d.Close()
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	w.Write([]string{"file", "text", "clip", "aesthetics"})
	bar, n := st.bar("score", d.Len()), 0
	for batch := range dataset.Batches(readable(ctx, d), 8) {
		rows, err := st.scoreBatch(ctx, batch)
		if err != nil {
			return err
		}
		if err := w.WriteAll(rows); err != nil {
			return err
		}
		n += len(batch)
		bar(n)
	}
	bar(d.Len())
	w.Flush()
	if err := ctx.Err(); err != nil {
		return err
	}
	return writeFile(st.path("scores.csv"), b.Bytes())
}

// picture is a sample with its picture decoded.
type picture struct {
	name, text string
	image      image.Image
}

// readable yields the samples whose picture can be decoded.
func readable(ctx context.Context, d *dataset.Dataset) func(func(picture, error) bool) {
	return func(yield func(picture, error) bool) {
		for s, err := range d.All(ctx) {
			if err != nil || len(s.Images()) == 0 {
				continue
			}
			m, err := s.Images()[0].Decode()
			if err != nil {
				continue // cut pictures that Data-Juicer keeps
			}
			if !yield(picture{s.Images()[0].Name(), s.Text(), m}, nil) {
				return
			}
		}
	}
}

func (st *story) scoreBatch(ctx context.Context, batch []picture) ([][]string, error) {
	var texts []string
	var pics []image.Image
	for _, p := range batch {
		texts, pics = append(texts, p.text), append(pics, p.image)
	}
	pairs, err := st.clip.ScorePairs(ctx, texts, pics)
	if err != nil {
		return nil, err
	}
	marks, err := st.marks(ctx, pics)
	if err != nil {
		return nil, err
	}
	var rows [][]string
	for i, p := range batch {
		row := []string{filepath.Base(p.name), p.text, strconv.FormatFloat(float64(pairs.Logits[i]), 'f', 3, 32), ""}
		if marks != nil {
			row[3] = strconv.FormatFloat(float64(marks[i]), 'f', 3, 32)
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// marks rates how good pictures look; nil without a head.
func (st *story) marks(ctx context.Context, pics []image.Image) ([]float32, error) {
	if st.head == nil {
		return nil, nil
	}
	embeds, err := st.clip.EmbedImages(ctx, pics)
	if err != nil {
		return nil, err
	}
	return st.head.Rate(embeds)
}

// trainingFolder writes what is left of the dataset in the form that LoRA trainers
// read, lora_dataset/train with metadata.csv.
func (st *story) trainingFolder(ctx context.Context) (string, error) {
	d, err := dataset.Open(st.path("filtered", "result.jsonl"))
	if err != nil {
		return "", err
	}
	defer d.Close()
	dir := st.path("lora_dataset", "train")
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return "", err
	}
	w, err := dataset.CreateFolder(dir, dataset.Replace())
	if err != nil {
		return "", err
	}
	left := 0
	for s, err := range d.All(ctx) {
		if err == nil {
			err = w.Write(s)
		}
		if err != nil {
			st.say("%s is left out of the training: %v", s.ID, err)
			left++
		}
	}
	if err := ctx.Err(); err != nil {
		w.Abort()
		return "", err
	}
	if w.Done() == 0 {
		w.Abort()
		return "", fmt.Errorf("no picture is left to train on, %d cannot be read", left)
	}
	return dir, w.Close()
}
