package plan

import (
	"fmt"
	"testing"

	"gorgonia.org/tensor"

	"github.com/easel-go/easel/internal/engine"
	"github.com/easel-go/easel/internal/engine/enginetest"
	"github.com/easel-go/easel/internal/graph"
	"github.com/easel-go/easel/internal/graph/op"
)

// planned is an engine that prepares anything and computes nothing.
type planned struct{ enginetest.Engine }

type nothing struct{}

func (nothing) Scratch() int64                           { return 1 << 20 }
func (nothing) Launch(engine.Run, *engine.Args) error    { return nil }
func (planned) Prepare(engine.Op) (engine.Kernel, error) { return nothing{}, nil }

// xl builds the UNet of SDXL in its real sizes, the weights being one zero matrix in
// many disguises, which the planner cannot tell.
type xl struct {
	*graph.Builder
	zeros  []float32
	n      int
	rank   int // of trainable deltas on the attention layers; 0 means none
	train  []*graph.Node
	scale  *graph.Node
	blocks int
}

func newXL(rank int) *xl {
	x := &xl{Builder: graph.New(), zeros: make([]float32, 2560*1280*9), rank: rank}
	if rank > 0 {
		x.scale = x.Input("scale", tensor.Float32, 1)
	}
	return x
}

func (x *xl) weight(shape ...int) *graph.Node {
	x.n++
	return x.Const(fmt.Sprint("w", x.n), x.dense(shape))
}

func (x *xl) dense(shape []int) *tensor.Dense {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return tensor.New(tensor.WithShape(shape...), tensor.WithBacking(x.zeros[:n:n]))
}

func (x *xl) linear(h *graph.Node, in, out int, bias, adapted bool) *graph.Node {
	var b *graph.Node
	if bias {
		b = x.weight(out)
	}
	y := op.Linear(x.Builder, h, x.weight(out, in), b)
	if !adapted || x.rank == 0 {
		return y
	}
	x.n++
	down := x.Variable(fmt.Sprint("down", x.n), x.dense([]int{x.rank, in}))
	up := x.Variable(fmt.Sprint("up", x.n), x.dense([]int{out, x.rank}))
	x.train = append(x.train, down, up)
	t := op.ScaleBy(x.Builder, op.Linear(x.Builder, h, down, nil), x.scale)
	return op.Add(x.Builder, y, op.Linear(x.Builder, t, up, nil))
}

func (x *xl) conv(h *graph.Node, in, out, k int, c op.Conv) *graph.Node {
	if c.Stride == 0 && k == 3 {
		c.Pad = [4]int{1, 1, 1, 1}
	}
	return op.Conv2D(x.Builder, h, x.weight(out, in, k, k), x.weight(out), c)
}

func (x *xl) normSiLU(h *graph.Node, c int) *graph.Node {
	return op.SiLU(x.Builder, op.GroupNorm(x.Builder, h, x.weight(c), x.weight(c), 32, 1e-5))
}

func (x *xl) block(kind string) func() {
	x.blocks++
	return x.Scope(fmt.Sprintf("%d.%s", x.blocks, kind))
}

func (x *xl) resnet(h, temb *graph.Node, in, out int) *graph.Node {
	defer x.block("resnet")()
	y := x.conv(x.normSiLU(h, in), in, out, 3, op.Conv{})
	y = op.AddItem(x.Builder, y, x.linear(op.SiLU(x.Builder, temb), 1280, out, true, false))
	y = x.conv(x.normSiLU(y, out), out, out, 3, op.Conv{})
	if in != out {
		h = x.conv(h, in, out, 1, op.Conv{})
	}
	return op.Add(x.Builder, h, y)
}

func (x *xl) attend(h, ctx *graph.Node, c, cc int) *graph.Node {
	q, k, v := x.linear(h, c, c, false, true), x.linear(ctx, cc, c, false, true), x.linear(ctx, cc, c, false, true)
	return x.linear(op.Attention(x.Builder, q, k, v, op.Attn{Heads: c / 64}), c, c, true, true)
}

func (x *xl) norm(h *graph.Node, c int) *graph.Node {
	return op.LayerNorm(x.Builder, h, x.weight(c), x.weight(c), 1e-5)
}

func (x *xl) transformer(h, ctx *graph.Node, c, depth int) *graph.Node {
	b := x.Builder
	defer x.block("transformer")()
	around, s := h, b.Desc(h).Shape
	h = op.GroupNorm(b, h, x.weight(c), x.weight(c), 32, 1e-6)
	h = x.linear(op.Reshape(b, h, s[0], s[1]*s[2], c), c, c, true, false)
	for range depth {
		h = x.layer(h, ctx, c)
	}
	return op.Add(b, op.Reshape(b, x.linear(h, c, c, true, false), s...), around)
}

func (x *xl) layer(h, ctx *graph.Node, c int) *graph.Node {
	b := x.Builder
	defer x.block("layer")()
	n := x.norm(h, c)
	h = op.Add(b, x.attend(n, n, c, c), h)
	h = op.Add(b, x.attend(x.norm(h, c), ctx, c, 2048), h)
	y := op.GEGLU(b, x.linear(x.norm(h, c), c, 8*c, true, false))
	return op.Add(b, x.linear(y, 4*c, c, true, false), h)
}

// unet is the network at 1024×1024, a batch of two.
func (x *xl) unet() *graph.Node {
	b := x.Builder
	in, ctx := x.Input("x", tensor.Float32, 2, 128, 128, 4), x.Input("ctx", tensor.Float32, 2, 77, 2048)
	temb := x.linear(op.SiLU(b, x.linear(x.Input("t", tensor.Float32, 2, 320), 320, 1280, true, false)), 1280, 1280, true, false)
	widths, depths := []int{320, 640, 1280}, []int{0, 2, 10}
	h := x.conv(in, 4, 320, 3, op.Conv{})
	skips, skipWidths, c := []*graph.Node{h}, []int{320}, 320
	keep := func() { skips, skipWidths = append(skips, h), append(skipWidths, c) }
	for i, w := range widths {
		for range 2 {
			h, c = x.resnet(h, temb, c, w), w
			if depths[i] > 0 {
				h = x.transformer(h, ctx, c, depths[i])
			}
			keep()
		}
		if i < 2 {
			h = x.conv(h, c, c, 3, op.Conv{Stride: 2, Pad: [4]int{1, 1, 1, 1}})
			keep()
		}
	}
	h = x.resnet(x.transformer(x.resnet(h, temb, c, c), ctx, c, 10), temb, c, c)
	for i := 2; i >= 0; i-- {
		for range 3 {
			last := len(skips) - 1
			h = x.resnet(op.Concat(b, -1, h, skips[last]), temb, c+skipWidths[last], widths[i])
			skips, skipWidths, c = skips[:last], skipWidths[:last], widths[i]
			if depths[i] > 0 {
				h = x.transformer(h, ctx, c, depths[i])
			}
		}
		if i > 0 {
			s := b.Desc(h).Shape
			h = x.conv(op.Upsample(b, h, 2*s[1], 2*s[2]), c, c, 3, op.Conv{})
		}
	}
	return x.conv(x.normSiLU(h, c), c, 4, 3, op.Conv{})
}

func (x *xl) training() []*graph.Node {
	loss := op.MSE(x.Builder, x.unet(), x.Input("target", tensor.Float32, 2, 128, 128, 4), nil)
	return append([]*graph.Node{loss}, graph.Backprop(x.Builder, loss, x.train...)...)
}

// segment numbers the blocks by their scopes.
func segment(n *graph.Node) int {
	number := 0
	for _, r := range graph.CallOf(n).Scope {
		if r < '0' || r > '9' {
			break
		}
		number = 10*number + int(r-'0')
	}
	return number
}

// TestSlabOfSDXL holds the slab of networks of real size against the most memory in
// use at once.
func TestSlabOfSDXL(t *testing.T) {
	check := func(name string, o Options, b *graph.Builder, outs ...*graph.Node) {
		o.Engine = planned{}
		p, err := Compile(b, o, outs...)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: %d nodes, %d steps, slab %s, in use %s, %s", name, len(b.Nodes()), p.Steps(), size(p.slab), size(p.live), count(p.flops, "FLOP"))
		if float64(p.slab) > 1.1*float64(p.live) {
			t.Errorf("%s: slab of %d bytes for %d", name, p.slab, p.live)
		}
	}
	x := newXL(0)
	check("inference", Options{}, x.Builder, x.unet())
	x = newXL(16)
	outs := x.training()
	check("training", Options{}, x.Builder, outs...)
	check("training with checkpoints", Options{Checkpoint: segment}, x.Builder, outs...)
}

func BenchmarkCompile(b *testing.B) {
	bench := func(name string, o Options, g *graph.Builder, outs ...*graph.Node) {
		o.Engine = planned{}
		b.Run(name, func(b *testing.B) {
			b.ReportMetric(float64(len(g.Nodes())), "nodes")
			for b.Loop() {
				if _, err := Compile(g, o, outs...); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	x := newXL(0)
	bench("sdxl-inference", Options{}, x.Builder, x.unet())
	x = newXL(16)
	outs := x.training()
	bench("sdxl-training", Options{}, x.Builder, outs...)
	bench("sdxl-training-checkpoints", Options{Checkpoint: segment}, x.Builder, outs...)
}

func BenchmarkBuild(b *testing.B) {
	b.Run("sdxl-inference", func(b *testing.B) {
		for b.Loop() {
			newXL(0).unet()
		}
	})
	b.Run("sdxl-training", func(b *testing.B) {
		for b.Loop() {
			newXL(16).training()
		}
	})
}
