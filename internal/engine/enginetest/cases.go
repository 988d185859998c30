package enginetest

import (
	"fmt"
	"reflect"

	"gorgonia.org/tensor"

	"github.com/easel-go/easel/internal/engine"
)

// Case is an Op with a name for it: what it is, and where a network has it.
type Case struct {
	Name string
	Op   engine.Op
}

// cases collects Cases.
type cases []Case

func (c *cases) add(op engine.Op, format string, args ...any) {
	name := reflect.TypeOf(op).Name()
	*c = append(*c, Case{name + "/" + fmt.Sprintf(format, args...), op})
}

// Cases returns the suite's Ops: every kind, every choice, the sizes where loops
// change gear, and small relatives of what the networks have.
func Cases() []Case {
	var c cases
	c.matrices()
	c.attention()
	c.norms()
	c.points()
	c.moves()
	c.training()
	return c
}

var dtypes = []tensor.Dtype{engine.Float32, engine.Float16, engine.Bfloat16}

func (c *cases) matrices() {
	for _, d := range dtypes {
		for _, s := range [][4]int{{1, 1, 1, 1}, {2, 3, 5, 7}, {2, 8, 64, 32}, {1, 77, 40, 33}, {3, 5, 300, 65}, {1, 1, 320, 130}, {2, 2, 37, 48}} {
			op := engine.Linear{Batch: s[0], Rows: s[1], In: s[2], Out: s[3], Weight: d, Compute: engine.Float32}
			c.add(op, "%v/%v", d, s)
			op.Bias, op.Residual, op.Act = true, true, engine.SiLU
			c.add(op, "%v/%v/all", d, s)
			op.Transposed, op.Bias, op.Act = true, false, engine.Identity
			c.add(op, "%v/%v/transposed", d, s)
		}
	}
	for fn := engine.Identity; fn <= engine.ReLU; fn++ {
		c.add(engine.Linear{Batch: 1, Rows: 9, In: 20, Out: 35, Weight: engine.Float32, Bias: true, Act: fn, Compute: engine.Float32}, "act%d", fn)
	}
	for _, g := range []engine.GLU{engine.GEGLU, engine.SwiGLU} {
		c.add(engine.Linear{Batch: 2, Rows: 9, In: 33, Out: 70, Weight: engine.Float16, Bias: true, GLU: g, Compute: engine.Float32}, "glu%d", g)
		c.add(engine.Linear{Batch: 1, Rows: 17, In: 64, Out: 128, Weight: engine.Float16, GLU: g, Residual: true, Compute: engine.Float32}, "glu%d/residual", g)
	}
	for _, d := range dtypes {
		c.add(engine.Linear{Batch: 2, Rows: 9, In: 65, Out: 34, Weight: d, Bias: true, Compute: engine.Bfloat16}, "bf16/%v", d)
	}
	for i := range 8 {
		for _, s := range [][3]int{{1, 1, 1}, {7, 33, 20}, {40, 64, 300}} {
			c.add(engine.MatMul{M: s[0], N: s[1], K: s[2], TransA: i&1 != 0, TransB: i&2 != 0, Add: i&4 != 0}, "%v/%d", s, i)
		}
	}
	c.convolutions()
}

func (c *cases) convolutions() {
	base := engine.Conv2D{Batch: 2, H: 9, W: 7, In: 5, Out: 6, KH: 3, KW: 3, Stride: 1, Pad: [4]int{1, 1, 1, 1}, Weight: engine.Float16, Compute: engine.Float32}
	vary := func(name string, f func(*engine.Conv2D)) {
		op := base
		f(&op)
		c.add(op, "%s", name)
		grad := op
		grad.UpH, grad.UpW, grad.Act, grad.Bias, grad.Item, grad.Residual = 0, 0, engine.Identity, false, false, false
		c.add(engine.Conv2DInputGrad{Conv2D: grad}, "%s", name)
		c.add(engine.Conv2DWeightGrad{Conv2D: grad}, "%s", name)
	}
	vary("3x3", func(*engine.Conv2D) {})
	vary("3x3/16", func(op *engine.Conv2D) { op.In, op.Out, op.H, op.W = 16, 32, 8, 8 })
	vary("3x3/wide", func(op *engine.Conv2D) { op.Batch, op.In, op.Out, op.H, op.W = 1, 33, 65, 12, 20 })
	vary("all", func(op *engine.Conv2D) { op.Bias, op.Item, op.Residual, op.Act = true, true, true, engine.SiLU })
	vary("1x1", func(op *engine.Conv2D) { op.KH, op.KW, op.Pad = 1, 1, [4]int{} })
	vary("stride2", func(op *engine.Conv2D) { op.Stride = 2 })
	vary("stride2/bottom", func(op *engine.Conv2D) { op.Stride, op.Pad, op.H, op.W = 2, [4]int{0, 0, 1, 1}, 8, 8 })
	vary("patch", func(op *engine.Conv2D) {
		op.KH, op.KW, op.Stride, op.Pad, op.H, op.W, op.In = 4, 4, 4, [4]int{}, 8, 12, 3
	})
	vary("upsample2", func(op *engine.Conv2D) { op.UpH, op.UpW = 18, 14 })
	vary("upsample/odd", func(op *engine.Conv2D) { op.UpH, op.UpW, op.Bias = 11, 13, true })
	for _, d := range dtypes {
		vary("weights/"+d.String(), func(op *engine.Conv2D) { op.Weight, op.Out = d, 4 })
	}
}

func (c *cases) attention() {
	add := func(op engine.Attention, name string) {
		c.add(op, "%s", name)
		op.LSE = true
		c.add(op, "%s/lse", name)
		c.add(engine.AttentionGrad{Attention: op}, "%s", name)
	}
	for _, s := range [][5]int{{1, 1, 1, 1, 1}, {2, 1, 300, 2, 40}, {1, 33, 1, 1, 5}, {2, 50, 50, 3, 64}, {1, 130, 77, 2, 40}, {1, 64, 257, 1, 80}, {1, 9, 140, 1, 160}, {1, 20, 20, 1, 131}, {1, 40, 130, 2, 1}} {
		op := engine.Attention{Batch: s[0], N: s[1], M: s[2], Heads: s[3], KVHeads: s[3], Dim: s[4], Scale: 0.3}
		add(op, fmt.Sprint(s))
	}
	base := engine.Attention{Batch: 2, N: 70, M: 70, Heads: 4, KVHeads: 4, Dim: 24, Scale: 0.25}
	vary := func(name string, f func(*engine.Attention)) {
		op := base
		f(&op)
		add(op, name)
	}
	vary("causal", func(op *engine.Attention) { op.Causal = true })
	vary("causal/more-keys", func(op *engine.Attention) { op.Causal, op.M = true, 150 })
	vary("causal/fewer-keys", func(op *engine.Attention) { op.Causal, op.M = true, 20 })
	vary("groups", func(op *engine.Attention) { op.KVHeads = 2 })
	vary("one-key-head", func(op *engine.Attention) { op.KVHeads, op.Causal = 1, true })
	vary("keyBias", func(op *engine.Attention) { op.KeyBias, op.M = true, 32 })
	vary("mask", func(op *engine.Attention) { op.Mask, op.M = true, 3 }) // some rows see no key
	vary("both", func(op *engine.Attention) { op.KeyBias, op.Mask, op.M = true, true, 135 })
	vary("large-scores", func(op *engine.Attention) { op.Scale = 30 })
	for n := 1; n <= 70; n += 3 {
		add(engine.Attention{Batch: 1, N: n, M: 71 - n, Heads: 1, KVHeads: 1, Dim: 1 + n%9, Scale: 1}, fmt.Sprintf("n%d", n))
	}
}

func (c *cases) norms() {
	for _, s := range [][4]int{{1, 1, 1, 1}, {2, 3, 6, 3}, {2, 77, 64, 32}, {1, 300, 30, 5}, {2, 64, 320, 32}, {1, 40, 33, 1}, {3, 5, 34, 17}, {1, 2000, 8, 2}} {
		op := engine.GroupNorm{Batch: s[0], Pixels: s[1], C: s[2], Groups: s[3], Eps: 1e-5}
		for _, act := range []engine.Func{engine.Identity, engine.SiLU} {
			op.Act = act
			c.add(op, "%v/act%d", s, act)
			c.add(engine.GroupNormGrad{GroupNorm: op}, "%v/act%d", s, act)
			c.add(engine.GroupNormGrad{GroupNorm: op, Params: true}, "%v/act%d/params", s, act)
		}
	}
	for n := 1; n <= 300; n += 1 + n/40 {
		op := engine.LayerNorm{Rows: 1 + n%3, C: n, Eps: 1e-5, RMS: n%2 == 0, Gamma: n%3 != 0, Beta: n%5 < 3 && n%2 == 1}
		c.add(op, "%d", n)
		c.add(engine.LayerNormGrad{LayerNorm: op, Params: n%4 == 0}, "%d", n)
		c.add(engine.Softmax{Rows: 1 + n%3, C: n}, "%d", n)
		c.add(engine.SoftmaxGrad{Rows: 1 + n%3, C: n}, "%d", n)
	}
	for i := range 8 {
		op := engine.LayerNorm{Rows: 150, C: 70, Eps: 1e-6, RMS: i&1 != 0, Gamma: i&2 != 0, Beta: i&4 != 0}
		c.add(op, "rows/%d", i)
		c.add(engine.LayerNormGrad{LayerNorm: op, Params: true}, "rows/%d", i)
	}
	c.add(engine.LayerNorm{Rows: 2, C: 5120, Eps: 1e-5, Gamma: true, Beta: true}, "wide")
	c.add(engine.Softmax{Rows: 2, C: 5000}, "wide")
}

func (c *cases) points() {
	for fn := engine.Identity; fn <= engine.ReLU; fn++ {
		for _, n := range []int{1, 15, 17, 64, 299, 40000} {
			c.add(engine.Unary{Fn: fn, Len: n}, "fn%d/%d", fn, n)
			c.add(engine.UnaryGrad{Fn: fn, Len: n}, "fn%d/%d", fn, n)
		}
	}
	for n := 1; n <= 300; n++ {
		c.add(engine.Unary{Fn: engine.Func(n % 8), Len: n}, "%d", n)
		c.add(engine.LinComb{Coef: []float32{0.5, -2, 1.5, 1}[:1+n%4], Len: n}, "%d", n)
		c.add(engine.Binary{Fn: engine.BinaryFunc(n % 3), Outer: 2, Rows: 1 + n%3, Inner: n, B: engine.Spread(n % 6)}, "%d", n)
		c.add(engine.Sum{Outer: 1 + n%3, Rows: 2, Inner: n, To: engine.Spread(n % 6)}, "%d", n)
		c.add(engine.Gate{GLU: engine.GEGLU + engine.GLU(n%2), Rows: 2, C: n}, "%d", n)
		c.add(engine.GateGrad{GLU: engine.GEGLU + engine.GLU(n%2), Rows: 2, C: n}, "%d", n)
	}
	for s := engine.Full; s <= engine.Outer; s++ {
		for fn := engine.Add; fn <= engine.Mul; fn++ {
			c.add(engine.Binary{Fn: fn, Outer: 3, Rows: 40, Inner: 320, B: s}, "fn%d/spread%d", fn, s)
		}
		c.add(engine.Sum{Outer: 3, Rows: 400, Inner: 33, To: s}, "spread%d", s)
	}
	c.add(engine.LinComb{Coef: []float32{1, 2, 3, 4, 5}, Len: 40000}, "long")
}

func (c *cases) moves() {
	for _, n := range []int{1, 3, 16, 65} {
		c.add(engine.Concat{Outer: 3, Inner: n, Sizes: []int{2, 1, 3}}, "%d", n)
		c.add(engine.Cut{Outer: 3, Size: 7, Inner: n, From: 2, To: 5}, "%d", n)
		c.add(engine.CutGrad{Outer: 3, Size: 7, Inner: n, From: 2, To: 5}, "%d", n)
		c.add(engine.Upsample{Batch: 2, H: 3, W: 4, C: n, OutH: 6, OutW: 8}, "%d", n)
		c.add(engine.Upsample{Batch: 1, H: 3, W: 4, C: n, OutH: 7, OutW: 5}, "odd/%d", n)
		c.add(engine.UpsampleGrad{Batch: 2, H: 3, W: 4, C: n, OutH: 6, OutW: 8}, "%d", n)
		c.add(engine.UpsampleGrad{Batch: 1, H: 3, W: 4, C: n, OutH: 7, OutW: 5}, "odd/%d", n)
	}
	c.add(engine.Concat{Outer: 2, Inner: 1, Sizes: []int{20000, 30001}}, "skip")
	c.add(engine.Cut{Outer: 2, Size: 50001, Inner: 1, From: 20000, To: 50001}, "long")
	c.add(engine.CutGrad{Outer: 2, Size: 50001, Inner: 1, From: 20000, To: 50001}, "long")
	for _, p := range [][2][]int{{{5}, {0}}, {{3, 4}, {1, 0}}, {{2, 3, 4, 5}, {0, 2, 1, 3}}, {{2, 3, 4, 5}, {0, 3, 1, 2}}, {{2, 3, 4, 5}, {0, 2, 3, 1}}, {{2, 1, 3, 2, 2}, {4, 3, 2, 1, 0}}, {{70, 300}, {1, 0}}, {{1, 1}, {1, 0}}} {
		c.add(engine.Permute{Shape: p[0], Perm: p[1]}, "%v", p)
	}
	for i := range 4 {
		c.add(engine.Rope{Batch: 2, N: 5, Heads: 3, Dim: 16, Rot: 8, PerItem: i&1 != 0, Inverse: i&2 != 0}, "chatglm/%d", i)
		c.add(engine.Rope{Batch: 1, N: 3, Heads: 2, Dim: 7, Rot: 6, PerItem: i&1 != 0, Inverse: i&2 != 0}, "odd/%d", i)
		c.add(engine.Rope{Batch: 2, N: 100, Heads: 4, Dim: 128, Rot: 64, PerItem: i&1 != 0, Inverse: i&2 != 0}, "rows/%d", i)
	}
	for _, from := range dtypes {
		for _, to := range dtypes {
			for _, n := range []int{1, 7, 16, 33, 300, 20000} {
				c.add(engine.Cast{Len: n, From: from, To: to}, "%v/%v/%d", from, to, n)
			}
		}
	}
}

func (c *cases) training() {
	for _, n := range []int{1, 5, 64, 130} {
		for _, d := range dtypes {
			c.add(engine.Embed{Rows: 9, Vocab: 5, C: n, Weight: d}, "%v/%d", d, n)
		}
		c.add(engine.EmbedGrad{Rows: 9, Vocab: 5, C: n}, "%d", n)
	}
	for n := 1; n <= 300; n += 1 + n/20 {
		c.add(engine.MSE{Batch: 1 + n%3, Len: n, Weighted: n%2 == 0}, "%d", n)
		c.add(engine.MSEGrad{MSE: engine.MSE{Batch: 1 + n%3, Len: n, Weighted: n%2 == 0}}, "%d", n)
		c.add(engine.SumSquares{Len: n}, "%d", n)
		c.add(engine.AdamW{Len: n}, "%d", n)
	}
	c.add(engine.MSE{Batch: 2, Len: 30000}, "long")
	c.add(engine.MSEGrad{MSE: engine.MSE{Batch: 2, Len: 30000, Weighted: true}}, "long")
	c.add(engine.SumSquares{Len: 100000}, "long")
	c.add(engine.AdamW{Len: 40000}, "long")
}
