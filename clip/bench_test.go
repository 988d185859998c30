package clip

import (
	"image"
	"math/rand/v2"
	"testing"

	"gorgonia.org/tensor"

	"github.com/easel-go/easel/internal/asm"
	"github.com/easel-go/easel/internal/engine"
	"github.com/easel-go/easel/internal/graph"
	"github.com/easel-go/easel/internal/graph/plan"
	"github.com/easel-go/easel/internal/imageio"
	"github.com/easel-go/easel/internal/model/clipvision"
	"github.com/easel-go/easel/internal/nn"
)

// vitB32 is the picture tower of openai/clip-vit-base-patch32 with random weights,
// stored as float32 or float16: the time of dense arithmetic does not depend on values.
func vitB32(b *testing.B, half bool, opts ...Option) *look {
	b.Helper()
	c, err := clipvision.Parse([]byte("{}")) // transformers' defaults are this model
	if err != nil {
		b.Fatal(err)
	}
	tower := clipvision.New(c)
	r := rand.New(rand.NewPCG(1, 1))
	for name, p := range nn.Walk[*nn.Param](tower) {
		p.Name, p.Value = name, randomWeight(r, p.Shape, half)
	}
	o, err := newOptions(opts)
	if err != nil {
		b.Fatal(err)
	}
	prepare, err := likeCLIP(c.Image).finish(c.Image)
	if err != nil {
		b.Fatal(err)
	}
	run := o.newRunner()
	b.Cleanup(func() { run.close() })
	l, err := newLook(run, tower, prepare)
	if err != nil {
		b.Fatal(err)
	}
	return l
}

func randomWeight(r *rand.Rand, shape tensor.Shape, half bool) *tensor.Dense {
	x := make([]float32, shape.TotalSize())
	for i := range x {
		x[i] = 0.1 * (r.Float32() - 0.5)
	}
	if !half {
		return tensor.New(tensor.WithShape(shape...), tensor.WithBacking(x))
	}
	h := make([]engine.F16, len(x))
	asm.NarrowF16(h, x)
	return tensor.New(tensor.WithShape(shape...), tensor.WithBacking(h))
}

// BenchmarkTower looks at batches of 8 prepared pictures of 224×224.
func BenchmarkTower(b *testing.B) {
	const batch = 8
	for _, c := range []struct {
		name string
		half bool
		opts []Option
	}{{"f32", false, nil}, {"f32 from f16", true, nil}, {"bf16", true, []Option{WithPrecision(BF16)}}} {
		b.Run(c.name, func(b *testing.B) {
			l := vitB32(b, c.half, c.opts...)
			flops := programFLOPs(b, l, batch)
			pixels := make([]float32, batch*l.size*l.size*3)
			run := func() {
				var rows [][]float32
				if err := l.run(b.Context(), pixels, batch, &rows); err != nil {
					b.Fatal(err)
				}
			}
			run()
			for b.Loop() {
				run()
			}
			s := b.Elapsed().Seconds()
			b.ReportMetric(float64(batch*b.N)/s, "images/s")
			b.ReportMetric(flops*float64(b.N)/s/1e9, "GFLOPS")
		})
	}
}

func programFLOPs(b *testing.B, l *look, batch int) float64 {
	p, err := l.runner.compile(func(g *graph.Builder) *graph.Node {
		return l.forward(g, g.Input("pixels", engine.Float32, batch, l.size, l.size, 3))
	})
	if err != nil {
		b.Fatal(err)
	}
	return p.FLOPs()
}

// BenchmarkPictures goes from encoded JPEGs of 512×512 to embeddings, and part of the way.
func BenchmarkPictures(b *testing.B) {
	const batch = 8
	l := vitB32(b, false)
	var files [][]byte
	for i := range batch {
		files = append(files, jpeg(b, i))
	}
	decode := func() (pics []image.Image) {
		for _, f := range files {
			p, err := imageio.DecodeRGB(f, imageio.Strict)
			if err != nil {
				b.Fatal(err)
			}
			pics = append(pics, p.RGBAImage())
		}
		return pics
	}
	pics := decode()
	pixels := make([]float32, batch*l.size*l.size*3)
	for _, c := range []struct {
		name string
		do   func() error
	}{
		{"decode", func() error { decode(); return nil }},
		{"prepare", func() error { return l.fill(b.Context(), pixels, pics, 0) }},
		{"all", func() error { _, err := l.rows(b.Context(), decode()); return err }},
	} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				if err := c.do(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(batch*b.N)/b.Elapsed().Seconds(), "images/s")
		})
	}
}

// jpeg is a picture with detail at every scale.
func jpeg(b *testing.B, seed int) []byte {
	const n = 512
	p, err := imageio.New(imageio.RGB, n, n)
	if err != nil {
		b.Fatal(err)
	}
	r := rand.New(rand.NewPCG(2, uint64(seed)))
	for i := range p.Pix {
		x, y := i/3%n, i/3/n
		p.Pix[i] = uint8(x*y>>11 + 40*(x>>5&1) + r.IntN(60))
	}
	var w writer
	if err := imageio.EncodeJPEG(&w, p, imageio.JPEGOptions{Quality: 90}); err != nil {
		b.Fatal(err)
	}
	return w
}

type writer []byte

func (w *writer) Write(p []byte) (int, error) { *w = append(*w, p...); return len(p), nil }

// TestTowerPlan says what the tower costs: the last layer looks at one row alone.
func TestTowerPlan(t *testing.T) {
	m := tinyModel(t)
	whole, short := planOf(t, m, false), planOf(t, m, true)
	if short.FLOPs() >= whole.FLOPs() {
		t.Errorf("%g operations for the embedding, want fewer than the whole tower's %g", short.FLOPs(), whole.FLOPs())
	}
	t.Logf("%.0f of %.0f operations", short.FLOPs(), whole.FLOPs())
}

func planOf(t *testing.T, m *Model, pooled bool) *plan.Program {
	t.Helper()
	p, err := m.runner.compile(func(g *graph.Builder) *graph.Node {
		o := m.pair.Vision.Forward(g, g.Input("pixels", engine.Float32, 1, m.look.size, m.look.size, 3))
		if pooled {
			return o.Pooled
		}
		return o.States[len(o.States)-1]
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}
