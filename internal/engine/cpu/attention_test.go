package cpu

import (
	"context"
	"fmt"
	"math"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/easel-go/easel/internal/engine"
)

// attentionRoles are where the networks spend their time in attention.
var attentionRoles = []struct {
	role string
	op   engine.Attention
}{
	{"self/sd1-64x64", engine.Attention{Batch: 2, N: 4096, M: 4096, Heads: 8, KVHeads: 8, Dim: 40}},
	{"self/sd1-32x32", engine.Attention{Batch: 2, N: 1024, M: 1024, Heads: 8, KVHeads: 8, Dim: 80}},
	{"self/sdxl-64x64", engine.Attention{Batch: 2, N: 4096, M: 4096, Heads: 10, KVHeads: 10, Dim: 64}},
	{"self/sdxl-32x32", engine.Attention{Batch: 2, N: 1024, M: 1024, Heads: 20, KVHeads: 20, Dim: 64}},
	{"cross/sd1-64x64", engine.Attention{Batch: 2, N: 4096, M: 77, Heads: 8, KVHeads: 8, Dim: 40}},
	{"cross/sdxl-32x32", engine.Attention{Batch: 2, N: 1024, M: 77, Heads: 20, KVHeads: 20, Dim: 64}},
	{"text/clip", engine.Attention{Batch: 2, N: 77, M: 77, Heads: 12, KVHeads: 12, Dim: 64, Causal: true}},
	{"decoder/64x64", engine.Attention{Batch: 1, N: 4096, M: 4096, Heads: 1, KVHeads: 1, Dim: 512}},
}

func attentionFlops(op engine.Attention) int {
	return 4 * op.Batch * op.Heads * op.N * op.M * op.Dim
}

func BenchmarkAttention(b *testing.B) {
	for _, a := range attentionRoles {
		for _, threads := range []int{1, 2} {
			a.op.Scale = float32(1 / math.Sqrt(float64(a.op.Dim)))
			b.Run(fmt.Sprintf("%s/threads=%d", a.role, threads), func(b *testing.B) {
				benchmarkOp(b, a.op, threads, attentionFlops(a.op))
			})
		}
	}
}

// BenchmarkAttentionGrad counts the forward pass's operations: a share of the peak
// that is 1/2.8 of the forward's is 2.8 times its time.
func BenchmarkAttentionGrad(b *testing.B) {
	for _, a := range attentionRoles {
		for _, threads := range []int{1, 2} {
			a.op.Scale, a.op.LSE = float32(1/math.Sqrt(float64(a.op.Dim))), true
			b.Run(fmt.Sprintf("%s/threads=%d", a.role, threads), func(b *testing.B) {
				benchmarkOp(b, engine.AttentionGrad{Attention: a.op}, threads, attentionFlops(a.op))
			})
		}
	}
}

// expiring is a context that is over when it has been asked some times.
type expiring struct {
	context.Context
	left atomic.Int32
}

func (c *expiring) Err() error {
	if c.left.Add(-1) < 0 {
		return context.Canceled
	}
	return nil
}

// TestAttentionStopsInsideAHead cancels in the middle of the only piece there is.
func TestAttentionStopsInsideAHead(t *testing.T) {
	op := engine.Attention{Batch: 1, N: 1000, M: 1000, Heads: 1, KVHeads: 1, Dim: 8, Scale: 1, LSE: true}
	for _, op := range []engine.Op{op, engine.AttentionGrad{Attention: op}} {
		e := New(Options{Threads: 1})
		k, err := e.Prepare(op)
		if err != nil {
			t.Fatal(err)
		}
		o := newOperands(t, k, op, 1)
		ctx := &expiring{Context: t.Context()}
		ctx.left.Store(20)
		r, err := e.Begin(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if err := k.Launch(r, &o.args); err != context.Canceled {
			t.Errorf("%T: %v, want %v", op, err, context.Canceled)
		}
		last := engine.Slice[float32](o.args.Out[len(o.args.Out)-1])
		if v := last[len(last)-1]; v != 777 {
			t.Errorf("%T went on to the end", op)
		}
		_ = r.End()
	}
}

// TestAttentionOfFewerQueries holds tiles of all widths to the same bits.
func TestAttentionOfFewerQueries(t *testing.T) {
	like := engine.Attention{Batch: 1, N: 112, M: 130, Heads: 1, KVHeads: 1, Dim: 9, Scale: 0.3}
	want := results(t, 1, like, like)
	for _, n := range []int{1, 16, 31, 32, 33, 48, 64, 80, 81, 96, 97} {
		op := like
		op.N = n
		if have := results(t, 1, op, like); !slices.Equal(have, want[:len(have)]) {
			t.Errorf("%d queries: not the bits of %d", n, like.N)
		}
	}
}
