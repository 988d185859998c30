package lora

import (
	"log/slog"

	"github.com/easel-go/easel/diffusion"
	"github.com/easel-go/easel/internal/fault"
	"github.com/easel-go/easel/internal/train"
	"github.com/easel-go/easel/internal/weights"
)

// Config says how to train. A zero field means the default in its comment; most are
// those of DiffSynth-Studio's Kolors trainer.
type Config struct {
	Rank    int      // 4
	Alpha   float64  // 4; the change is scaled by Alpha/Rank
	Targets []string // layers by the end of their names: to_q, to_k, to_v and to_out.0
	Kaiming bool     // A begins as peft's default has it instead of normal with deviation 1/Rank

	// TextEncoders trains an adapter for the layers q_proj, k_proj, v_proj and out_proj of
	// the text encoders too, with the same rank and alpha, as diffusers' scripts do with
	// train_text_encoder. Captions are then read in every step instead of once. SD 1.x and
	// SDXL have encoders that can be trained, Kolors has not.
	TextEncoders bool

	LearningRate     float64        // 1e-4
	TextLearningRate float64        // of the text encoders; LearningRate
	Schedule         string         // constant, constant_with_warmup, linear, cosine, cosine_with_restarts or polynomial; constant
	Warmup           int            // steps in which the learning rate grows from 0
	WeightDecay      float64        // 0.01; negative for none
	Beta1, Beta2     float64        // 0.9 and 0.999
	Eps              float64        // 1e-8
	AMSGrad          bool           // divide by the largest second moment so far
	ClipNorm         float64        // the largest length of all gradients together; 0 for any
	ClipValue        float64        // the largest gradient of one number; 0 for any
	Precision        TrainPrecision // Mixed16

	Epochs        int // 1
	StepsPerEpoch int // batches an epoch; 500
	Batch         int // pictures a batch; 1
	Accumulate    int // batches whose gradients make one step of the optimiser; 1

	Height, Width int  // of the training pictures in pixels; what the model was trained on
	CenterCrop    bool // crop the middle instead of anywhere
	Flip          bool // mirror half of the pictures

	MinSNR         float64 // caps the weight of steps with little noise at this signal-to-noise ratio, 5 in the paper (Hang and others 2023); 0 for no cap
	NoiseOffset    float64 // noise added to whole channels, which lets pictures become dark or light; 0 for none
	CaptionDropout float64 // share of pictures that are learned without their caption, 0 to 1
	SampleLatents  bool    // draw latents from the autoencoder's distribution instead of taking its mean

	Checkpointing bool   // forget activations and compute them again: slower, far smaller; no number changes
	Seed          uint64 // 0 is a seed like any other; its low 32 bits count

	// Dir is the folder to write to, as Lightning lays it out: lightning_logs/version_N
	// with checkpoints, metrics.csv and TensorBoard's events. "" writes nothing.
	Dir       string
	SaveEvery int    // steps between checkpoints besides those at the end of each epoch; 0 for none
	Cache     string // folder for latents and text embeddings; "cache" in Dir
	Resume    string // a checkpoint to go on from, with its .state.safetensors beside it

	Samples     []diffusion.Request // pictures to paint on the way, with the adapter as it is
	SampleEvery int                 // steps between them; 0 paints them at the end alone

	// OnStep, if not nil, is called after every step of the optimiser. An error ends the
	// training and comes back from Train.
	OnStep func(Step) error

	Log *slog.Logger // told what is skipped, saved and resumed; nil for silence
}

// TrainPrecision is Lightning's word for the arithmetic of training.
type TrainPrecision string

// The precisions. Weights are read as they are stored, and adapter and optimiser are
// float32 in all of them.
//
//	16-mixed    arithmetic as the pipeline was opened for, float32 by default; the loss is
//	            scaled, and steps that overflow are skipped, which a GPU's 16 bits need
//	bf16-mixed  the factors of linear layers and convolutions rounded to bfloat16, forward
//	            and backward, their sums float32; faster on CPUs that have AMX or
//	            AVX512-BF16. Attention, norms and the gradients of the matrices in training
//	            stay float32. No loss scaling: bfloat16 has float32's range
//	32          float32
const (
	Mixed16   TrainPrecision = "16-mixed"
	MixedBF16 TrainPrecision = "bf16-mixed"
	Full32    TrainPrecision = "32"
)

// fill sets the defaults and checks the rest.
func (c *Config) fill(p *diffusion.Pipeline) error {
	setDefault(&c.Rank, 4)
	setDefault(&c.Alpha, 4)
	setDefault(&c.LearningRate, 1e-4)
	setDefault(&c.WeightDecay, 0.01)
	c.WeightDecay = max(c.WeightDecay, 0)
	setDefault(&c.Precision, Mixed16)
	setDefault(&c.Epochs, 1)
	setDefault(&c.StepsPerEpoch, 500)
	setDefault(&c.Batch, 1)
	setDefault(&c.Accumulate, 1)
	setDefault(&c.Height, p.Info().Height)
	setDefault(&c.Width, p.Info().Width)
	if c.Targets == nil {
		c.Targets = []string{"to_q", "to_k", "to_v", "to_out.0"}
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.TextEncoders && p.Info().Family == string(weights.Kolors) {
		return &fault.Error{Kind: fault.Unsupported, Op: "lora", What: "TextEncoders", Have: "of Kolors, which is ChatGLM", Want: "CLIP's, of SD 1.x or SDXL"}
	}
	return c.check()
}

func setDefault[T comparable](v *T, otherwise T) {
	var zero T
	if *v == zero {
		*v = otherwise
	}
}

// check returns an error that names the first field that makes no sense.
func (c *Config) check() error {
	const most = 1 << 24
	for _, f := range []struct {
		name     string
		v        float64
		from, to float64
	}{
		{"Rank", float64(c.Rank), 1, 4096}, {"Alpha", c.Alpha, 1e-9, 1e9}, {"LearningRate", c.LearningRate, 0, 1e3},
		{"TextLearningRate", c.TextLearningRate, 0, 1e3},
		{"WeightDecay", c.WeightDecay, 0, 1e3}, {"Beta1", c.Beta1, 0, 1}, {"Beta2", c.Beta2, 0, 1}, {"Eps", c.Eps, 0, 1},
		{"ClipNorm", c.ClipNorm, 0, 1e9}, {"ClipValue", c.ClipValue, 0, 1e9}, {"Warmup", float64(c.Warmup), 0, most},
		{"Epochs", float64(c.Epochs), 1, most}, {"StepsPerEpoch", float64(c.StepsPerEpoch), 1, most},
		{"Batch", float64(c.Batch), 1, 4096}, {"Accumulate", float64(c.Accumulate), 1, 4096},
		{"MinSNR", c.MinSNR, 0, 1e6}, {"NoiseOffset", c.NoiseOffset, 0, 10}, {"CaptionDropout", c.CaptionDropout, 0, 1},
		{"SaveEvery", float64(c.SaveEvery), 0, most}, {"SampleEvery", float64(c.SampleEvery), 0, most},
		{"Height", float64(c.Height), 32, 8192}, {"Width", float64(c.Width), 32, 8192},
	} {
		if !(f.v >= f.from && f.v <= f.to) {
			return fault.Newf(fault.Invalid, "lora", "%s %v, want %v to %v", f.name, f.v, f.from, f.to)
		}
	}
	if c.Height%32 != 0 || c.Width%32 != 0 {
		return fault.Newf(fault.Invalid, "lora", "pictures of %d×%d, want multiples of 32", c.Width, c.Height)
	}
	if c.StepsPerEpoch < c.Accumulate {
		return fault.Newf(fault.Invalid, "lora", "%d batches an epoch, want at least the %d of one step", c.StepsPerEpoch, c.Accumulate)
	}
	if c.Precision != Mixed16 && c.Precision != MixedBF16 && c.Precision != Full32 {
		return &fault.Error{Kind: fault.Unsupported, Op: "lora", What: "Precision", Have: string(c.Precision), Want: "16-mixed, bf16-mixed or 32"}
	}
	return c.schedule().Check()
}

// perEpoch is the optimiser's steps in an epoch; batches that do not fill one are
// dropped.
func (c *Config) perEpoch() int { return c.StepsPerEpoch / c.Accumulate }

func (c *Config) total() int { return c.perEpoch() * c.Epochs }

func (c *Config) schedule() train.Schedule {
	return train.Schedule{Name: c.Schedule, Warmup: c.Warmup, Steps: c.total()}
}
