package lora

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"slices"
	"strings"

	"gorgonia.org/tensor"

	"github.com/easel-go/easel/internal/fault"
	"github.com/easel-go/easel/internal/nn"
	"github.com/easel-go/easel/internal/train"
	"github.com/easel-go/easel/internal/weights"
)

// A checkpoint is two files. X.ckpt holds A and B under DiffSynth-Studio's names, as
// its trainer writes them, and those of text encoders, which it does not train, under
// diffusers'. X.state.safetensors beside it holds what else is needed to
// go on as if nothing had happened: the moments, the generator, the order of the
// epoch's pictures. The state is written first, so that a .ckpt without one is another
// program's.

// saved is the state besides its tensors.
type saved struct {
	Run     string  `json:"run"` // what must be equal for going on to make sense
	Epoch   int     `json:"epoch"`
	Step    int     `json:"step"`
	Updates int     `json:"updates"`
	Adam    int     `json:"adam_steps"`
	Scale   float64 `json:"loss_scale"`
	Good    int     `json:"good_steps"`
	Bad     int     `json:"skipped_steps"`
}

// stateKey is where the metadata of a state file keeps it.
const stateKey = "easel_training"

// statePath is the state's file beside a checkpoint.
func statePath(ckpt string) string { return strings.TrimSuffix(ckpt, ".ckpt") + ".state.safetensors" }

// runKey says what a run depends on besides its length and its data.
func (t *training) runKey() string {
	c := t.Config
	return hash(fmt.Sprint(c.Rank, c.Alpha, c.Targets, c.Kaiming, c.LearningRate, c.Schedule, c.Warmup, c.WeightDecay, c.Beta1, c.Beta2, c.Eps, c.AMSGrad,
		c.ClipNorm, c.ClipValue, c.Precision, c.StepsPerEpoch, c.Batch, c.Accumulate, c.Height, c.Width, c.CenterCrop, c.Flip, c.MinSNR, c.NoiseOffset,
		c.CaptionDropout, c.SampleLatents, c.Seed, len(t.data.items), c.TextEncoders, c.TextLearningRate))
}

// save writes a checkpoint, and the adapter as a .safetensors file of diffusers' names.
func (t *training) save(s Step) error {
	path := t.folder.checkpoint(t.epoch, s.Index)
	if err := t.saveState(statePath(path)); err != nil {
		return err
	}
	a := t.snapshot()
	n, targets, err := a.locateNames(t.names)
	if err != nil {
		return err
	}
	w := newWriter(a, n, targets)
	w.whole = true
	if err := w.save(path, DiffSynth); err != nil {
		return err
	}
	t.Log.Info("checkpoint saved", "path", path, "loss", s.Loss)
	return newWriter(a, n, targets).save(strings.TrimSuffix(path, ".ckpt")+".safetensors", Diffusers)
}

// snapshot returns the adapter as it is now.
func (t *training) snapshot() *Adapter {
	a := &Adapter{dialect: Diffusers}
	for i, l := range t.adapter.Layers {
		own := func(p *nn.Param) *tensor.Dense {
			return dense(p.Shape.Clone(), slices.Clone(numbers(p.Value)))
		}
		a.layers = append(a.layers, &layer{
			name: fullName(l), rank: t.Rank, alpha: t.Alpha, peft: true,
			parts: map[role]*tensor.Dense{down: own(t.adapter.A[i]), up: own(t.adapter.B[i])},
		})
	}
	return a
}

// fullName is a layer's name in diffusers' spelling.
func fullName(l train.Layer) string {
	return cmp.Or(l.Part, "unet") + "." + l.Name
}

func (t *training) saveState(path string) error {
	state, err := t.draw.MarshalBinary()
	if err != nil {
		return err
	}
	order := make([]int64, len(t.order))
	for i, v := range t.order {
		order[i] = int64(v)
	}
	tensors := map[string]*tensor.Dense{"rng": dense(tensor.Shape{len(state)}, state), "order": dense(tensor.Shape{len(order)}, order)}
	for i, p := range t.adapter.Params() {
		for name, moments := range t.moments() {
			if i < len(moments) && moments[i] != nil {
				tensors[name+"."+p.Name] = dense(p.Shape.Clone(), moments[i].([]float32))
			}
		}
	}
	x := saved{Run: t.runKey(), Epoch: t.epoch, Step: t.step, Updates: t.trainer.Steps(), Adam: t.adam.Steps, Bad: t.bad}
	if t.scaler != nil {
		x.Scale, x.Good = t.scaler.Scale, t.scaler.Good
	}
	text, err := json.Marshal(x)
	if err != nil {
		return err
	}
	return weights.SaveSafetensors(path, tensors, map[string]string{stateKey: string(text)})
}

// moments are AdamW's, by the first letter of their names in a state file.
func (t *training) moments() map[string][]any {
	return map[string][]any{"m": t.adam.M, "v": t.adam.V, "top": t.adam.Top}
}

// resume goes on from a checkpoint. One without a state gives its matrices alone.
func (t *training) resume() error {
	a, err := Load(t.Resume, WithAlpha(t.Alpha))
	if err != nil {
		return err
	}
	targets, absent, err := t.names.resolve(a)
	if err != nil {
		return err
	}
	byName := map[string]*layer{}
	for i, target := range targets {
		if target != nil {
			byName[target.String()] = a.layers[i]
		}
	}
	if len(absent) > 0 || len(byName) != len(t.adapter.Layers) {
		return &fault.Error{Kind: fault.Invalid, Op: "lora", Where: t.Resume, What: "checkpoint", Have: fmt.Sprintf("of %d layers", len(a.layers)), Want: fmt.Sprintf("the %d of this training", len(t.adapter.Layers))}
	}
	for i, l := range t.adapter.Layers {
		from := byName[fullName(l)]
		if from == nil || from.parts[down] == nil || from.parts[up] == nil {
			return &fault.Error{Kind: fault.Invalid, Op: "lora", Where: t.Resume, What: "layer " + fullName(l), Have: "is not in the checkpoint"}
		}
		if err := t.adapter.Set(t.adapter.A[i], numbers(from.parts[down])); err != nil {
			return err
		}
		if err := t.adapter.Set(t.adapter.B[i], numbers(from.parts[up])); err != nil {
			return err
		}
	}
	state := statePath(t.Resume)
	if _, err := os.Stat(state); errors.Is(err, fs.ErrNotExist) {
		t.result.WarmStart = true
		t.Log.Warn("checkpoint without a state: the optimiser and the order of pictures begin anew", "path", t.Resume)
		return nil
	}
	return t.resumeState(state)
}

func (t *training) resumeState(path string) error {
	src, err := weights.Open(path)
	if err != nil {
		return err
	}
	defer src.Close()
	var x saved
	if err := json.Unmarshal([]byte(src.Metadata()[stateKey]), &x); err != nil {
		return &fault.Error{Kind: fault.Invalid, Op: "lora", Where: path, What: "state", Err: err}
	}
	if x.Run != t.runKey() {
		return &fault.Error{Kind: fault.Invalid, Op: "lora", Where: path, What: "checkpoint", Have: "of a training with another Config or other data", Want: "the same to go on, or the .ckpt alone for a warm start"}
	}
	if !x.sound() {
		return &fault.Error{Kind: fault.Invalid, Op: "lora", Where: path, What: "state", Have: fmt.Sprintf("%+v", x), Want: "counts from 0, and a positive scale"}
	}
	if err := t.resumeOrder(src); err != nil {
		return err
	}
	state, err := src.Bytes("rng")
	if err == nil {
		err = t.draw.UnmarshalBinary(state)
	}
	if err != nil {
		return named(&fault.Error{Kind: fault.Invalid, Op: "lora", What: "state of the generator", Err: err}, path)
	}
	if err := t.resumeMoments(src, x); err != nil {
		return err
	}
	t.epoch, t.step, t.bad = x.Epoch, x.Step, x.Bad
	if t.step >= t.perEpoch() {
		t.epoch, t.step, t.order = t.epoch+1, 0, nil
	}
	t.Log.Info("resumed", "path", path, "epoch", t.epoch, "step", t.step)
	return nil
}

// sound says that a state's numbers can be.
func (x saved) sound() bool {
	return min(x.Epoch, x.Step, x.Updates, x.Adam, x.Good, x.Bad) >= 0 && x.Scale >= 0 && !math.IsInf(x.Scale, 0)
}

// resumeOrder reads the order of the epoch's samples.
func (t *training) resumeOrder(src *weights.Source) error {
	n := t.StepsPerEpoch * t.Batch
	order, err := src.Tensor("order")
	if err != nil {
		return err
	}
	places, ok := order.Data().([]int64)
	if !ok || len(places) != n || slices.ContainsFunc(places, func(v int64) bool { return v < 0 || v >= int64(n) }) {
		return &fault.Error{Kind: fault.Shape, Op: "lora", Where: src.Path(), What: "order", Have: fmt.Sprint(order.Shape()), Want: fmt.Sprintf("%d places of as many", n)}
	}
	t.order = nil
	for _, v := range places {
		t.order = append(t.order, int(v))
	}
	return nil
}

func (t *training) resumeMoments(src *weights.Source, x saved) error {
	params := t.adapter.Params()
	t.adam.Steps = x.Adam
	t.trainer.SetSteps(x.Updates)
	if t.scaler != nil && x.Scale > 0 {
		t.scaler.Scale, t.scaler.Good = x.Scale, x.Good
	}
	if x.Adam == 0 {
		return nil
	}
	t.adam.M, t.adam.V, t.adam.Top = make([]any, len(params)), make([]any, len(params)), make([]any, len(params))
	for i, p := range params {
		for name, moments := range t.moments() {
			key := name + "." + p.Name
			if name == "top" && !t.AMSGrad {
				continue
			}
			if !src.Has(key) && t.adapter.Layers[i/2].Part != "" {
				continue // what has no gradient has no moments either
			}
			v, err := src.Tensor(key)
			if err != nil {
				return err
			}
			values, ok := v.Data().([]float32)
			if !ok || len(values) != p.Shape.TotalSize() {
				return &fault.Error{Kind: fault.Shape, Op: "lora", Where: src.Path(), What: "tensor " + key, Have: fmt.Sprint(v.Shape()), Want: fmt.Sprint(p.Shape)}
			}
			moments[i] = append([]float32(nil), values...)
		}
	}
	return nil
}
