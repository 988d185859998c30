package plan

import "github.com/easel-go/easel/internal/engine"

// flops returns the floating-point operations of a kernel: two for each multiplication
// that it sums, one for each number that it writes otherwise. Of a causal attention
// all scores are counted.
func flops(op engine.Op) float64 {
	switch o := op.(type) {
	case engine.Linear:
		return 2 * mul(o.Batch, o.Rows, o.In, o.Out)
	case engine.MatMul:
		return 2 * mul(o.M, o.N, o.K)
	case engine.Conv2D:
		return convFLOPs(o)
	case engine.Conv2DInputGrad:
		return convFLOPs(o.Conv2D)
	case engine.Conv2DWeightGrad:
		return convFLOPs(o.Conv2D)
	case engine.Attention:
		return 4 * mul(o.Batch, o.Heads, o.N, o.M, o.Dim)
	case engine.AttentionGrad:
		return 10 * mul(o.Batch, o.Heads, o.N, o.M, o.Dim) // scores again, dv, dp, dq, dk
	}
	return written(op)
}

func convFLOPs(o engine.Conv2D) float64 {
	h, w := o.OutSize()
	return 2 * mul(o.Batch, h, w, o.Out) * mul(o.In, o.KH, o.KW)
}

// written returns how many numbers a kernel that moves or maps them writes.
func written(op engine.Op) float64 {
	switch o := op.(type) {
	case engine.GroupNorm:
		return mul(o.Batch, o.Pixels, o.C)
	case engine.GroupNormGrad:
		return mul(o.Batch, o.Pixels, o.C)
	case engine.LayerNorm:
		return mul(o.Rows, o.C)
	case engine.LayerNormGrad:
		return mul(o.Rows, o.C)
	case engine.Softmax:
		return mul(o.Rows, o.C)
	case engine.SoftmaxGrad:
		return mul(o.Rows, o.C)
	case engine.Unary:
		return mul(o.Len)
	case engine.UnaryGrad:
		return mul(o.Len)
	case engine.Gate:
		return mul(o.Rows, o.C)
	case engine.GateGrad:
		return 2 * mul(o.Rows, o.C)
	case engine.Binary:
		return mul(o.Outer, o.Rows, o.Inner)
	case engine.Sum:
		return mul(o.Outer, o.Rows, o.Inner)
	case engine.LinComb:
		return mul(len(o.Coef), o.Len)
	case engine.Rope:
		return mul(o.Batch, o.N, o.Heads, o.Dim)
	case engine.UpsampleGrad:
		return mul(o.Batch, o.OutH, o.OutW, o.C)
	case engine.EmbedGrad:
		return mul(o.Rows, o.C)
	case engine.MSE:
		return mul(o.Batch, o.Len)
	case engine.MSEGrad:
		return mul(o.Batch, o.Len)
	case engine.SumSquares:
		return mul(o.Len)
	case engine.AdamW:
		return mul(o.Len)
	}
	return 0 // copies
}

func mul(sizes ...int) float64 {
	n := 1.0
	for _, s := range sizes {
		n *= float64(s)
	}
	return n
}
