package lora

import (
	"context"
	"fmt"
	"image"
	"log/slog"
	"slices"
	"time"

	"gorgonia.org/tensor"

	"github.com/easel-go/easel/dataset"
	"github.com/easel-go/easel/diffusion"
	"github.com/easel-go/easel/internal/fault"
	"github.com/easel-go/easel/internal/model"
	"github.com/easel-go/easel/internal/nn"
	"github.com/easel-go/easel/internal/rng"
	"github.com/easel-go/easel/internal/train"
)

// Config says how to train. A zero field means the default in its comment; most are
// those of DiffSynth-Studio's Kolors trainer.
type Config struct {
	Rank    int      // 4
	Alpha   float64  // 4; the change is scaled by Alpha/Rank
	Targets []string // layers by the end of their names: to_q, to_k, to_v and to_out.0
	Kaiming bool     // A begins as peft's default has it instead of normal with deviation 1/Rank

	LearningRate float64        // 1e-4
	Schedule     string         // constant, constant_with_warmup, linear, cosine, cosine_with_restarts or polynomial; constant
	Warmup       int            // steps in which the learning rate grows from 0
	WeightDecay  float64        // 0.01; negative for none
	Beta1, Beta2 float64        // 0.9 and 0.999
	Eps          float64        // 1e-8
	AMSGrad      bool           // divide by the largest second moment so far
	ClipNorm     float64        // the largest length of all gradients together; 0 for any
	ClipValue    float64        // the largest gradient of one number; 0 for any
	Precision    TrainPrecision // Mixed16

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

// The precisions. On a CPU all arithmetic is float32, of weights as they are stored, and
// adapter and optimiser are float32 in all of them; Mixed16 also scales the loss and
// skips steps that overflow, which the arithmetic of a GPU needs.
const (
	Mixed16 TrainPrecision = "16-mixed"
	Full32  TrainPrecision = "32"
)

// Step tells how far a training has come.
type Step struct {
	Epoch, Index, Total int // Index counts steps of the optimiser from 1 to Total
	Loss                float64
	LearningRate        float64
	GradNorm            float64 // length of all gradients together, before clipping
	Skipped             int     // steps so far that were left out because gradients were not finite
	PerSecond           float64 // pictures
	Left                time.Duration
	Samples             []image.Image // painted after this step, nil in most
}

// Trained is what Train made.
type Trained struct {
	Adapter *Adapter
	Losses  []float64 // of every step, from where it began or went on
	Skipped []string  // pictures that could not be read, each with its reason
	Version string    // the folder lightning_logs/version_N; "" without Dir

	// WarmStart says that Resume had only the matrices and no state: the optimiser and
	// the order of pictures began anew.
	WarmStart bool
}

// Train trains a new adapter for p on pictures and their captions. The weights of p do
// not change, and the pipeline may paint between steps, as the adapter is then; when
// Train returns, p is as it was.
//
// Equal Config and data give equal bytes, whatever the number of processors; so does a
// training that was cut off and resumed. Latents and text embeddings are computed once
// and kept, in memory and in Cache.
//
// Errors: Invalid for a Config that makes no sense, or that is not the resumed
// checkpoint's; Missing for a data set without a readable picture, and for targets that
// no layer matches; NotFinite after ten steps in a row without a finite gradient; ctx's;
// and OnStep's. What was saved before stays.
func Train(ctx context.Context, p *diffusion.Pipeline, data *dataset.Dataset, c Config) (*Trained, error) {
	if p == nil || data == nil {
		return nil, &fault.Error{Kind: fault.Invalid, Op: "lora", What: "pipeline or data set", Have: "nil", Want: "both"}
	}
	if err := c.fill(p); err != nil {
		return nil, err
	}
	t := &training{Config: c, pipe: p, draw: rng.NewTorch(int64(uint32(c.Seed))), result: &Trained{}, started: time.Now()}
	defer t.close()
	if err := p.Exclusive(ctx, func(b *model.Bundle) error { return t.prepare(ctx, b, data) }); err != nil {
		return nil, err
	}
	if err := t.run(ctx); err != nil {
		return nil, err
	}
	t.result.Adapter = t.snapshot()
	return t.result, nil
}

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
	if c.Precision != Mixed16 && c.Precision != Full32 {
		return &fault.Error{Kind: fault.Unsupported, Op: "lora", What: "Precision", Have: string(c.Precision), Want: "16-mixed or 32"}
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

// training is one call of Train.
type training struct {
	Config
	pipe    *diffusion.Pipeline
	data    *pictures
	adapter *train.Adapter
	trainer *train.Trainer
	scaler  *train.LossScaler
	adam    *train.AdamW
	noise   noiser
	names   *names
	draw    *rng.Torch
	folder  *folder // nil without Dir
	result  *Trained

	epoch, step int   // done in the epoch
	order       []int // of the epoch's samples
	bad, inRow  int   // steps without finite gradients
	started     time.Time
	done        int // steps since then
}

// prepare attaches the adapter and opens everything else.
func (t *training) prepare(ctx context.Context, b *model.Bundle, data *dataset.Dataset) (err error) {
	if t.names, err = namesOf(b); err != nil {
		return err
	}
	if t.noise, err = newNoiser(b, &t.Config); err != nil {
		return err
	}
	if t.data, err = t.openPictures(ctx, b, data); err != nil {
		return err
	}
	layers := train.Match(b.UNet, t.Targets)
	if b.Numerics() == model.LikeDiffSynth {
		t.sortLikeDiffSynth(layers)
	}
	half := len(layers) > 0 && layers[0].Weight.Value.Dtype() != tensor.Float32
	t.adapter, err = train.Attach(layers, train.Init{Rank: t.Rank, Alpha: t.Alpha, Draw: t.draw, Kaiming: t.Kaiming, Half: half})
	if err != nil {
		return named(err, fmt.Sprintf("targets %v", t.Targets))
	}
	b.Changed()
	o := train.Options{
		Accumulate: t.Accumulate, ClipNorm: t.ClipNorm, ClipValue: t.ClipValue, Checkpointing: t.Checkpointing, Schedule: t.schedule(),
		Optimizer: &train.AdamW{LearningRate: t.LearningRate, Beta1: t.Beta1, Beta2: t.Beta2, Eps: t.Eps, WeightDecay: t.WeightDecay, AMSGrad: t.AMSGrad},
	}
	if t.Precision == Mixed16 {
		o.Scaler = train.NewLossScaler()
	}
	t.scaler, t.adam = o.Scaler, o.Optimizer
	if t.trainer, err = train.New(b, t.adapter, o); err != nil {
		return err
	}
	if t.Resume != "" {
		if err := t.resume(); err != nil {
			return err
		}
	}
	if t.Dir != "" {
		t.folder, err = newFolder(t.Dir)
		if err == nil {
			t.result.Version = t.folder.dir
		}
	}
	return err
}

// sortLikeDiffSynth puts layers in the order of DiffSynth's numbered blocks, which is
// the order in which peft draws there.
func (t *training) sortLikeDiffSynth(layers []train.Layer) {
	number := func(l train.Layer) (n int) {
		name, _ := t.names.unet.Translate(l.Name, "diffusers", "diffsynth")
		fmt.Sscanf(name, "blocks.%d.", &n)
		return n
	}
	slices.SortStableFunc(layers, func(a, b train.Layer) int { return number(a) - number(b) })
}

// close takes the adapter off the pipeline.
func (t *training) close() {
	if t.trainer != nil {
		t.trainer.Close()
	}
	if t.adapter != nil {
		t.pipe.Exclusive(context.Background(), func(b *model.Bundle) error {
			t.adapter.Detach()
			b.Changed()
			return nil
		})
	}
	if t.folder != nil {
		t.folder.close()
	}
}

// run takes all steps that are left.
func (t *training) run(ctx context.Context) error {
	for ; t.epoch < t.Epochs; t.epoch, t.step, t.order = t.epoch+1, 0, nil {
		if t.order == nil {
			t.order = t.draw.EpochOrder(t.StepsPerEpoch * t.Batch)
		}
		for t.step < t.perEpoch() {
			s, err := t.oneStep(ctx)
			if err != nil {
				return err
			}
			if err := t.after(ctx, s); err != nil {
				return err
			}
		}
	}
	return nil
}

// oneStep takes a step of the optimiser while nobody paints.
func (t *training) oneStep(ctx context.Context) (s Step, err error) {
	err = t.pipe.Exclusive(ctx, func(b *model.Bundle) error {
		s.Loss = 0
		for m := range t.Accumulate {
			first := (t.step*t.Accumulate + m) * t.Batch
			batch, err := t.batch(ctx, b, t.order[first:][:t.Batch])
			if err != nil {
				return err
			}
			loss, err := t.trainer.Micro(ctx, batch)
			if err != nil {
				return err
			}
			s.Loss += loss / float64(t.Accumulate)
		}
		u, err := t.trainer.Update()
		s.LearningRate, s.GradNorm = u.Rate, u.Norm
		if u.Skipped {
			t.bad++
			t.inRow++
		} else {
			t.inRow = 0
		}
		return err
	})
	if err != nil {
		return s, err
	}
	t.step++
	t.done++
	s.Epoch, s.Index, s.Total, s.Skipped = t.epoch, t.epoch*t.perEpoch()+t.step, t.total(), t.bad
	elapsed := time.Since(t.started)
	s.PerSecond = float64(t.done*t.Batch*t.Accumulate) / elapsed.Seconds()
	s.Left = elapsed / time.Duration(t.done) * time.Duration(s.Total-s.Index)
	const most = 10
	if t.inRow >= most {
		return s, &fault.Error{Kind: fault.NotFinite, Op: "lora", What: fmt.Sprintf("%d steps in a row", most), Have: fmt.Sprintf("had no finite gradient; the loss is %v", s.Loss), Want: "a lower learning rate, or data without extremes"}
	}
	return s, nil
}

// after logs, saves and paints what is due after a step, and tells the caller.
func (t *training) after(ctx context.Context, s Step) error {
	t.result.Losses = append(t.result.Losses, s.Loss)
	last := s.Index == s.Total
	if t.Samples != nil && (last || t.SampleEvery > 0 && s.Index%t.SampleEvery == 0) {
		for _, r := range t.Samples {
			res, err := t.pipe.Generate(ctx, r)
			if err != nil {
				return err
			}
			for _, m := range res.Images {
				s.Samples = append(s.Samples, m)
			}
		}
	}
	if t.folder != nil {
		if err := t.folder.log(s); err != nil {
			return err
		}
		if t.step == t.perEpoch() || t.SaveEvery > 0 && s.Index%t.SaveEvery == 0 {
			if err := t.save(s); err != nil {
				return err
			}
		}
	}
	if t.OnStep != nil {
		return t.OnStep(s)
	}
	return nil
}

// snapshot returns the adapter as it is now.
func (t *training) snapshot() *Adapter {
	a := &Adapter{dialect: Diffusers}
	for i, l := range t.adapter.Layers {
		own := func(p *nn.Param) *tensor.Dense {
			return dense(p.Shape.Clone(), slices.Clone(numbers(p.Value)))
		}
		a.layers = append(a.layers, &layer{
			name: "unet." + l.Name, rank: t.Rank, alpha: t.Alpha, peft: true,
			parts: map[role]*tensor.Dense{down: own(t.adapter.A[i]), up: own(t.adapter.B[i])},
		})
	}
	return a
}

// batch draws one batch: pictures, captions, noise and timesteps, in the order in which
// a shuffling loader of torch and the trainer draw them from one generator.
func (t *training) batch(ctx context.Context, b *model.Bundle, places []int) (train.Batch, error) {
	var latents []model.Picture
	var conds []model.Cond
	var moments []model.Picture
	for _, place := range places {
		e, err := t.data.pick(ctx, b, place, t)
		if err != nil {
			return train.Batch{}, err
		}
		moments, conds = append(moments, e.moments), append(conds, e.cond)
	}
	for _, m := range moments {
		latents = append(latents, t.noise.latents(b, m, t.draw))
	}
	level(conds)
	return t.noise.batch(latents, conds, t.draw)
}
