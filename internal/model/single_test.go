package model

import (
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gorgonia.org/tensor"

	"github.com/easel-go/easel/internal/golden"
	"github.com/easel-go/easel/internal/graph"
	"github.com/easel-go/easel/internal/model/cliptext"
)

// TestGoldenSingleFile opens single files in the names of CompVis and SGM and compares
// every network with its diffusers twin.
func TestGoldenSingleFile(t *testing.T) {
	dir := golden.Part(t, "checkpoint/ldm")
	for _, path := range golden.Glob(t, dir, "*_outputs.safetensors") {
		kind := strings.TrimSuffix(filepath.Base(path), "_outputs.safetensors")
		t.Run(kind, func(t *testing.T) {
			b := open(t, filepath.Join(dir, kind+".safetensors"), Options{
				Config: filepath.Join(dir, "config_"+kind), Tokenizer: "no tokenizer fits so small a vocabulary", Partial: true,
			})
			singleOutputs(t, b, golden.Tensors(t, path))
		})
	}
}

func singleOutputs(t *testing.T, b *Bundle, f *golden.File) {
	tol := golden.Tol{Abs: 2e-5, Rel: 2e-5, From: "float32 sums of a few hundred terms of size 1"}
	g := graph.New()
	sample, ctx := f.Get(t, "sample"), f.Get(t, "context")
	in := UNetInputs(g, b.UNet.Config(), 1, sample.Shape[2], sample.Shape[3], ctx.Shape[1], false)
	vals := map[string]any{"sample": values(sample), "context": ctx.Float32s(), "time": b.UNet.TimeFeatures(doubles(f.Get(t, "timestep")))}
	if b.UNet.Config().AddEmbeddingIn > 0 {
		// The twin was given the second encoder's pooled text.
		vals["pooled"] = f.Get(t, "text_encoder_2.pooled").Float32s()
		vals["time_ids"] = b.UNet.TimeIDFeatures(doubles(f.Get(t, "time_ids")))
	}
	golden.Close(t, "unet", evaluate(t, b, g, vals, b.UNet.Forward(g, in))[0], values(f.Get(t, "unet")), tol)

	moments, err := b.EncodeImage(t.Context(), picture(f.Get(t, "image")))
	if err != nil {
		t.Fatal(err)
	}
	mean := values(f.Get(t, "vae.encode.mean"))
	var have []float32
	for row := range slices.Chunk(moments.Pix, moments.C) {
		have = append(have, row[:moments.C/2]...)
	}
	golden.Close(t, "vae.encode.mean", have, mean, ofLargest(mean, 4))
	want := values(f.Get(t, "vae.decode"))
	p, err := b.DecodeLatents(t.Context(), picture(sample).window(0, 0, 8, 8), false) // the twin decoded this part of the sample
	if err != nil {
		t.Fatal(err)
	}
	golden.Close(t, "vae.decode", p.Pix, want, ofLargest(want, 1))
	singleTexts(t, b, f, tol)
}

func singleTexts(t *testing.T, b *Bundle, f *golden.File, tol golden.Tol) {
	var ids []int32
	for _, id := range f.Get(t, "input_ids").Ints() {
		ids = append(ids, int32(id))
	}
	for i, te := range b.Text {
		g := graph.New()
		o := te.CLIP.Forward(g, cliptext.Inputs{IDs: g.Input("ids", tensor.Int32, 1, len(ids)), End: g.Input("end", tensor.Int32, 1)})
		got := evaluate(t, b, g, map[string]any{"ids": ids, "end": te.CLIP.Config().Ends([][]int32{ids})}, o.Last, o.States[len(o.States)-2], o.Pooled)
		name := []string{"text_encoder", "text_encoder_2"}[i]
		for k, key := range []string{".last", ".penultimate", ".pooled"} {
			if f.Has(name + key) {
				golden.Close(t, name+key, got[k], f.Get(t, name+key).Float32s(), tol)
			}
		}
	}
}

// TestGoldenDiffSynthVAE compares the autoencoder under DiffSynth's numerics.
func TestGoldenDiffSynthVAE(t *testing.T) {
	f := golden.Tensors(t, golden.Part(t, "pipeline/diffsynth/vae.safetensors"))
	b, have := diffSynthVAE(t, f)
	want := values(f.Get(t, "decoded"))
	golden.Close(t, "decoded", have, want, ofLargest(want, 1))
	m, err := b.EncodeImage(t.Context(), picture(f.Get(t, "picture")))
	if err != nil {
		t.Fatal(err)
	}
	mean := values(f.Get(t, "encoded_mean_scaled"))
	golden.Close(t, "encoded_mean_scaled", b.Mean(m).Pix, mean, ofLargest(mean, 4))
}

// diffSynthVAE returns the Kolors model that f was made with and what it decodes. The
// file does not name it: it is the one whose pictures come nearest, a wrong one's being
// others altogether.
func diffSynthVAE(t *testing.T, f *golden.File) (nearest *Bundle, decoded []float32) {
	var want []float64
	best := math.Inf(1)
	for _, v := range values(f.Get(t, "decoded")) {
		want = append(want, float64(v))
	}
	for _, dir := range kinds(t) {
		b := open(t, dir, Options{Numerics: LikeDiffSynth})
		if b.Text[0].GLM == nil {
			continue
		}
		p, err := b.DecodeLatents(t.Context(), picture(f.Get(t, "z")), false)
		if err == nil && len(p.Pix) == len(want) && distance(p.Pix, want) < best {
			nearest, decoded, best = b, p.Pix, distance(p.Pix, want)
		}
	}
	if nearest == nil {
		t.Fatal("no Kolors model beside DiffSynth's cases")
	}
	return nearest, decoded
}
