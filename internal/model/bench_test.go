package model

import (
	"os"
	"testing"

	"github.com/easel-go/easel/internal/engine"
	"github.com/easel-go/easel/internal/engine/cpu"
)

// benchModel opens the folder that EASEL_BENCH_MODEL names, such as
// internal/tool/randommodel writes.
func benchModel(b *testing.B, o Options) *Bundle {
	dir := os.Getenv("EASEL_BENCH_MODEL")
	if dir == "" {
		b.Skip("EASEL_BENCH_MODEL names no model folder; internal/tool/randommodel writes one")
	}
	o.Engine = cpu.New(cpu.Options{})
	m, err := Open(dir, o)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { m.Close() })
	return m
}

// BenchmarkUNet times one call of the UNet for batch 2, as guidance makes it, with the
// 77 rows of text that CLIP gives.
func BenchmarkUNet(b *testing.B) {
	for _, size := range []struct {
		name  string
		edge  int
		dtype Options
	}{
		{"256/f32", 32, Options{Compute: engine.Float32}}, {"256/bf16", 32, Options{Compute: engine.Bfloat16}},
		{"512/f32", 64, Options{Compute: engine.Float32}}, {"1024/f32", 128, Options{Compute: engine.Float32}},
	} {
		b.Run(size.name, func(b *testing.B) {
			m := benchModel(b, size.dtype)
			u := m.UNet.Config()
			conds := make([]Cond, 2)
			for i := range conds {
				conds[i] = Cond{Rows: 77, Context: make([]float32, 77*u.ContextDim())}
				if u.AddEmbeddingIn > 0 {
					conds[i].Pooled, conds[i].TimeIDs = make([]float32, u.PooledDim()), make([]float64, 6)
				}
			}
			d, err := m.Denoiser(size.edge, size.edge, conds)
			if err != nil {
				b.Fatal(err)
			}
			x, y := make([]float32, 2*d.size), make([]float32, 2*d.out)
			for i := range x {
				x[i] = float32(i%17-8) / 8
			}
			for b.Loop() {
				if err := d.Run(b.Context(), y, x, 500); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "calls/s")
		})
	}
}

// BenchmarkDecode times the autoencoder's decoder.
func BenchmarkDecode(b *testing.B) {
	for name, edge := range map[string]int{"256": 32, "512": 64} {
		b.Run(name, func(b *testing.B) {
			m := benchModel(b, Options{Compute: engine.Float32})
			z := NewPicture(edge, edge, m.VAE.Config().LatentChannels)
			for b.Loop() {
				if _, err := m.DecodeZ(b.Context(), z); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "pictures/s")
		})
	}
}

// BenchmarkOpen times the opening of a folder that is in the page cache.
func BenchmarkOpen(b *testing.B) {
	dir := os.Getenv("EASEL_BENCH_MODEL")
	if dir == "" {
		b.Skip("EASEL_BENCH_MODEL names no model folder; internal/tool/randommodel writes one")
	}
	for b.Loop() {
		m, err := Open(dir, Options{Engine: cpu.New(cpu.Options{})})
		if err != nil {
			b.Fatal(err)
		}
		m.Close()
	}
}
