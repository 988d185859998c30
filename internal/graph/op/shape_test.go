package op_test

import (
	"hash/fnv"
	"math/rand/v2"
	"testing"

	"gorgonia.org/tensor"

	"github.com/easel-go/easel/internal/engine"
	"github.com/easel-go/easel/internal/engine/enginetest"
	"github.com/easel-go/easel/internal/fault"
	"github.com/easel-go/easel/internal/graph"
	"github.com/easel-go/easel/internal/graph/op"
)

// calls has every constructor, on operands that may be anything.
var calls = map[string]func(b *graph.Builder, x, y, z *node, n func() int) *node{
	"linear":    func(b *graph.Builder, x, y, z *node, _ func() int) *node { return op.Linear(b, x, y, z) },
	"linearT":   func(b *graph.Builder, x, y, z *node, _ func() int) *node { return op.LinearT(b, x, y, z) },
	"matmul":    func(b *graph.Builder, x, y, _ *node, n func() int) *node { return op.MatMul(b, x, y, n() > 1, n() > 1) },
	"conv2d":    func(b *graph.Builder, x, y, z *node, n func() int) *node { return op.Conv2D(b, x, y, z, anyConv(n)) },
	"groupnorm": func(b *graph.Builder, x, y, z *node, n func() int) *node { return op.GroupNorm(b, x, y, z, n(), 1e-5) },
	"layernorm": func(b *graph.Builder, x, y, z *node, _ func() int) *node { return op.LayerNorm(b, x, y, z, 1e-5) },
	"rmsnorm":   func(b *graph.Builder, x, y, _ *node, _ func() int) *node { return op.RMSNorm(b, x, y, 1e-5) },
	"attention": func(b *graph.Builder, x, y, z *node, n func() int) *node {
		return op.Attention(b, x, y, z, op.Attn{Heads: n(), KVHeads: n()})
	},
	"masked": func(b *graph.Builder, x, y, z *node, n func() int) *node {
		return op.Attention(b, x, x, x, op.Attn{Heads: n(), KeyBias: y, Mask: z})
	},
	"act":      func(b *graph.Builder, x, _, _ *node, n func() int) *node { return op.Act(b, x, engine.Func(20*n())) },
	"geglu":    func(b *graph.Builder, x, _, _ *node, _ func() int) *node { return op.GEGLU(b, x) },
	"softmax":  func(b *graph.Builder, x, _, _ *node, _ func() int) *node { return op.Softmax(b, x) },
	"add":      func(b *graph.Builder, x, y, _ *node, _ func() int) *node { return op.Add(b, x, y) },
	"sub":      func(b *graph.Builder, x, y, _ *node, _ func() int) *node { return op.Sub(b, x, y) },
	"mul":      func(b *graph.Builder, x, y, _ *node, _ func() int) *node { return op.Mul(b, x, y) },
	"add item": func(b *graph.Builder, x, y, _ *node, _ func() int) *node { return op.AddItem(b, x, y) },
	"mul item": func(b *graph.Builder, x, y, _ *node, _ func() int) *node { return op.MulItem(b, x, y) },
	"scale":    func(b *graph.Builder, x, _, _ *node, n func() int) *node { return op.Scale(b, x, float32(n())) },
	"scale by": func(b *graph.Builder, x, y, _ *node, _ func() int) *node { return op.ScaleBy(b, x, y) },
	"lincomb": func(b *graph.Builder, x, y, z *node, n func() int) *node {
		return op.LinComb(b, make([]float32, n()+1), x, y, z)
	},
	"concat":  func(b *graph.Builder, x, y, z *node, n func() int) *node { return op.Concat(b, n()-3, x, y, z) },
	"slice":   func(b *graph.Builder, x, _, _ *node, n func() int) *node { return op.Slice(b, x, n()-3, n()-2, n()) },
	"reshape": func(b *graph.Builder, x, _, _ *node, n func() int) *node { return op.Reshape(b, x, n()-2, n(), n()-1) },
	"permute": func(b *graph.Builder, x, _, _ *node, n func() int) *node {
		return op.Permute(b, x, n()-1, n()-1, n()-1)
	},
	"upsample": func(b *graph.Builder, x, _, _ *node, n func() int) *node { return op.Upsample(b, x, 2*n(), 2*n()) },
	"rope": func(b *graph.Builder, x, y, _ *node, n func() int) *node {
		if s := b.Desc(x).Shape; len(s) == 4 && n() > 0 {
			y = b.Input("table", tensor.Float32, s[1], n(), 2)
		}
		return op.Rope(b, x, y, n())
	},
	"embed": func(b *graph.Builder, x, y, _ *node, _ func() int) *node { return op.Embed(b, x, y) },
	"cast": func(b *graph.Builder, x, _, _ *node, n func() int) *node {
		return op.Cast(b, x, [...]tensor.Dtype{engine.Float16, engine.Int32, engine.Float32, {}}[n()])
	},
	"mse":        func(b *graph.Builder, x, y, z *node, _ func() int) *node { return op.MSE(b, x, y, z) },
	"sumsquares": func(b *graph.Builder, x, _, _ *node, _ func() int) *node { return op.SumSquares(b, x) },
}

func anyConv(n func() int) op.Conv {
	return op.Conv{Stride: n() - 1, Pad: [4]int{n() - 1, n() - 1, n() - 1, n() - 1}, UpH: n() * n(), UpW: n() * n()}
}

// TestAnyShape calls every constructor with operands of random shapes and dtypes, nil
// among them. It must fail as graph.Catch can report, or make a node whose kernel
// reads and writes as much as the nodes have; and then its gradient must be such, too.
func TestAnyShape(t *testing.T) {
	for name, call := range calls {
		seed := fnv.New64a() // of its own for each, whatever the order of the map
		seed.Write([]byte(name))
		rng := rand.New(rand.NewPCG(3, seed.Sum64()))
		good := 0
		for range 2000 {
			b := graph.New()
			y, err := callAny(b, rng, call)
			if err == nil {
				good++
				err = checkKernels(b)
			}
			if k := fault.KindOf(err); err != nil && k != fault.Shape && k != fault.Invalid {
				t.Fatalf("%s: error %v of kind %q", name, err, k)
			}
			if err == nil && b.Desc(y).Size() == 0 {
				t.Fatalf("%s: a node of shape %v", name, y.Shape())
			}
		}
		if good == 0 {
			t.Errorf("%s: no call was right", name)
		}
	}
}

// callAny makes operands, calls, and puts a loss and its gradient behind the result.
func callAny(b *graph.Builder, rng *rand.Rand, call func(b *graph.Builder, x, y, z *node, n func() int) *node) (y *node, err error) {
	defer graph.Catch(&err)
	n := func() int { return rng.IntN(4) }
	var before []int
	operand := func(name string) *node {
		if rng.IntN(5) == 0 {
			return nil
		}
		if before != nil && rng.IntN(3) == 0 {
			return b.Input(name, tensor.Float32, before...)
		}
		dt := tensor.Float32
		if rng.IntN(4) == 0 {
			dt = tensor.Int32
		}
		shape := make([]int, 1+rng.IntN(4))
		for i := range shape {
			shape[i] = 1 + rng.IntN(2)
		}
		before = shape
		return b.Input(name, dt, shape...)
	}
	x := operand("x")
	y = call(b, x, operand("y"), operand("z"), n)
	if b.Desc(y).Dtype == tensor.Float32 && b.Desc(x).Dtype == tensor.Float32 {
		graph.Backprop(b, op.SumSquares(b, y), x)
	}
	return y, nil
}

// checkKernels holds the sizes of the kernels' operands against the nodes'.
func checkKernels(b *graph.Builder) error {
	for _, n := range b.Nodes() {
		c := graph.CallOf(n)
		if c == nil {
			continue
		}
		if _, _, part := graph.PartOf(n); part {
			continue
		}
		outs, used := []graph.Desc{c.Out}, []bool(nil)
		if p, ok := c.Op.(graph.Packed); ok {
			outs, used = nil, make([]bool, len(p.Parts(c.Descs())))
			for i := range used {
				used[i] = true
			}
			for _, i := range p.Written(used) {
				outs = append(outs, p.Parts(c.Descs())[i])
			}
		}
		k := c.Op.Kernel(c.Descs(), used)
		if k == nil {
			continue // a view
		}
		in, out := enginetest.Operands(k)
		if !fit(in, c.Descs()) || !fit(out, outs) {
			return fault.Newf("kernel does not fit", "op", "%s: %+v reads %v and writes %v", c.Op.Name(), k, in, out)
		}
	}
	return nil
}

func fit(ops []enginetest.Operand, ds []graph.Desc) bool {
	if len(ops) != len(ds) {
		return false
	}
	for i, o := range ops {
		if o.Len != ds[i].Size() || o.Dtype != ds[i].Dtype {
			return false
		}
	}
	return true
}
