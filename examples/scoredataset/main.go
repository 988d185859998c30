// Command scoredataset scores the pictures of a dataset: how well each fits its
// caption, and how good it looks.
//
//	go run ./examples/scoredataset
//	go run ./examples/scoredataset -fetch -model openai/clip-vit-base-patch32 -head sa_0_4_vit_b_32_linear.pth lora_dataset
//	go run ./examples/scoredataset -resume -search "夜空,星星" lora_dataset
//
// It writes, below -out, scores.csv with a row for each picture, pictures.index with the
// pictures' embeddings, histogram.png, and sheet.png with the best and the worst.
// Without arguments it scores the pictures of examples/tiny with the models there.
//
// Ctrl-C ends a run and leaves what is scored; -resume goes on with it. -search also
// prints the pictures nearest to a text.
package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"

	"github.com/easel-go/easel/clip"
	"github.com/easel-go/easel/dataset"
	"github.com/easel-go/easel/examples/tiny"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "scoredataset:", err)
		os.Exit(1)
	}
}

// flags are what the command line says.
type flags struct {
	dataset, split                    string
	model, head, predictor, precision string
	out, by, search                   string
	ends, threads                     int
	fetch, resume, quiet              bool
}

func parse(args []string) (f flags, err error) {
	set := flag.NewFlagSet("scoredataset", flag.ContinueOnError)
	set.StringVar(&f.split, "split", "", "split of the dataset; train, or the only one")
	set.StringVar(&f.model, "model", "", "CLIP model: a folder, a file or a name on a hub; without it that of examples/tiny")
	set.StringVar(&f.head, "head", "", "an aesthetics head for the model's embeddings: a file")
	set.StringVar(&f.predictor, "predictor", "", "an aesthetics predictor with a picture tower of its own: a folder or a name on a hub")
	set.StringVar(&f.precision, "precision", "f32", "f32 or bf16")
	set.IntVar(&f.threads, "threads", 0, "threads; 0 for all")
	set.BoolVar(&f.fetch, "fetch", false, "fetch models and dataset from their hubs first")
	set.StringVar(&f.out, "out", "scores", "the folder to write to")
	set.BoolVar(&f.resume, "resume", false, "go on with what is in the folder")
	set.StringVar(&f.by, "by", "fit", "what best and worst mean: fit (to the caption) or aesthetics")
	set.IntVar(&f.ends, "ends", 8, "how many of the best and of the worst to show")
	set.StringVar(&f.search, "search", "", "print the pictures nearest to this text")
	set.BoolVar(&f.quiet, "q", false, "no progress bar")
	if err := set.Parse(args); err != nil {
		return f, err
	}
	switch {
	case set.NArg() > 1:
		return f, fmt.Errorf("one dataset at a time, not %q", set.Args())
	case f.by != "fit" && f.by != "aesthetics":
		return f, fmt.Errorf("-by %s, want fit or aesthetics", f.by)
	case f.ends < 1:
		return f, fmt.Errorf("-ends %d, want at least 1", f.ends)
	}
	f.dataset = set.Arg(0)
	return f, nil
}

func run(ctx context.Context, args []string, w io.Writer) error {
	f, err := parse(args)
	if err != nil {
		return err
	}
	d, err := openDataset(ctx, f)
	if err != nil {
		return err
	}
	defer d.Close()
	j, err := openJudge(ctx, f)
	if err != nil {
		return err
	}
	defer j.close()
	if err := os.MkdirAll(f.out, 0o777); err != nil {
		return err
	}
	index, err := openIndex(f, j.model.Info().Dim)
	if err != nil {
		return err
	}
	defer index.Close()
	scored := score(ctx, d, j, index, f)
	if err := index.Save(indexPath(f)); err != nil {
		return err
	}
	if scored != nil {
		return scored
	}
	if err := report(w, d, f); err != nil || f.search == "" {
		return err
	}
	return search(ctx, w, j.model, index, f)
}

func openDataset(ctx context.Context, f flags) (*dataset.Dataset, error) {
	var opts []dataset.Option
	if f.split != "" {
		opts = append(opts, dataset.WithSplit("default", f.split))
	}
	if f.dataset == "" {
		return dataset.Open("pictures/metadata.jsonl", append(opts, dataset.WithFS(tiny.FS()))...)
	}
	if f.fetch {
		return dataset.Load(ctx, f.dataset, opts...)
	}
	return dataset.Open(f.dataset, opts...)
}

func indexPath(f flags) string { return filepath.Join(f.out, "pictures.index") }

// openIndex goes on with the index of an earlier run, if that is wanted and there.
func openIndex(f flags, dim int) (*clip.Index, error) {
	if _, err := os.Stat(indexPath(f)); err != nil || !f.resume {
		return clip.NewIndex(dim)
	}
	index, err := clip.OpenIndex(indexPath(f))
	if err == nil && index.Dim() != dim {
		index.Close()
		err = fmt.Errorf("%s has vectors of %d numbers, the model gives %d: not a run to resume", indexPath(f), index.Dim(), dim)
	}
	return index, err
}

// search prints the pictures nearest to a text.
func search(ctx context.Context, w io.Writer, m *clip.Model, index *clip.Index, f flags) error {
	text, err := m.EmbedTexts(ctx, []string{f.search})
	if err != nil {
		return err
	}
	found, err := index.Search(ctx, clip.Query{Vector: text[0], N: f.ends})
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "\nnearest to %q:\n", f.search)
	for _, m := range found {
		fmt.Fprintf(w, "  %.3f  %s\n", m.Cosine, m.ID)
	}
	return nil
}

// openJudge opens the models, fetched first if that is wanted.
func openJudge(ctx context.Context, f flags) (_ *judge, err error) {
	opts := []clip.Option{clip.WithPrecision(clip.Precision(f.precision))}
	if f.threads > 0 {
		opts = append(opts, clip.WithThreads(f.threads))
	}
	own := opts
	if f.model == "" {
		own = append(own, clip.WithFS(tiny.FS()))
	}
	for _, name := range []string{f.model, f.predictor} {
		if _, here := os.Stat(name); f.fetch && name != "" && here != nil {
			if _, err := clip.Fetch(ctx, name); err != nil {
				return nil, err
			}
		}
	}
	j := &judge{}
	defer func() {
		if err != nil {
			j.close()
		}
	}()
	if j.model, err = clip.Open(cmp.Or(f.model, "clip"), own...); err != nil {
		return nil, err
	}
	if f.predictor != "" {
		j.predictor, err = clip.OpenAesthetics(f.predictor, opts...)
		return j, err
	}
	if f.head != "" {
		j.head, err = clip.OpenHead(f.head)
	} else if f.model == "" {
		j.head, err = clip.OpenHead("aesthetics/head.safetensors", clip.WithFS(tiny.FS()))
	}
	return j, err
}
