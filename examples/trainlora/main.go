// Command trainlora trains a style on a folder of pictures with captions, and shows
// what it changed.
//
//	go run ./examples/trainlora
//	go run ./examples/trainlora -model Kolors-diffusers -data data/lora_dataset/train -size 1024 -checkpointing
//	go run ./examples/trainlora -convert style.ckpt -to diffusers -o style.safetensors
//
// Without -model and -data it trains the small checkpoint of examples/tiny on what the
// recipe there keeps of its picture book, which takes seconds. It writes, below -out, what Lightning writes
// (lightning_logs/version_N with checkpoints, metrics.csv and TensorBoard's events), and
// loss.png, before_after.png and style.safetensors.
//
// Ctrl-C ends a training; -resume goes on from its newest checkpoint, bit by bit as if
// it had not been cut off. -convert writes an adapter of any tool in another dialect.
package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"

	"github.com/easel-go/easel/diffusion"
	"github.com/easel-go/easel/examples/tiny"
	"github.com/easel-go/easel/lora"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "trainlora:", err)
		os.Exit(1)
	}
}

// flags are what the command line says.
type flags struct {
	model, data, split, variant, numerics string
	out, precision, recipe                string
	convert, to, output                   string
	alpha                                 float64
	size, threads                         int
	quiet                                 bool
	config                                lora.Config
}

func parse(args []string) (*flags, error) {
	f := &flags{}
	c := &f.config
	set := flag.NewFlagSet("trainlora", flag.ContinueOnError)
	set.StringVar(&f.model, "model", "", "a folder or file; without it the embedded tiny checkpoint")
	set.StringVar(&f.data, "data", "", "a folder of pictures with metadata.csv or the like; without it those of examples/tiny")
	set.StringVar(&f.recipe, "recipe", "", "a Data-Juicer recipe that chooses among the pictures of -data, a metadata.jsonl then; without -data that of examples/tiny")
	set.StringVar(&f.split, "split", "", "split of the dataset; train, or the only one")
	set.StringVar(&f.variant, "variant", "", "variant of the weights' files, such as fp16")
	set.StringVar(&f.numerics, "numerics", "", "diffusers or diffsynth")
	set.StringVar(&f.out, "out", "trained", "the folder to write to")
	set.StringVar(&f.precision, "precision", "16-mixed", "16-mixed, bf16-mixed or 32")
	set.IntVar(&f.threads, "threads", 0, "threads; 0 for all")
	set.IntVar(&c.Rank, "rank", 16, "rank of the matrices")
	set.Float64Var(&c.Alpha, "alpha", 4, "the change is scaled by alpha/rank")
	set.BoolVar(&c.TextEncoders, "text-encoders", false, "train the text encoders too, of SD 1.x and SDXL")
	set.Float64Var(&c.TextLearningRate, "text-lr", 0, "their learning rate; that of -lr")
	set.Float64Var(&c.LearningRate, "lr", 0, "learning rate; 1e-4, and 2.5e-3 for the tiny checkpoint")
	set.StringVar(&c.Schedule, "schedule", "constant", "constant, constant_with_warmup, linear, cosine, cosine_with_restarts or polynomial")
	set.IntVar(&c.Warmup, "warmup", 0, "steps in which the learning rate grows")
	set.IntVar(&c.Epochs, "epochs", 1, "epochs")
	set.IntVar(&c.StepsPerEpoch, "steps", 0, "batches an epoch; 500, and 350 for the tiny checkpoint")
	set.IntVar(&c.Batch, "batch", 0, "pictures a batch; 1, and 4 for the tiny checkpoint")
	set.IntVar(&c.Accumulate, "accumulate", 1, "batches a step of the optimiser")
	set.IntVar(&f.size, "size", 0, "height and width of the training pictures; the model's own")
	set.BoolVar(&c.CenterCrop, "center", true, "crop the middle of pictures instead of anywhere")
	set.BoolVar(&c.Flip, "flip", false, "mirror half of the pictures")
	set.Float64Var(&c.MinSNR, "min-snr", 0, "cap of the signal-to-noise weight, 5 for one")
	set.Float64Var(&c.NoiseOffset, "noise-offset", 0, "noise added to whole channels")
	set.Float64Var(&c.CaptionDropout, "caption-dropout", 0, "share of pictures learned without caption")
	set.Float64Var(&c.ClipNorm, "clip", 0, "largest length of the gradients; 0 for any")
	set.BoolVar(&c.Checkpointing, "checkpointing", false, "less memory for more time")
	set.IntVar(&c.SaveEvery, "save-every", 100, "steps between checkpoints")
	set.IntVar(&c.SampleEvery, "sample-every", 0, "steps between sample pictures; 0 for those at the end alone")
	set.StringVar(&c.Resume, "resume", "", "a checkpoint to go on from")
	set.Uint64Var(&c.Seed, "seed", 0, "seed")
	set.BoolVar(&f.quiet, "q", false, "print nothing on the way")
	set.StringVar(&f.convert, "convert", "", "an adapter to write in another dialect, instead of training")
	set.StringVar(&f.to, "to", "diffusers", "the dialect: diffusers, peft, kohya or diffsynth")
	set.StringVar(&f.output, "o", "", "the file or folder to write the converted adapter to")
	set.Float64Var(&f.alpha, "with-alpha", 0, "alpha of an adapter whose file has none, such as DiffSynth-Studio's")
	if err := set.Parse(args); err != nil {
		return nil, err
	}
	if set.NArg() > 0 {
		return nil, fmt.Errorf("unexpected argument %q", set.Arg(0))
	}
	f.fill()
	return f, nil
}

// fill chooses what suits the model where the command line says nothing.
func (f *flags) fill() {
	c := &f.config
	c.Dir, c.Height, c.Width, c.Precision = f.out, f.size, f.size, lora.TrainPrecision(f.precision)
	if f.model == "" {
		c.LearningRate, c.StepsPerEpoch, c.Batch = cmp.Or(c.LearningRate, 2.5e-3), cmp.Or(c.StepsPerEpoch, 350), cmp.Or(c.Batch, 4)
	}
	if !f.quiet {
		c.Log = slog.Default()
	}
}

func run(ctx context.Context, args []string, w io.Writer) error {
	f, err := parse(args)
	if err != nil {
		return err
	}
	if f.convert != "" {
		return convert(f, w)
	}
	pipe, err := open(f)
	if err != nil {
		return err
	}
	defer pipe.Close()
	data, err := choose(ctx, f, w)
	if err != nil {
		return err
	}
	defer data.Close()
	return trainAndShow(ctx, f, pipe, data, w)
}

func open(f *flags) (*diffusion.Pipeline, error) {
	var opts []diffusion.Option
	if f.threads > 0 {
		opts = append(opts, diffusion.WithThreads(f.threads))
	}
	if f.variant != "" {
		opts = append(opts, diffusion.WithVariant(f.variant))
	}
	if f.numerics != "" {
		opts = append(opts, diffusion.WithNumerics(diffusion.Numerics(f.numerics)))
	}
	if f.model == "" {
		opts = append(opts, diffusion.WithFS(tiny.FS()))
	}
	return diffusion.Open(cmp.Or(f.model, "kolors"), opts...)
}
