package cpu

import "github.com/easel-go/easel/internal/engine"

func newAttention(*Engine, engine.Attention) (engine.Kernel, error) {
	return nil, engine.ErrNotImplemented
}
func newAttentionGrad(*Engine, engine.AttentionGrad) (engine.Kernel, error) {
	return nil, engine.ErrNotImplemented
}
func newGroupNorm(*Engine, engine.GroupNorm) (engine.Kernel, error) {
	return nil, engine.ErrNotImplemented
}
func newGroupNormGrad(*Engine, engine.GroupNormGrad) (engine.Kernel, error) {
	return nil, engine.ErrNotImplemented
}
func newLayerNorm(*Engine, engine.LayerNorm) (engine.Kernel, error) {
	return nil, engine.ErrNotImplemented
}
func newLayerNormGrad(*Engine, engine.LayerNormGrad) (engine.Kernel, error) {
	return nil, engine.ErrNotImplemented
}
func newSoftmax(*Engine, engine.Softmax) (engine.Kernel, error) { return nil, engine.ErrNotImplemented }
func newSoftmaxGrad(*Engine, engine.SoftmaxGrad) (engine.Kernel, error) {
	return nil, engine.ErrNotImplemented
}
func newUnary(*Engine, engine.Unary) (engine.Kernel, error) { return nil, engine.ErrNotImplemented }
func newUnaryGrad(*Engine, engine.UnaryGrad) (engine.Kernel, error) {
	return nil, engine.ErrNotImplemented
}
func newGate(*Engine, engine.Gate) (engine.Kernel, error) { return nil, engine.ErrNotImplemented }
func newGateGrad(*Engine, engine.GateGrad) (engine.Kernel, error) {
	return nil, engine.ErrNotImplemented
}
func newBinary(*Engine, engine.Binary) (engine.Kernel, error)   { return nil, engine.ErrNotImplemented }
func newSum(*Engine, engine.Sum) (engine.Kernel, error)         { return nil, engine.ErrNotImplemented }
func newLinComb(*Engine, engine.LinComb) (engine.Kernel, error) { return nil, engine.ErrNotImplemented }
func newConcat(*Engine, engine.Concat) (engine.Kernel, error)   { return nil, engine.ErrNotImplemented }
func newCut(*Engine, engine.Cut) (engine.Kernel, error)         { return nil, engine.ErrNotImplemented }
func newCutGrad(*Engine, engine.CutGrad) (engine.Kernel, error) { return nil, engine.ErrNotImplemented }
func newPermute(*Engine, engine.Permute) (engine.Kernel, error) { return nil, engine.ErrNotImplemented }
func newUpsample(*Engine, engine.Upsample) (engine.Kernel, error) {
	return nil, engine.ErrNotImplemented
}
func newUpsampleGrad(*Engine, engine.UpsampleGrad) (engine.Kernel, error) {
	return nil, engine.ErrNotImplemented
}
func newRope(*Engine, engine.Rope) (engine.Kernel, error)   { return nil, engine.ErrNotImplemented }
func newEmbed(*Engine, engine.Embed) (engine.Kernel, error) { return nil, engine.ErrNotImplemented }
func newEmbedGrad(*Engine, engine.EmbedGrad) (engine.Kernel, error) {
	return nil, engine.ErrNotImplemented
}
func newCast(*Engine, engine.Cast) (engine.Kernel, error)       { return nil, engine.ErrNotImplemented }
func newMSE(*Engine, engine.MSE) (engine.Kernel, error)         { return nil, engine.ErrNotImplemented }
func newMSEGrad(*Engine, engine.MSEGrad) (engine.Kernel, error) { return nil, engine.ErrNotImplemented }
func newSumSquares(*Engine, engine.SumSquares) (engine.Kernel, error) {
	return nil, engine.ErrNotImplemented
}
func newAdamW(*Engine, engine.AdamW) (engine.Kernel, error) { return nil, engine.ErrNotImplemented }
