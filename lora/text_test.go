package lora

import (
	"image"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/easel-go/easel/diffusion"
	"github.com/easel-go/easel/internal/fault"
	"github.com/easel-go/easel/internal/golden"
)

// textPipelines opens the golden tree's pipelines whose text encoders can be trained,
// and the others, each as often as it is asked for.
func textPipelines(t *testing.T) (clip, other map[string]func() *diffusion.Pipeline) {
	clip, other = map[string]func() *diffusion.Pipeline{}, map[string]func() *diffusion.Pipeline{}
	for _, path := range golden.Glob(t, golden.Part(t, "model"), "*/model_index.json") {
		dir := filepath.Dir(path)
		open := func() *diffusion.Pipeline {
			p, err := diffusion.Open(dir)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { p.Close() })
			return p
		}
		if open().Info().Family == "kolors" {
			other[filepath.Base(dir)] = open
		} else {
			clip[filepath.Base(dir)] = open
		}
	}
	return clip, other
}

// shortText is a training of UNet and text encoders for a few steps.
func shortText() Config {
	c := short()
	c.TextEncoders, c.TextLearningRate, c.Height, c.Width, c.StepsPerEpoch, c.Epochs = true, 5e-4, 64, 64, 8, 1
	return c
}

// TestTrainText trains text encoders too, goes on from a checkpoint bit by bit, and
// finds the encoders' layers in every file that takes them.
func TestTrainText(t *testing.T) {
	models, others := textPipelines(t)
	for name, open := range models {
		t.Run(name, func(t *testing.T) {
			c := shortText()
			c.Dir, c.SaveEvery = t.TempDir(), 1
			c.Samples = []diffusion.Request{{Prompt: "a cat", Steps: 2, Width: 64, Height: 64}}
			var sample []image.Image
			c.OnStep = func(s Step) error { sample = s.Samples; return nil }
			one, err := Train(t.Context(), open(), tinyPictures(t), c)
			if err != nil {
				t.Fatal(err)
			}
			golden.Equal(t, "a picture with the adapter", paintWith(t, open(), one.Adapter, c.Samples[0]), sample[0].(*image.RGBA).Pix)
			at := filepath.Join(one.Version, "checkpoints", "epoch=0-step=2.ckpt")
			c = shortText()
			c.Resume, c.Checkpointing = at, true
			two, err := Train(t.Context(), open(), tinyPictures(t), c)
			if err != nil {
				t.Fatal(err)
			}
			golden.Equal(t, "losses after the checkpoint", two.Losses, one.Losses[2:])
			golden.Equal(t, "matrices after the checkpoint", allNumbers(two.Adapter), allNumbers(one.Adapter))
			textFiles(t, one.Adapter, open())
			c.TextEncoders = false
			if _, err := Train(t.Context(), open(), tinyPictures(t), c); fault.KindOf(err) != fault.Invalid {
				t.Errorf("going on without text encoders: %v, want Invalid", err)
			}
		})
	}
	for name, open := range others {
		if _, err := Train(t.Context(), open(), tinyPictures(t), shortText()); fault.KindOf(err) != fault.Unsupported {
			t.Errorf("%s: %v, want Unsupported", name, err)
		}
	}
}

// paintWith paints with an adapter, whose encoders must read the prompt as they did at
// the end of the training.
func paintWith(t *testing.T, p *diffusion.Pipeline, a *Adapter, r diffusion.Request) []byte {
	if _, err := Inject(p, a); err != nil {
		t.Fatal(err)
	}
	res, err := p.Generate(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return res.Images[0].Pix
}

// textFiles writes the adapter and reads it back.
func textFiles(t *testing.T, a *Adapter, p *diffusion.Pipeline) {
	moved := 0
	for _, l := range a.layers {
		if strings.HasPrefix(l.name, "text_encoder") && slices.Max(numbers(l.parts[up])) > 0 {
			moved++
		}
	}
	if moved == 0 {
		t.Error("no layer of a text encoder was trained")
	}
	for d, ending := range map[Dialect]string{Diffusers: ".safetensors", Kohya: ".safetensors", PEFT: ""} {
		path := filepath.Join(t.TempDir(), "adapter"+ending)
		if err := a.Save(path, d, For(p)); err != nil {
			t.Fatal(err)
		}
		in, err := Inject(p, load(t, path))
		if err != nil {
			t.Fatal(err)
		}
		if n := len(in.Layers()); n != len(a.layers) {
			t.Errorf("%s: %d layers, want %d", d, n, len(a.layers))
		}
		for _, q := range in.places {
			i := slices.IndexFunc(a.layers, func(l *layer) bool { return l.name == q.target.String() })
			golden.Equal(t, string(d)+" "+q.target.String(), numbers(q.layer.parts[up]), numbers(a.layers[i].parts[up]))
			if q.layer.factor() != a.layers[i].factor() {
				t.Errorf("%s: %s is scaled by %v, want %v", d, q.target, q.layer.factor(), a.layers[i].factor())
			}
		}
		if err := in.Remove(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestTrainBF16 trains in bfloat16: near the losses of float32, bit by bit the same
// from a checkpoint on, and without a loss scaler.
func TestTrainBF16(t *testing.T) {
	full := short()
	full.Precision = Full32
	c := short()
	c.Precision, c.Dir, c.SaveEvery = MixedBF16, t.TempDir(), 1
	one := mustTrain(t, c)
	golden.Close(t, "losses", one.Losses, mustTrain(t, full).Losses, golden.Tol{Rel: 0.03, From: "factors of 8 bits"})
	c.Resume, c.Dir = filepath.Join(one.Version, "checkpoints", "epoch=0-step=2.ckpt"), ""
	two := mustTrain(t, c)
	golden.Equal(t, "matrices after the checkpoint", allNumbers(two.Adapter), allNumbers(one.Adapter))
}
