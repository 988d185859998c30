package clip

import (
	"io/fs"
	"runtime"

	"github.com/easel-go/easel/internal/engine"
	"github.com/easel-go/easel/internal/engine/cpu"
	"github.com/easel-go/easel/internal/fault"
	"github.com/easel-go/easel/internal/graph/plan"
)

// Precision is the number format of the factors of matrix products. Sums are float32
// in all of them.
type Precision string

// The precisions. A CPU has F32, the default, and BF16.
const (
	F32  Precision = "f32"
	BF16 Precision = "bf16"
)

// Option changes how a model is opened.
type Option func(*options) error

type options struct {
	fsys      fs.FS
	device    string
	precision Precision
	threads   int
	variant   string
	tokenizer string
	config    string
}

func newOptions(opts []Option) (*options, error) {
	o := &options{device: "cpu", precision: F32}
	for _, opt := range opts {
		if opt == nil {
			continue
		}
		if err := opt(o); err != nil {
			return nil, err
		}
	}
	return o, nil
}

// WithDevice computes on "cpu", the default, or on "auto", the fastest device there
// is.
func WithDevice(name string) Option {
	return func(o *options) error {
		if name != "cpu" && name != "auto" {
			return &fault.Error{Kind: fault.Unsupported, Op: "clip", What: "device", Have: name, Want: "cpu; this build has no other"}
		}
		o.device = name
		return nil
	}
}

// WithPrecision takes the factors of matrix products as pr. The default is F32.
func WithPrecision(pr Precision) Option {
	return func(o *options) error {
		if pr != F32 && pr != BF16 {
			return &fault.Error{Kind: fault.Unsupported, Op: "clip", What: "precision", Have: string(pr), Want: "f32 or bf16 on a CPU"}
		}
		o.precision = pr
		return nil
	}
}

// WithThreads computes on n threads. The default is GOMAXPROCS when the model is
// opened. Numbers do not depend on it.
func WithThreads(n int) Option {
	return func(o *options) error {
		if n < 1 || n > 4*max(runtime.NumCPU(), 64) {
			return fault.Newf(fault.Invalid, "clip", "%d threads, want at least 1", n)
		}
		o.threads = n
		return nil
	}
}

// WithFS takes all paths from fsys. The files of an embedded file system are copied
// to memory once.
func WithFS(fsys fs.FS) Option {
	return func(o *options) error {
		if fsys == nil {
			return invalid("file system", "nil", "one")
		}
		o.fsys = fsys
		return nil
	}
}

// WithVariant takes the weights of a variant, "fp16" for model.fp16.safetensors.
// Without it the plain files are taken, or those of fp16 where there are no others.
func WithVariant(name string) Option {
	return func(o *options) error { o.variant = name; return nil }
}

// WithTokenizer takes the tokenizer from another folder. Single files without it have
// CLIP's own vocabulary of 49 408 tokens.
func WithTokenizer(dir string) Option {
	return func(o *options) error { o.tokenizer = dir; return nil }
}

// WithConfig takes config.json and preprocessor_config.json, or open_clip_config.json,
// from another folder: for single files of unusual sizes.
func WithConfig(dir string) Option {
	return func(o *options) error { o.config = dir; return nil }
}

// newRunner makes the device that the options ask for.
func (o *options) newRunner() *runner {
	threads := o.threads
	if threads == 0 {
		threads = runtime.GOMAXPROCS(0)
	}
	r := &runner{
		options: plan.Options{Engine: cpu.New(cpu.Options{Threads: threads}), Compute: engine.Float32},
		threads: threads, precision: o.precision, turn: make(chan struct{}, 1),
	}
	if o.precision == BF16 {
		r.options.Compute = engine.Bfloat16
	}
	r.turn <- struct{}{}
	return r
}
