package lora

import (
	"strings"
	"testing"

	"github.com/easel-go/easel/diffusion"
	"github.com/easel-go/easel/internal/golden"
	"github.com/easel-go/easel/internal/rng"
	"github.com/easel-go/easel/internal/train"
)

// TestModuleOrders draws A in both orders of modules: diffusers lists the middle last,
// DiffSynth where it runs, so that one seed gives other matrices.
func TestModuleOrders(t *testing.T) {
	for numerics, wantLast := range map[diffusion.Numerics]string{diffusion.Diffusers: "mid_block", diffusion.DiffSynth: "up_blocks"} {
		p := tinyPipeline(t, diffusion.WithNumerics(numerics))
		n, err := namesOf(p.Bundle())
		if err != nil {
			t.Fatal(err)
		}
		tr := &training{names: n}
		layers := train.Match(p.Bundle().UNet, []string{"to_q", "to_k", "to_v", "to_out.0"})
		if numerics == diffusion.DiffSynth {
			tr.sortLikeDiffSynth(layers)
		}
		if last := layers[len(layers)-1].Name; !strings.HasPrefix(last, wantLast) {
			t.Errorf("%s: the last layer is %s, want one of %s", numerics, last, wantLast)
		}
		c := Config{Rank: 4, StepsPerEpoch: 1, Seed: 5, LearningRate: 1e-12, WeightDecay: -1, Precision: Full32}
		res, err := Train(t.Context(), p, tinyPictures(t), c)
		if err != nil {
			t.Fatal(err)
		}
		g := rng.NewTorch(5)
		for i, l := range layers {
			s := l.Weight.Shape
			g.Uniform(make([]float32, 4*s[1]), rng.F32)
			g.Uniform(make([]float32, 4*s[0]), rng.F32)
			a := make([]float32, 4*s[1])
			g.Normal(a, rng.F32)
			have := numbers(res.Adapter.layers[i].parts[down])
			if res.Adapter.layers[i].name != "unet."+l.Name {
				t.Fatalf("%s: layer %d is %s, want %s", numerics, i, res.Adapter.layers[i].name, l.Name)
			}
			for j := range a {
				a[j] = toHalf(a[j] / 4)
			}
			golden.Close(t, l.Name, have, a, golden.Tol{Abs: 1e-6, From: "one step of a rate of 1e-12"})
		}
	}
}

// toHalf rounds as the embedded model's float16 does, for numbers that are normal
// (Veltkamp's splitting).
func toHalf(x float32) float32 {
	f := x * (1<<13 + 1)
	return f - (f - x)
}
