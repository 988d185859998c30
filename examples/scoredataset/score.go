package main

import (
	"context"
	"errors"
	"fmt"
	"image"
	"math"
	"sync"

	"github.com/schollz/progressbar/v3"

	"github.com/easel-go/easel/clip"
	"github.com/easel-go/easel/dataset"
)

// judge has the models that rate pictures.
type judge struct {
	model     *clip.Model
	head      *clip.Head       // nil without one
	predictor *clip.Aesthetics // used instead of head if it is there
}

func (j *judge) close() {
	if j.model != nil {
		j.model.Close()
	}
	if j.predictor != nil {
		j.predictor.Close()
	}
}

// batchSize is how many pictures the towers see at a time.
const batchSize = 8

// item is a picture to score.
type item struct {
	entry
	source dataset.Image
	pixels image.Image
	scored bool // its row is in the table; only the index lacks it
}

// score writes a row for each picture that the table lacks, and adds its embedding to
// the index. What was written stays when ctx ends.
func score(ctx context.Context, d *dataset.Dataset, j *judge, index *clip.Index, f flags) error {
	t, err := openTable(f)
	if err != nil {
		return err
	}
	err = scoreAll(ctx, d, j, index, t, bar(d.Len(), f.quiet))
	return errors.Join(err, t.close())
}

func scoreAll(ctx context.Context, d *dataset.Dataset, j *judge, index *clip.Index, t *table, advance func()) error {
	indexed := map[string]bool{}
	for i := range index.Len() {
		indexed[index.ID(i)] = true
	}
	var batch []*item
	row := -1
	for s := range d.All(ctx) { // a sample that cannot be read says so in its Err
		row++
		for _, it := range items(s, row) {
			it.scored = t.has[it.ID]
			if it.scored && (indexed[it.ID] || it.source.String() == "") {
				continue
			}
			if batch = append(batch, it); len(batch) < batchSize {
				continue
			}
			if err := j.rate(ctx, batch, index, t); err != nil {
				return err
			}
			batch = batch[:0]
		}
		advance()
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return j.rate(ctx, batch, index, t)
}

// items are the pictures of a sample; one without any stands for its error.
func items(s *dataset.Sample, row int) []*item {
	pics := s.Images()
	if s.Err != nil || len(pics) == 0 {
		err := s.Err
		if err == nil {
			err = errors.New("no picture")
		}
		return []*item{{entry: entry{ID: s.ID, Row: row, Text: s.Text(), Fit: math.NaN(), Aesthetics: math.NaN(), Error: err.Error()}}}
	}
	var out []*item
	for i, p := range pics {
		id := s.ID
		if len(pics) > 1 {
			id = fmt.Sprintf("%s/%d", id, i)
		}
		out = append(out, &item{entry: entry{ID: id, Row: row, Picture: i, Text: s.Text(), Fit: math.NaN(), Aesthetics: math.NaN()}, source: p})
	}
	return out
}

// rate scores a batch. Pictures that cannot be read get a row that says why.
func (j *judge) rate(ctx context.Context, batch []*item, index *clip.Index, t *table) error {
	decode(batch)
	var good []*item
	var texts []string
	var pics []image.Image
	for _, it := range batch {
		if it.Error == "" {
			good, texts, pics = append(good, it), append(texts, it.Text), append(pics, it.pixels)
		}
	}
	if len(good) > 0 {
		if err := j.measure(ctx, good, texts, pics, index); err != nil {
			return err
		}
	}
	for _, it := range batch {
		if it.scored {
			continue
		}
		if err := t.add(it.entry); err != nil {
			return err
		}
	}
	return t.flush()
}

func (j *judge) measure(ctx context.Context, good []*item, texts []string, pics []image.Image, index *clip.Index) error {
	sights, err := j.model.EmbedImages(ctx, pics)
	if err != nil {
		return err
	}
	words, err := j.model.EmbedTexts(ctx, texts)
	if err != nil {
		return err
	}
	marks, err := j.marks(ctx, sights, pics)
	if err != nil {
		return err
	}
	for i, it := range good {
		fit, err := clip.Cosine(sights[i], words[i])
		if err != nil {
			return err
		}
		it.Fit, it.Cut = float64(fit), j.model.Cut(it.Text)
		if marks != nil {
			it.Aesthetics = float64(marks[i])
		}
		if err := index.Add(it.ID, sights[i]); err != nil {
			return err
		}
	}
	return nil
}

// marks are the aesthetics of a batch, nil without a head.
func (j *judge) marks(ctx context.Context, sights [][]float32, pics []image.Image) ([]float32, error) {
	switch {
	case j.predictor != nil:
		return j.predictor.Rate(ctx, pics)
	case j.head != nil:
		return j.head.Rate(sights)
	}
	return nil, nil
}

// decode reads the pictures of a batch side by side.
func decode(batch []*item) {
	var wg sync.WaitGroup
	for _, it := range batch {
		if it.Error != "" {
			continue
		}
		wg.Go(func() {
			var err error
			if it.pixels, err = it.source.Decode(); err != nil {
				it.Error = err.Error()
			}
		})
	}
	wg.Wait()
}

// bar draws progress and returns what moves it on.
func bar(n int, quiet bool) func() {
	if quiet {
		return func() {}
	}
	b := progressbar.Default(int64(n), "scoring")
	return func() { b.Add(1) }
}
