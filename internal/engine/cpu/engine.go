package cpu

import (
	"cmp"
	"runtime"
	"sync"

	"gorgonia.org/tensor"

	"github.com/easel-go/easel/internal/engine"
	"github.com/easel-go/easel/internal/fault"
)

// Engine is a plain CPU. The zero Options make one that uses GOMAXPROCS threads.
type Engine struct {
	threads int
	derived derived

	mu   sync.Mutex
	idle []*run // ended, to be used again
}

// Options say how an Engine works.
type Options struct {
	Threads int   // workers of a run; 0 means GOMAXPROCS
	Cache   int64 // bytes for derived forms of constant weights; 0 means none
}

// New returns an engine.
func New(o Options) *Engine {
	e := &Engine{threads: cmp.Or(max(o.Threads, 0), runtime.GOMAXPROCS(0))}
	e.derived.budget = max(o.Cache, 0)
	return e
}

// Name returns "cpu".
func (e *Engine) Name() string { return "cpu" }

// Prepare returns the kernel for op.
func (e *Engine) Prepare(op engine.Op) (engine.Kernel, error) {
	switch op := op.(type) {
	case engine.Linear:
		return newLinear(e, op)
	case engine.MatMul:
		return newMatMul(e, op)
	case engine.Conv2D:
		return newConv2D(e, op)
	case engine.Conv2DInputGrad:
		return newConv2DInputGrad(e, op)
	case engine.Conv2DWeightGrad:
		return newConv2DWeightGrad(e, op)
	case engine.Attention:
		return newAttention(e, op)
	case engine.AttentionGrad:
		return newAttentionGrad(e, op)
	case engine.GroupNorm:
		return newGroupNorm(e, op)
	case engine.GroupNormGrad:
		return newGroupNormGrad(e, op)
	case engine.LayerNorm:
		return newLayerNorm(e, op)
	case engine.LayerNormGrad:
		return newLayerNormGrad(e, op)
	case engine.Softmax:
		return newSoftmax(e, op)
	case engine.SoftmaxGrad:
		return newSoftmaxGrad(e, op)
	case engine.Unary:
		return newUnary(e, op)
	case engine.UnaryGrad:
		return newUnaryGrad(e, op)
	case engine.Gate:
		return newGate(e, op)
	case engine.GateGrad:
		return newGateGrad(e, op)
	case engine.Binary:
		return newBinary(e, op)
	case engine.Sum:
		return newSum(e, op)
	case engine.LinComb:
		return newLinComb(e, op)
	case engine.Concat:
		return newConcat(e, op)
	case engine.Cut:
		return newCut(e, op)
	case engine.CutGrad:
		return newCutGrad(e, op)
	case engine.Permute:
		return newPermute(e, op)
	case engine.Upsample:
		return newUpsample(e, op)
	case engine.UpsampleGrad:
		return newUpsampleGrad(e, op)
	case engine.Rope:
		return newRope(e, op)
	case engine.Embed:
		return newEmbed(e, op)
	case engine.EmbedGrad:
		return newEmbedGrad(e, op)
	case engine.Cast:
		return newCast(e, op)
	case engine.MSE:
		return newMSE(e, op)
	case engine.MSEGrad:
		return newMSEGrad(e, op)
	case engine.SumSquares:
		return newSumSquares(e, op)
	case engine.AdamW:
		return newAdamW(e, op)
	}
	return nil, engine.ErrNotImplemented
}

// Constant returns a Ref to v's own memory.
func (e *Engine) Constant(v *tensor.Dense) (engine.Ref, error) {
	return engine.HostConstant(v)
}

// Upload copies src to dst.
func (e *Engine) Upload(dst engine.Ref, src []byte) error {
	return checkedCopy(engine.Slice[byte](dst), src)
}

// Download copies src to dst.
func (e *Engine) Download(dst []byte, src engine.Ref) error {
	return checkedCopy(dst, engine.Slice[byte](src))
}

func checkedCopy(dst, src []byte) error {
	if len(dst) != len(src) {
		return fault.Newf(fault.Shape, "cpu", "copy %d bytes to %d", len(src), len(dst))
	}
	copy(dst, src)
	return nil
}

// Close drops the derived forms of weights.
func (e *Engine) Close() error {
	e.derived.drop()
	return nil
}
