// Command loaddataset opens a dataset, says what it holds, and writes it in another
// form.
//
//	go run ./examples/loaddataset
//	go run ./examples/loaddataset -out lora_dataset/train -caption 二次元 AI-ModelScope/lowres_anime
//	go run ./examples/loaddataset -sheet sheet.png hf:owner/name
//
// The dataset is a path, or a name on ModelScope or (with hf: before it) on Hugging
// Face, which is fetched into the cache first. Without one it shows the pictures of
// examples/tiny. Ctrl-C ends a run; -resume goes on with it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"image"
	"image/png"
	"io"
	"os"
	"os/signal"
	"strings"

	"github.com/schollz/progressbar/v3"

	"github.com/easel-go/easel/dataset"
	"github.com/easel-go/easel/examples/tiny"
	"github.com/easel-go/easel/grid"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "loaddataset:", err)
		os.Exit(1)
	}
}

// flags are what the command line says.
type flags struct {
	name, subset, split, revision, cache string
	offline, quiet                       bool
	rows                                 int

	out, format, metadata, caption string
	resume, replace, originals     bool

	sheet           string
	columns, pieces int
}

func parse(args []string) (f flags, err error) {
	set := flag.NewFlagSet("loaddataset", flag.ContinueOnError)
	set.StringVar(&f.subset, "subset", "default", "subset of the dataset")
	set.StringVar(&f.split, "split", "", "split; train, or the only one")
	set.StringVar(&f.revision, "revision", "", "branch, tag or commit on the hub")
	set.StringVar(&f.cache, "cache", "", "folder for what is fetched; the hub's usual one")
	set.BoolVar(&f.offline, "offline", false, "use the cache alone")
	set.BoolVar(&f.quiet, "quiet", false, "no progress bar")
	set.IntVar(&f.rows, "rows", 3, "rows to show")
	set.StringVar(&f.out, "out", "", "where to write the dataset: a folder or a file")
	set.StringVar(&f.format, "format", "", "folder, jsonl, csv, parquet or webdataset; told from -out")
	set.StringVar(&f.metadata, "metadata", "csv", "table of a folder: csv (trainer), jsonl (imagefolder) or datajuicer")
	set.StringVar(&f.caption, "caption", "", "one text for all samples")
	set.BoolVar(&f.resume, "resume", false, "go on with an export that was interrupted")
	set.BoolVar(&f.replace, "replace", false, "replace a folder that is there")
	set.BoolVar(&f.originals, "originals", false, "keep the pictures' files instead of writing JPEGs")
	set.StringVar(&f.sheet, "sheet", "", "draw the first pictures on one page: a PNG file")
	set.IntVar(&f.columns, "columns", 8, "columns of the sheet")
	set.IntVar(&f.pieces, "pictures", 32, "pictures on the sheet")
	if err := set.Parse(args); err != nil {
		return f, err
	}
	if set.NArg() > 1 {
		return f, fmt.Errorf("one dataset at a time, not %q", set.Args())
	}
	f.name = set.Arg(0)
	return f, nil
}

func run(ctx context.Context, args []string, w io.Writer) error {
	f, err := parse(args)
	if err != nil {
		return err
	}
	d, err := open(ctx, f)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := describe(ctx, w, d, f); err != nil {
		return err
	}
	if f.sheet != "" {
		if err := drawSheet(ctx, d, f); err != nil {
			return err
		}
		fmt.Fprintln(w, "wrote", f.sheet)
	}
	if f.out == "" {
		return nil
	}
	return export(ctx, w, d, f)
}

func open(ctx context.Context, f flags) (*dataset.Dataset, error) {
	if f.name == "" {
		return dataset.Open("pictures", dataset.WithFS(tiny.FS()))
	}
	opts := []dataset.Option{dataset.WithSplit(f.subset, f.split), dataset.WithRevision(f.revision), dataset.WithCache(f.cache)}
	if f.offline {
		opts = append(opts, dataset.WithOffline())
	}
	if !f.quiet {
		bar := progressbar.DefaultBytes(1, "fetching")
		defer bar.Close()
		opts = append(opts, dataset.OnProgress(func(p dataset.Progress) {
			bar.ChangeMax64(max(1, p.All))
			bar.Set64(p.Done)
		}))
	}
	return dataset.Load(ctx, f.name, opts...)
}

// describe says what the dataset holds: its splits, columns and first rows, and the
// sizes of its pictures.
func describe(ctx context.Context, w io.Writer, d *dataset.Dataset, f flags) error {
	fmt.Fprintf(w, "split %q of %q: %d samples\n", d.Split(), d.Splits(), d.Len())
	for _, c := range d.Columns() {
		fmt.Fprintf(w, "  %-12s %v\n", c.Name, c.Type)
	}
	var s sizes
	for smp, err := range d.All(ctx) {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if s.samples++; s.samples <= f.rows {
			show(w, smp)
		}
		s.see(smp, err)
	}
	fmt.Fprint(w, s)
	return nil
}

func show(w io.Writer, s *dataset.Sample) {
	fmt.Fprintln(w, s.ID)
	for _, c := range s.Fields {
		text := fmt.Sprint(c.Value)
		if runes := []rune(text); len(runes) > 100 {
			text = string(runes[:100]) + "…"
		}
		fmt.Fprintf(w, "  %s: %s\n", c.Name, text)
	}
}

// sizes gathers what the pictures' headers say.
type sizes struct {
	samples, pictures, bad int
	small, large           image.Point
	first                  error
}

func (s *sizes) see(smp *dataset.Sample, err error) {
	for _, m := range smp.Images() {
		c, e := m.Config()
		if e != nil {
			err = e
			continue
		}
		p := image.Pt(c.Width, c.Height)
		if s.pictures == 0 || p.X*p.Y < s.small.X*s.small.Y {
			s.small = p
		}
		if p.X*p.Y > s.large.X*s.large.Y {
			s.large = p
		}
		s.pictures++
	}
	if err != nil {
		if s.bad++; s.first == nil {
			s.first = err
		}
	}
}

// String spells what was found, on one or two lines.
func (s sizes) String() string {
	var b strings.Builder
	if s.pictures > 0 {
		fmt.Fprintf(&b, "%d pictures from %v to %v\n", s.pictures, s.small, s.large)
	}
	if s.bad > 0 {
		fmt.Fprintf(&b, "%d samples are damaged, the first: %v\n", s.bad, s.first)
	}
	return b.String()
}

// drawSheet draws the first pictures on one page. A damaged one leaves a crossed cell.
func drawSheet(ctx context.Context, d *dataset.Dataset, f flags) error {
	var pictures []image.Image
	for s := range d.All(ctx) {
		for _, m := range s.Images() {
			p, _ := m.Decode()
			pictures = append(pictures, p)
		}
		if len(pictures) >= f.pieces {
			break
		}
	}
	sheet, err := grid.Tile(pictures[:min(len(pictures), f.pieces)], grid.Options{Columns: min(f.columns, max(1, len(pictures))), Gap: 4})
	if err != nil {
		return err
	}
	out, err := os.Create(f.sheet)
	if err != nil {
		return err
	}
	return errors.Join(png.Encode(out, sheet), out.Close())
}
