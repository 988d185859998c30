package lora

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/easel-go/easel/internal/fault"
	"github.com/easel-go/easel/internal/model"
)

// FuzzState goes on from damaged states: an error of a kind, or a place within the
// training; never a panic.
func FuzzState(f *testing.F) {
	p := tinyPipeline(f)
	c := quick(f.TempDir(), "")
	c.Targets, c.Rank = []string{"mid_block.attentions.0.transformer_blocks.0.attn1.to_q"}, 1
	one, err := Train(f.Context(), p, tinyPictures(f), c)
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range checkpoints(f, one.Version, ".state.safetensors")[:3] {
		b, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	c.Dir = ""
	t := &training{Config: c, pipe: p, draw: newDraw(c.Seed), result: &Trained{}}
	f.Cleanup(t.close)
	if err := t.Config.fill(p); err != nil {
		f.Fatal(err)
	}
	if err := p.Exclusive(f.Context(), func(b *model.Bundle) error { return t.prepare(f.Context(), b, tinyPictures(f)) }); err != nil {
		f.Fatal(err)
	}
	path := filepath.Join(f.TempDir(), "x.state.safetensors")
	f.Fuzz(func(test *testing.T, b []byte) {
		if err := os.WriteFile(path, b, 0o666); err != nil {
			test.Fatal(err)
		}
		t.epoch, t.step, t.order = 0, 0, nil
		if err := t.resumeState(path); err != nil {
			if fault.KindOf(err) == "" {
				test.Fatalf("%v has no kind", err)
			}
			return
		}
		if t.epoch < 0 || t.step < 0 || t.step >= t.perEpoch() || t.order != nil && len(t.order) != t.StepsPerEpoch*t.Batch {
			test.Fatalf("epoch %d, step %d, %d places", t.epoch, t.step, len(t.order))
		}
	})
}
