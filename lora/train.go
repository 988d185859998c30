package lora

import (
	"context"
	"fmt"
	"image"
	"slices"
	"time"

	"github.com/easel-go/easel/dataset"
	"github.com/easel-go/easel/diffusion"
	"github.com/easel-go/easel/internal/engine"
	"github.com/easel-go/easel/internal/fault"
	"github.com/easel-go/easel/internal/model"
	"github.com/easel-go/easel/internal/rng"
	"github.com/easel-go/easel/internal/train"
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

// Train trains a new adapter for p's UNet, and its text encoders if asked to, on pictures
// and their captions. The weights of p do not change, and the pipeline may paint
// between steps, as the adapter is then; when Train returns, p is as it was.
//
// Equal Config and data give equal bytes, whatever the number of processors; so does a
// training that was cut off and resumed. Latents, and text embeddings unless their
// encoders are trained, are computed once and kept, in memory and in Cache.
//
// Errors: Invalid for a Config that makes no sense, or that is not the resumed
// checkpoint's; Unsupported for a precision that is not there and for the text encoder of
// Kolors; Missing for a data set without a readable picture, and for targets that no
// layer matches; NotFinite after ten steps in a row without a finite gradient; ctx's;
// and OnStep's. What was saved before stays.
func Train(ctx context.Context, p *diffusion.Pipeline, data *dataset.Dataset, c Config) (*Trained, error) {
	if p == nil || data == nil {
		return nil, &fault.Error{Kind: fault.Invalid, Op: "lora", What: "pipeline or data set", Have: "nil", Want: "both"}
	}
	if err := c.fill(p); err != nil {
		return nil, err
	}
	t := &training{Config: c, pipe: p, draw: newDraw(c.Seed), result: &Trained{}, started: time.Now()}
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

func newDraw(seed uint64) *rng.Torch { return rng.NewTorch(int64(uint32(seed))) }

// training is one call of Train.
type training struct {
	Config
	pipe    *diffusion.Pipeline
	data    *pictures
	adapter *train.Adapter
	trainer *train.Trainer
	scaler  *train.LossScaler // nil but for Mixed16
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
	if err := t.attach(b); err != nil {
		return err
	}
	if t.trainer, err = train.New(b, t.adapter, t.options(b)); err != nil {
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

// attach puts a new adapter on the layers to be trained: the UNet's first, then the text
// encoders', as diffusers' scripts draw them.
func (t *training) attach(b *model.Bundle) (err error) {
	layers := train.Match(b.UNet, t.Targets)
	if b.Numerics() == model.LikeDiffSynth {
		t.sortLikeDiffSynth(layers)
	}
	if t.TextEncoders && len(layers) > 0 {
		layers = append(layers, train.MatchTexts(b, textTargets)...)
	}
	t.adapter, err = train.Attach(layers, train.Init{Rank: t.Rank, Alpha: t.Alpha, Draw: t.draw, Kaiming: t.Kaiming, Half: true})
	if err != nil {
		return named(err, fmt.Sprintf("targets %v", t.Targets))
	}
	b.Changed()
	return nil
}

// textTargets are the layers of a text encoder that are trained: those of diffusers'
// train_text_to_image_lora_sdxl.py.
var textTargets = []string{"q_proj", "k_proj", "v_proj", "out_proj"}

// options are the trainer's.
func (t *training) options(b *model.Bundle) train.Options {
	t.adam = &train.AdamW{LearningRate: t.LearningRate, Beta1: t.Beta1, Beta2: t.Beta2, Eps: t.Eps, WeightDecay: t.WeightDecay, AMSGrad: t.AMSGrad}
	o := train.Options{
		Accumulate: t.Accumulate, ClipNorm: t.ClipNorm, ClipValue: t.ClipValue, Checkpointing: t.Checkpointing,
		Schedule: t.schedule(), Optimizer: t.adam, TextRate: t.TextLearningRate, Compute: b.Compute(),
	}
	switch t.Precision {
	case Mixed16:
		t.scaler = train.NewLossScaler()
		o.Scaler = t.scaler
	case MixedBF16:
		o.Compute = engine.Bfloat16
	case Full32:
		o.Compute = engine.Float32
	}
	return o
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
	err = t.pipe.Exclusive(ctx, func(b *model.Bundle) (err error) {
		if s.Loss, err = t.gather(ctx, b); err != nil {
			return err
		}
		u, err := t.trainer.Update()
		s.LearningRate, s.GradNorm = u.Rate, u.Norm
		t.inRow++
		if u.Skipped {
			t.bad++
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

// gather adds up the gradients of a step's batches and returns their mean loss.
func (t *training) gather(ctx context.Context, b *model.Bundle) (loss float64, err error) {
	for m := range t.Accumulate {
		first := (t.step*t.Accumulate + m) * t.Batch
		batch, err := t.batch(ctx, b, t.order[first:][:t.Batch])
		if err != nil {
			return 0, err
		}
		l, err := t.trainer.Micro(ctx, batch)
		if err != nil {
			return 0, err
		}
		loss += l / float64(t.Accumulate)
	}
	return loss, nil
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
