package enginetest

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/easel-go/easel/internal/engine"
)

// Role is an Op at a size that a network has, named by what it is there.
type Role struct {
	Name string
	Op   engine.Op
}

// Roles are the Ops in which the networks spend their time. Those whose figure is
// bandwidth have tensors of a size beyond most caches.
func Roles() []Role {
	pixels := func(n, c int) int { return n * n * c }
	return []Role{
		{"linear/sdxl-32x32", engine.Linear{Batch: 2, Rows: 1024, In: 1280, Out: 1280, Weight: engine.Float16, Bias: true, Compute: engine.Float32}},
		{"conv3x3/sd1-64x64", engine.Conv2D{Batch: 2, H: 64, W: 64, In: 320, Out: 320, KH: 3, KW: 3, Stride: 1, Pad: [4]int{1, 1, 1, 1}, Weight: engine.Float16, Bias: true, Compute: engine.Float32}},
		{"self-attention/sd1-64x64", engine.Attention{Batch: 2, N: 4096, M: 4096, Heads: 8, KVHeads: 8, Dim: 40, Scale: 0.16}},
		{"cross-attention/sd1-64x64", engine.Attention{Batch: 2, N: 4096, M: 77, Heads: 8, KVHeads: 8, Dim: 40, Scale: 0.16}},
		{"copy/cut", engine.Cut{Outer: 1, Size: pixels(512, 128), Inner: 1, From: 0, To: pixels(512, 128)}},
		{"groupnorm-silu/decoder-512x512", engine.GroupNorm{Batch: 1, Pixels: 512 * 512, C: 128, Groups: 32, Eps: 1e-5, Act: engine.SiLU}},
		{"groupnorm-silu/sd1-64x64", engine.GroupNorm{Batch: 2, Pixels: 4096, C: 320, Groups: 32, Eps: 1e-5, Act: engine.SiLU}},
		{"groupnorm-grad/sd1-64x64", engine.GroupNormGrad{GroupNorm: engine.GroupNorm{Batch: 2, Pixels: 4096, C: 320, Groups: 32, Eps: 1e-5, Act: engine.SiLU}}},
		{"groupnorm-grad/decoder-256x256", engine.GroupNormGrad{GroupNorm: engine.GroupNorm{Batch: 1, Pixels: 256 * 256, C: 256, Groups: 32, Eps: 1e-5, Act: engine.SiLU}}},
		{"layernorm/sdxl-64x64", engine.LayerNorm{Rows: 32768, C: 640, Eps: 1e-5, Gamma: true, Beta: true}},
		{"layernorm-grad/sdxl-64x64", engine.LayerNormGrad{LayerNorm: engine.LayerNorm{Rows: 16384, C: 640, Eps: 1e-5, Gamma: true, Beta: true}}},
		{"rmsnorm/chatglm", engine.LayerNorm{Rows: 4096, C: 4096, Eps: 1e-5, RMS: true, Gamma: true}},
		{"softmax/1024", engine.Softmax{Rows: 16384, C: 1024}},
		{"silu", engine.Unary{Fn: engine.SiLU, Len: pixels(512, 128)}},
		{"gelu", engine.Unary{Fn: engine.GELU, Len: pixels(512, 128)}},
		{"quick-gelu", engine.Unary{Fn: engine.QuickGELU, Len: pixels(512, 128)}},
		{"gelu-grad", engine.UnaryGrad{Fn: engine.GELU, Len: pixels(512, 64)}},
		{"geglu/sd1-64x64", engine.Gate{GLU: engine.GEGLU, Rows: 8192, C: 1280}},
		{"geglu-grad/sd1-64x64", engine.GateGrad{GLU: engine.GEGLU, Rows: 8192, C: 1280}},
		{"add", engine.Binary{Fn: engine.Add, Outer: 1, Rows: 512 * 512, Inner: 64, B: engine.Full}},
		{"add-item", engine.Binary{Fn: engine.Add, Outer: 2, Rows: 65536, Inner: 320, B: engine.Item}},
		{"sum-rows", engine.Sum{Outer: 2, Rows: 65536, Inner: 320, To: engine.Item}},
		{"lincomb/3", engine.LinComb{Coef: []float32{1, 2, 3}, Len: pixels(512, 64)}},
		{"concat/skip", engine.Concat{Outer: 65536, Inner: 1, Sizes: []int{320, 320}}},
		{"permute/nchw", engine.Permute{Shape: []int{1, 512, 512, 64}, Perm: []int{0, 3, 1, 2}}},
		{"permute/heads", engine.Permute{Shape: []int{2, 16384, 10, 64}, Perm: []int{0, 2, 1, 3}}},
		{"upsample", engine.Upsample{Batch: 1, H: 256, W: 256, C: 128, OutH: 512, OutW: 512}},
		{"upsample-grad", engine.UpsampleGrad{Batch: 1, H: 256, W: 256, C: 128, OutH: 512, OutW: 512}},
		{"rope/chatglm", engine.Rope{Batch: 2, N: 2048, Heads: 32, Dim: 128, Rot: 64}},
		{"cast/f16", engine.Cast{Len: pixels(512, 128), From: engine.Float32, To: engine.Float16}},
		{"cast/from-f16", engine.Cast{Len: pixels(512, 128), From: engine.Float16, To: engine.Float32}},
		{"mse", engine.MSE{Batch: 2, Len: pixels(512, 32)}},
		{"sum-squares", engine.SumSquares{Len: pixels(512, 128)}},
		{"adamw", engine.AdamW{Len: pixels(512, 32)}},
	}
}

// Flops returns the operations of an Op that is bound by arithmetic, 0 for others.
func Flops(op engine.Op) int {
	switch op := op.(type) {
	case engine.Linear:
		return 2 * op.Batch * op.Rows * op.In * op.Out
	case engine.Conv2D:
		h, w := op.OutSize()
		return 2 * op.Batch * h * w * op.Out * op.In * op.KH * op.KW
	case engine.Attention:
		return 4 * op.Batch * op.Heads * op.N * op.M * op.Dim
	}
	return 0
}

// traffic returns the bytes an Op must move: its operands, and again the one that must
// be read before anything can be written.
func traffic(op engine.Op) int64 {
	in, out := Operands(op)
	var n int64
	for _, o := range slices.Concat(in, out) {
		n += o.Bytes()
	}
	switch op.(type) {
	case engine.GroupNorm:
		n += in[0].Bytes()
	case engine.GroupNormGrad:
		n += 2*in[0].Bytes() + in[3].Bytes()
	}
	return n
}

// Benchmark times every Role on an engine. Arithmetic is told in GFLOPS, traffic in
// GB/s and as a share of the bandwidth that copying reaches on as many threads,
// measured by copyBytes in turn with the kernel: it reads and writes about as many
// bytes in all as it is told and returns when they are there. Figures are those of the
// best round of each.
func Benchmark(b *testing.B, eng engine.Engine, copyBytes func(n int64)) {
	for _, role := range Roles() {
		b.Run(role.Name, func(b *testing.B) { benchmarkRole(b, eng, role.Op, copyBytes) })
	}
}

func benchmarkRole(b *testing.B, eng engine.Engine, op engine.Op, copyBytes func(n int64)) {
	k, err := eng.Prepare(op)
	if errors.Is(err, engine.ErrNotImplemented) {
		b.Skip(err)
	}
	if err != nil {
		b.Fatal(err)
	}
	args := benchArgs(b, eng, k, op)
	run, err := eng.Begin(context.Background())
	if err != nil {
		b.Fatal(err)
	}
	var own, copied []float64
	_ = k.Launch(run, args)
	n := traffic(op)
	for b.Loop() {
		own = append(own, seconds(func() { _ = k.Launch(run, args) }))
		if Flops(op) == 0 {
			copied = append(copied, seconds(func() { copyBytes(n) }))
		}
	}
	if err := run.End(); err != nil {
		b.Fatal(err)
	}
	best := slices.Min(own) // what disturbs only adds
	if f := Flops(op); f > 0 {
		b.ReportMetric(float64(f)/best/1e9, "GFLOPS")
		return
	}
	b.ReportMetric(float64(n)/best/1e9, "GB/s")
	b.ReportMetric(100*slices.Min(copied)/best, "%copy")
}

func seconds(f func()) float64 {
	begin := time.Now()
	f()
	return time.Since(begin).Seconds()
}

// benchArgs gives a kernel memory of the engine, filled with what its Op expects.
func benchArgs(b *testing.B, eng engine.Engine, k engine.Kernel, op engine.Op) *engine.Args {
	alloc := func(n int64) engine.Ref {
		m, err := eng.Alloc(n)
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = m.Free() })
		return m.Ref()
	}
	in, out := Operands(op)
	args := &engine.Args{Scratch: alloc(k.Scratch())}
	rng := rand.New(rand.NewPCG(1, 1))
	for _, o := range in {
		v := make([]float64, o.Len)
		block := min(o.Len, 1<<16)
		fill(op, o, v[:block], rng)
		for i := block; i < o.Len; i *= 2 {
			copy(v[i:], v[:i])
		}
		r := alloc(o.Bytes())
		if err := eng.Upload(r, encode([]Operand{o}, [][]float64{v})[0]); err != nil {
			b.Fatal(err)
		}
		args.In = append(args.In, r)
	}
	for i, o := range out {
		if isAdamW(op) {
			args.Out = append(args.Out, args.In[i])
			continue
		}
		r := alloc(o.Bytes())
		if err := eng.Upload(r, make([]byte, o.Bytes())); err != nil {
			b.Fatal(err)
		}
		args.Out = append(args.Out, r)
	}
	return args
}
