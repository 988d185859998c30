package unet

import (
	"testing"

	"gorgonia.org/tensor"

	"github.com/easel-go/easel/internal/engine"
	"github.com/easel-go/easel/internal/engine/cpu"
	"github.com/easel-go/easel/internal/graph"
	"github.com/easel-go/easel/internal/graph/plan"
	"github.com/easel-go/easel/internal/nn"
)

// BenchmarkSDXLBlock times SDXL's third level of the way down at 1024×1024, two pictures
// at a time: two ResNets and two transformers of ten blocks, 1280 channels wide, 32×32
// pixels, from float16 weights. The network spends most of its time in its like.
func BenchmarkSDXLBlock(b *testing.B) {
	const batch, edge, rows = 2, 32, 77
	d := newDownBlock(Config{
		BlockOutChannels: []int{320, 640, 1280}, DownCross: []bool{false, true, true}, LayersPerBlock: 2,
		TransformerLayers: []int{1, 2, 10}, Heads: []int{5, 10, 20}, CrossAttentionDim: 2048,
		LinearProjection: true, Groups: 32, NormEps: 1e-5, TransformerEps: 1e-6,
	}, 2, false)
	bindSmall(d)
	g := graph.New()
	x := g.Input("x", tensor.Float32, batch, edge, edge, 640)
	temb := g.Input("temb", tensor.Float32, batch, 1280)
	text := g.Input("text", tensor.Float32, batch, rows, 2048)
	y, _ := d.forward(g, x, temb, context{x: text}, nil)
	p, err := plan.Compile(g, plan.Options{Engine: cpu.New(cpu.Options{})}, y)
	if err != nil {
		b.Fatal(err)
	}
	vm, err := p.NewVM()
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { vm.Close() })
	for name, n := range map[string]int{"x": batch * edge * edge * 640, "temb": batch * 1280, "text": batch * rows * 2048} {
		if err := vm.Set(name, saw(n)); err != nil {
			b.Fatal(err)
		}
	}
	if err := vm.Run(b.Context()); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if err := vm.Run(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(b.Elapsed().Seconds()/float64(b.N), "s/call")
}

// bindSmall gives every parameter float16 numbers of its own, of ±2⁻⁶ to 2⁻⁵.
func bindSmall(root any) {
	for name, p := range nn.Walk[*nn.Param](root) {
		v := make([]engine.F16, p.Shape.TotalSize())
		for i := range v {
			v[i] = engine.F16(uint32(i)*0x9e3779b9>>16&0x83ff | 9<<10)
		}
		p.Name = name
		p.Value = tensor.New(tensor.WithShape(p.Shape...), tensor.Of(engine.Float16), tensor.WithBacking(v))
	}
}

// saw returns n numbers from −1 to 1.
func saw(n int) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(i%17-8) / 8
	}
	return v
}
