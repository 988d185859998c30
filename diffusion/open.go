package diffusion

import (
	"io/fs"
	"log/slog"
	"runtime"
	"time"

	"github.com/easel-go/easel/internal/engine"
	"github.com/easel-go/easel/internal/engine/cpu"
	"github.com/easel-go/easel/internal/fault"
	"github.com/easel-go/easel/internal/model"
	"github.com/easel-go/easel/internal/sampler"
	"github.com/easel-go/easel/internal/weights"
)

// Precision is the number format of the factors of matrix products. Sums are float32
// in all of them.
type Precision string

// The precisions. A CPU has F32, the default, and BF16.
const (
	F32  Precision = "f32"
	BF16 Precision = "bf16"
)

// Numerics says whose arithmetic a pipeline follows where two programs differ on the
// same weights.
type Numerics = model.Numerics

// The numerics: diffusers, the default, or DiffSynth-Studio of August 2024, whose
// SDXL and Kolors have other epsilons in two norms, another sampler
// (EnhancedDDIM), mean latents in image-to-image, and pictures truncated to 8 bits.
const (
	Diffusers = model.LikeDiffusers
	DiffSynth = model.LikeDiffSynth
)

// Option changes how Open loads a Pipeline.
type Option func(*options) error

type options struct {
	model     model.Options
	device    string
	precision Precision
	threads   int
	cache     int64
	log       *slog.Logger
}

// Open loads the model at path: a folder in diffusers' layout (model_index.json and
// a folder for each part) or a single file, .safetensors or .ckpt, in CompVis' names
// (SD 1.x) or SGM's (SDXL). Which family it is follows from the files. Weights are
// mapped, so that opening takes milliseconds whatever their size.
//
// "hf:owner/name" and "ms:owner/name" are models that Fetch, or a hub's Python client,
// has put into the cache; Open never goes to the network.
//
// Errors: Missing for a part that is not there, Invalid for one of another family,
// Shape for weights that do not fit, Truncated for a file that ends early,
// Unsupported for a device, precision or kind of model that this build does not
// have.
func Open(path string, opts ...Option) (*Pipeline, error) {
	o := options{device: "cpu", precision: F32, log: slog.New(slog.DiscardHandler)}
	for _, opt := range opts {
		if err := opt(&o); err != nil {
			return nil, err
		}
	}
	if o.model.FS == nil {
		var err error
		if path, err = cached(path); err != nil {
			return nil, err
		}
	}
	if err := o.prepare(); err != nil {
		return nil, err
	}
	start := time.Now()
	b, err := model.Open(path, o.model)
	if err != nil {
		o.model.Engine.Close()
		return nil, err
	}
	p := &Pipeline{bundle: b, opts: o, turn: make(chan struct{}, 1)}
	p.turn <- struct{}{}
	if p.config, err = sampler.ParseConfig(b.Scheduler); err == nil && o.model.Numerics == DiffSynth {
		p.config, err = p.config.As("EnhancedDDIMScheduler")
	}
	if err != nil {
		b.Close()
		return nil, err
	}
	if b.Family() == weights.SD1 && o.model.Numerics != DiffSynth {
		// What StableDiffusionPipeline makes of files from before these options.
		p.config = withKnown(withKnown(p.config, "steps_offset", 1), "clip_sample", false)
	}
	o.log.Info("model opened", "path", path, "family", b.Family(), "mapped", b.Mapped(), "took", time.Since(start))
	return p, nil
}

// prepare turns device and precision into an engine.
func (o *options) prepare() error {
	switch o.device {
	case "cpu", "auto":
		o.model.Engine = cpu.New(cpu.Options{Threads: o.threads, Cache: o.cache})
	default:
		return &fault.Error{Kind: fault.Unsupported, Op: "diffusion", What: "device", Have: o.device, Want: "cpu; this build has no other"}
	}
	o.model.Compute = engine.Float32
	if o.precision == BF16 {
		o.model.Compute = engine.Bfloat16
	}
	return nil
}

// WithDevice computes on "cpu", the default, or on "auto", the fastest device there
// is.
func WithDevice(name string) Option {
	return func(o *options) error { o.device = name; return nil }
}

// WithPrecision takes the factors of matrix products as pr. The default is F32.
func WithPrecision(pr Precision) Option {
	return func(o *options) error {
		if pr != F32 && pr != BF16 {
			return &fault.Error{Kind: fault.Unsupported, Op: "diffusion", What: "precision", Have: string(pr), Want: "f32 or bf16 on a CPU"}
		}
		o.precision = pr
		return nil
	}
}

// WithThreads computes on n threads. The default is GOMAXPROCS when Open is called.
// Pictures do not depend on it.
func WithThreads(n int) Option {
	return func(o *options) error {
		if n < 1 || n > 4*max(runtime.NumCPU(), 64) {
			return fault.Newf(fault.Invalid, "diffusion", "%d threads, want at least 1", n)
		}
		o.threads = n
		return nil
	}
}

// WithVAE takes the autoencoder from another folder or file.
func WithVAE(path string) Option {
	return func(o *options) error { o.model.VAE = path; return nil }
}

// WithTokenizer takes the tokenizer from another folder, and SDXL's second one from
// its subfolder tokenizer_2.
func WithTokenizer(dir string) Option {
	return func(o *options) error { o.model.Tokenizer = dir; return nil }
}

// WithConfig takes the configs of a single file of unusual sizes from a folder:
// unet/config.json, vae/config.json and text_encoder/config.json.
func WithConfig(dir string) Option {
	return func(o *options) error { o.model.Config = dir; return nil }
}

// WithVariant takes the files of a variant, "fp16" for one. Without it the plain
// files are taken, or those of fp16 where there are no others.
func WithVariant(name string) Option {
	return func(o *options) error { o.model.Variant = name; return nil }
}

// WithFS takes all paths from fsys. The files of an embedded file system are copied
// to memory once.
func WithFS(fsys fs.FS) Option {
	return func(o *options) error {
		if fsys == nil {
			return &fault.Error{Kind: fault.Invalid, Op: "diffusion", What: "file system", Have: "nil", Want: "one"}
		}
		o.model.FS = fsys
		return nil
	}
}

// WithMemoryLimit bounds the memory of intermediate results, in bytes. Fewer
// pictures are painted side by side then; a size that does not fit at all is an
// error of kind Limit. The default is no bound.
func WithMemoryLimit(bytes int64) Option {
	return func(o *options) error {
		if bytes <= 0 {
			return fault.Newf(fault.Invalid, "diffusion", "memory limit of %d bytes, want a positive number", bytes)
		}
		o.model.MemoryLimit = bytes
		return nil
	}
}

// WithWeightCache bounds the memory of derived forms of weights, which save time, in
// bytes. The default is none: they gain little.
func WithWeightCache(bytes int64) Option {
	return func(o *options) error {
		if bytes < 0 {
			return fault.Newf(fault.Invalid, "diffusion", "weight cache of %d bytes, want none or more", bytes)
		}
		o.cache = bytes
		if bytes == 0 {
			o.cache = -1
		}
		return nil
	}
}

// WithNumerics follows the arithmetic of Diffusers, the default, or DiffSynth.
func WithNumerics(n Numerics) Option {
	return func(o *options) error { o.model.Numerics = n; return nil }
}

// WithLogger tells l what is opened and painted, and how long it took. The default
// is silence.
func WithLogger(l *slog.Logger) Option {
	return func(o *options) error {
		if l == nil {
			return &fault.Error{Kind: fault.Invalid, Op: "diffusion", What: "logger", Have: "nil", Want: "one"}
		}
		o.log = l
		return nil
	}
}
