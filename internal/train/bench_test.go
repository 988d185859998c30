package train

import (
	"testing"

	"github.com/easel-go/easel/internal/engine/cpu"
	"github.com/easel-go/easel/internal/golden"
	"github.com/easel-go/easel/internal/model"
	"github.com/easel-go/easel/internal/rng"
)

// BenchmarkStep takes whole steps, forward, backward and AdamW, of the network of
// goldens/train at two sizes.
func BenchmarkStep(b *testing.B) {
	for _, c := range []struct {
		name  string
		batch int
		side  int
	}{{"batch1/8x8", 1, 8}, {"batch4/16x16", 4, 16}} {
		b.Run(c.name, func(b *testing.B) { benchStep(b, c.batch, c.side) })
	}
}

func benchStep(b *testing.B, n, side int) {
	bundle, err := model.Open(golden.Part(b, "train/model"), model.Options{Engine: cpu.New(cpu.Options{}), Partial: true})
	if err != nil {
		b.Fatal(err)
	}
	defer bundle.Close()
	a, err := Attach(Match(bundle.UNet, targets), Init{Rank: 16, Alpha: 4, Draw: &rng.Torch{}})
	if err != nil {
		b.Fatal(err)
	}
	tr, err := New(bundle, a, Options{Optimizer: &AdamW{LearningRate: 1e-4, WeightDecay: 0.01}})
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
		batch.Conds = append(batch.Conds, model.Cond{Rows: 77, Context: draw(77 * u.ContextDim()), Pooled: draw(u.PooledDim()), TimeIDs: TimeIDs(8*side, 8*side)})
	}
	for b.Loop() {
		if _, err := tr.Micro(b.Context(), batch); err != nil {
			b.Fatal(err)
		}
		if _, err := tr.Update(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "pictures/s")
}
