package cpu

import (
	"fmt"
	"math"
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
