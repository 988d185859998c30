// Command generate paints a picture from a prompt.
//
//	go run ./examples/generate -prompt "二次元,紫色长发少女,在台上唱歌"
//
// Without -model it paints with the small checkpoint that examples/tiny embeds, and
// needs nothing else. With -model it opens a folder in diffusers' layout or a single
// file of Stable Diffusion 1.x, SDXL or Kolors. Ctrl-C ends a run and leaves no file.
package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"image"
	"log/slog"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"

	_ "image/jpeg"
	_ "image/png"

	"github.com/easel-go/easel/diffusion"
	"github.com/easel-go/easel/examples/tiny"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

// flags are what the command line says.
type flags struct {
	model, vae, variant, numerics, precision, tokenizer, config string
	out, start, mask, options, seeds                            string
	threads                                                     int
	quiet, verbose                                              bool
	request                                                     diffusion.Request
}

func run(ctx context.Context, args []string) error {
	f, err := parse(args)
	if err != nil {
		return err
	}
	pipe, err := open(f)
	if err != nil {
		return err
	}
	defer pipe.Close()
	if !f.quiet {
		i := pipe.Info()
		fmt.Printf("%s on %s, %s, %d MB mapped\n", i.Family, i.Device, i.Precision, i.Mapped>>20)
	}
	r := f.request
	if !f.quiet {
		r.OnStep = progress()
	}
	start := time.Now()
	res, err := pipe.Generate(ctx, r)
	if err != nil {
		return err
	}
	return write(f, res, time.Since(start))
}

func parse(args []string) (*flags, error) {
	f := &flags{}
	r := &f.request
	fs := flag.NewFlagSet("generate", flag.ContinueOnError)
	fs.StringVar(&r.Prompt, "prompt", "二次元,一个紫色短发小女孩穿着粉色连衣裙,在海边,微笑,戴着草帽", "what to paint")
	fs.StringVar(&r.NegativePrompt, "negative", "", "what not to paint")
	fs.StringVar(&r.Prompt2, "prompt2", "", "the prompt for SDXL's second text encoder")
	fs.StringVar(&r.NegativePrompt2, "negative2", "", "the negative prompt for SDXL's second text encoder")
	fs.BoolVar(&r.PromptWeights, "weights", false, "read (word:1.2) in prompts as emphasis")
	fs.BoolVar(&r.LongPrompt, "long", false, "read prompts beyond 77 tokens")
	fs.IntVar(&r.Width, "width", 0, "in pixels, a multiple of 8; 0 for the model's own")
	fs.IntVar(&r.Height, "height", 0, "in pixels, a multiple of 8; 0 for the model's own")
	fs.IntVar(&r.Steps, "steps", 20, "steps")
	fs.Float64Var(&r.GuidanceScale, "guidance", 0, "guidance scale; 0 for the model's own")
	fs.Float64Var(&r.GuidanceRescale, "rescale", 0, "guidance rescale, 0 to 1")
	fs.Float64Var(&r.Eta, "eta", 0, "noise that DDIM adds again, 0 to 1")
	fs.IntVar(&r.ClipSkip, "clip-skip", 0, "layers of the text encoder to leave out")
	fs.Uint64Var(&r.Seed, "seed", 0, "seed")
	fs.StringVar(&f.seeds, "seeds", "", "comma-separated seeds, a picture for each")
	fs.IntVar(&r.N, "n", 0, "pictures from one seed")
	fs.StringVar((*string)(&r.Noise), "noise", "cpu", "whose random numbers: cpu or cuda (torch), cpu-f16 or cuda-f16")
	fs.StringVar((*string)(&r.Sampler), "sampler", "", `a sampler, such as "DPM++ 2M Karras"; "" for the model's own`)
	fs.StringVar(&f.options, "sampler-options", "", "comma-separated key=value of diffusers' scheduler_config.json")
	fs.StringVar(&f.start, "start", "", "a picture to start from")
	fs.Float64Var(&r.Strength, "strength", 0, "how much of -start to paint anew, 0 to 1")
	fs.StringVar(&f.mask, "mask", "", "a picture, white where -start is to be painted anew")
	fs.BoolVar(&r.Tiled, "tiled", false, "decode large pictures in tiles")
	fs.StringVar(&f.model, "model", "", "a folder or file; without it the embedded tiny checkpoint")
	fs.StringVar(&f.vae, "vae", "", "another autoencoder: a folder or file")
	fs.StringVar(&f.tokenizer, "tokenizer", "", "a folder with another tokenizer")
	fs.StringVar(&f.config, "config", "", "a folder with configs for a single file of unusual sizes")
	fs.StringVar(&f.variant, "variant", "", "variant of the weights' files, such as fp16")
	fs.StringVar(&f.numerics, "numerics", "", "diffusers or diffsynth")
	fs.StringVar(&f.precision, "precision", "f32", "f32 or bf16")
	fs.IntVar(&f.threads, "threads", 0, "threads; 0 for all")
	fs.StringVar(&f.out, "o", "picture.png", "the file to write; more pictures get -1, -2 … before the ending")
	fs.BoolVar(&f.quiet, "q", false, "print nothing")
	fs.BoolVar(&f.verbose, "v", false, "log what is opened and how long it takes")
	if err := fs.Parse(args); err != nil {
		return nil, err
	}
	if fs.NArg() > 0 {
		return nil, fmt.Errorf("unexpected argument %q", fs.Arg(0))
	}
	return f, f.rest()
}

// rest reads what flags alone cannot.
func (f *flags) rest() (err error) {
	for s := range strings.SplitSeq(f.seeds, ",") {
		if s == "" {
			continue
		}
		seed, err := strconv.ParseUint(strings.TrimSpace(s), 10, 64)
		if err != nil {
			return fmt.Errorf("-seeds: %w", err)
		}
		f.request.Seeds = append(f.request.Seeds, seed)
	}
	for o := range strings.SplitSeq(f.options, ",") {
		key, value, ok := strings.Cut(o, "=")
		if !ok {
			continue
		}
		if f.request.SamplerOptions == nil {
			f.request.SamplerOptions = map[string]any{}
		}
		f.request.SamplerOptions[strings.TrimSpace(key)] = guess(strings.TrimSpace(value))
	}
	if f.start != "" {
		if f.request.Start, err = picture(f.start); err != nil {
			return err
		}
	}
	if f.mask != "" {
		f.request.Mask, err = picture(f.mask)
	}
	return err
}

// guess reads a number or a truth value, or else text.
func guess(s string) any {
	if b, err := strconv.ParseBool(s); err == nil && len(s) > 1 {
		return b
	}
	if x, err := strconv.ParseFloat(s, 64); err == nil {
		return x
	}
	return s
}

func picture(path string) (image.Image, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	m, _, err := image.Decode(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return m, nil
}

func open(f *flags) (*diffusion.Pipeline, error) {
	opts := []diffusion.Option{diffusion.WithPrecision(diffusion.Precision(f.precision))}
	if f.verbose {
		opts = append(opts, diffusion.WithLogger(slog.Default()))
	}
	if f.threads > 0 {
		opts = append(opts, diffusion.WithThreads(f.threads))
	}
	for _, o := range []struct {
		value string
		with  func(string) diffusion.Option
	}{
		{f.vae, diffusion.WithVAE}, {f.variant, diffusion.WithVariant}, {f.tokenizer, diffusion.WithTokenizer}, {f.config, diffusion.WithConfig},
		{f.numerics, func(s string) diffusion.Option { return diffusion.WithNumerics(diffusion.Numerics(s)) }},
	} {
		if o.value != "" {
			opts = append(opts, o.with(o.value))
		}
	}
	if f.model == "" {
		if f.request.GuidanceScale == 0 {
			f.request.GuidanceScale = 4 // what the tiny checkpoint looks best with
		}
		opts = append(opts, diffusion.WithFS(tiny.FS()))
	}
	return diffusion.Open(cmp.Or(f.model, "kolors"), opts...)
}

// progress draws a bar that also says how long the rest will take.
func progress() func(diffusion.Step) error {
	var bar *progressbar.ProgressBar
	return func(s diffusion.Step) error {
		if bar == nil {
			bar = progressbar.NewOptions(s.Total, progressbar.OptionSetDescription("painting"), progressbar.OptionShowCount(),
				progressbar.OptionSetPredictTime(true), progressbar.OptionSetWriter(os.Stderr), progressbar.OptionOnCompletion(func() { fmt.Fprintln(os.Stderr) }))
		}
		return bar.Set(s.Index)
	}
}

func write(f *flags, res *diffusion.Result, took time.Duration) error {
	if res.Cut > 0 && !f.quiet {
		fmt.Printf("%d tokens of the prompt did not fit and were left out; -long reads them\n", res.Cut)
	}
	for i := range res.Images {
		name := f.out
		if len(res.Images) > 1 {
			stem := strings.TrimSuffix(name, ".png")
			name = fmt.Sprintf("%s-%d.png", stem, i+1)
		}
		if err := diffusion.WritePNG(name, res, i); err != nil {
			return err
		}
		if !f.quiet {
			fmt.Printf("%s: seed %d\n", name, res.Seeds[i])
		}
	}
	if !f.quiet {
		fmt.Printf("%d pictures in %.2fs\n", len(res.Images), took.Seconds())
	}
	return nil
}
