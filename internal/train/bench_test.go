package train

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/easel-go/easel/internal/engine"
	"github.com/easel-go/easel/internal/engine/cpu"
	"github.com/easel-go/easel/internal/golden"
	"github.com/easel-go/easel/internal/model"
	"github.com/easel-go/easel/internal/rng"
)

// BenchmarkStep takes whole steps, forward, backward and AdamW, of the network of
// goldens/train at two sizes. EASEL_BENCH_MODEL names a folder with a unet in it, such as
// internal/tool/randommodel writes, for steps of that at 256×256 pixels as well: plain,
// with recomputation, and in bfloat16.
func BenchmarkStep(b *testing.B) {
	tiny := golden.Part(b, "train/model")
	for _, c := range []struct {
		name, dir   string
		batch, side int
		o           Options
	}{
		{"tiny/batch1/8x8", tiny, 1, 8, Options{}},
		{"tiny/batch4/16x16", tiny, 4, 16, Options{}},
		{"model/plain", os.Getenv("EASEL_BENCH_MODEL"), 1, 32, Options{}},
		{"model/checkpointing", os.Getenv("EASEL_BENCH_MODEL"), 1, 32, Options{Checkpointing: true}},
		{"model/bf16", os.Getenv("EASEL_BENCH_MODEL"), 1, 32, Options{Compute: engine.Bfloat16}},
	} {
		b.Run(c.name, func(b *testing.B) {
			if c.dir == "" {
				b.Skip("EASEL_BENCH_MODEL names no model")
			}
			benchStep(b, c.dir, c.batch, c.side, c.o)
		})
	}
}

func benchStep(b *testing.B, dir string, n, side int, o Options) {
	only := b.TempDir() // the unet alone: text encoders are not part of the step
	if err := os.Symlink(filepath.Join(dir, "unet"), filepath.Join(only, "unet")); err != nil {
		b.Skip(err)
	}
	bundle, err := model.Open(only, model.Options{Engine: cpu.New(cpu.Options{}), Partial: true})
	if err != nil {
		b.Fatal(err)
	}
	defer bundle.Close()
	a, err := Attach(Match(bundle.UNet, targets), Init{Rank: 16, Alpha: 4, Draw: &rng.Torch{}})
	if err != nil {
		b.Fatal(err)
	}
	o.Optimizer = &AdamW{LearningRate: 1e-4, WeightDecay: 0.01}
	tr, err := New(bundle, a, o)
	if err != nil {
		b.Fatal(err)
	}
	defer tr.Close()
	u := bundle.UNet.Config()
	draw := func(n int) []float32 {
		v := make([]float32, n)
		(&rng.Torch{}).Normal(v, rng.F32)
		return v
	}
	batch := Batch{H: side, W: side, Noisy: draw(n * side * side * u.InChannels), Target: draw(n * side * side * u.OutChannels)}
	for range n {
		batch.Times = append(batch.Times, 500)
		c := model.Cond{Rows: 77, Context: draw(77 * u.ContextDim())}
		if u.AddEmbeddingIn > 0 {
			c.Pooled, c.TimeIDs = draw(u.PooledDim()), TimeIDs(8*side, 8*side)
		}
		batch.Conds = append(batch.Conds, c)
	}
	step := func() {
		if _, err := tr.Micro(b.Context(), batch); err != nil {
			b.Fatal(err)
		}
		if _, err := tr.Update(); err != nil {
			b.Fatal(err)
		}
	}
	step() // compiles
	for b.Loop() {
		step()
	}
	b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "pictures/s")
	b.ReportMetric(float64(tr.Memory())/1e6, "MB-activations")
}
