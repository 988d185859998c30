package enginetest

import (
	"fmt"

	"github.com/easel-go/easel/internal/engine"
)

// Define computes op in float64 from its inputs, in the Op's order; weights and ids
// are given as float64 too. It is the meaning of the Op.
func Define(op engine.Op, in [][]float64) (out [][]float64) {
	one := func(v []float64) [][]float64 { return [][]float64{v} }
	switch op := op.(type) {
	case engine.Linear:
		return one(linear(op, in))
	case engine.MatMul:
		return one(matMul(op, in))
	case engine.Conv2D:
		return one(conv2D(op, in))
	case engine.Conv2DInputGrad:
		return one(conv2DInputGrad(op, in[0], in[1]))
	case engine.Conv2DWeightGrad:
		return one(conv2DWeightGrad(op, in[0], in[1]))
	case engine.Attention:
		return attention(op, in)
	case engine.AttentionGrad:
		return attentionGrad(op, in)
	case engine.GroupNorm:
		return one(groupNorm(op, in[0], in[1], in[2]))
	case engine.GroupNormGrad:
		return groupNormGrad(op, in[0], in[1], in[2], in[3])
	case engine.LayerNorm:
		return one(layerNorm(op, in))
	case engine.LayerNormGrad:
		return layerNormGrad(op, in)
	case engine.Softmax:
		return one(softmax(op, in[0]))
	case engine.SoftmaxGrad:
		return one(softmaxGrad(op, in[0], in[1]))
	case engine.Unary:
		return one(unary(op, in[0]))
	case engine.UnaryGrad:
		return one(unaryGrad(op, in[0], in[1]))
	case engine.Gate:
		return one(gate(op, in[0]))
	case engine.GateGrad:
		return one(gateGrad(op, in[0], in[1]))
	case engine.Binary:
		return one(binary(op, in[0], in[1]))
	case engine.Sum:
		return one(sum(op, in[0]))
	case engine.LinComb:
		return one(linComb(op, in))
	case engine.Concat:
		return one(concat(op, in))
	case engine.Cut:
		return one(cut(op, in[0]))
	case engine.CutGrad:
		return one(cutGrad(op, in[0]))
	case engine.Permute:
		return one(permute(op, in[0]))
	case engine.Upsample:
		return one(upsample(op, in[0]))
	case engine.UpsampleGrad:
		return one(upsampleGrad(op, in[0]))
	case engine.Rope:
		return one(rope(op, in[0], in[1]))
	case engine.Embed:
		return one(embed(op, in[0], in[1]))
	case engine.EmbedGrad:
		return one(embedGrad(op, in[0], in[1]))
	case engine.Cast:
		return one(in[0]) // the rounding is the storage's
	case engine.MSE:
		return one(mse(op, in))
	case engine.MSEGrad:
		return one(mseGrad(op, in))
	case engine.SumSquares:
		return one(sumSquares(in[0]))
	case engine.AdamW:
		return adamW(in)
	}
	panic(fmt.Sprintf("enginetest: no definition of %T", op))
}

// operand takes the next input if the Op has it, or nil.
func operand(in *[][]float64, have bool) []float64 {
	if !have {
		return nil
	}
	v := (*in)[0]
	*in = (*in)[1:]
	return v
}
