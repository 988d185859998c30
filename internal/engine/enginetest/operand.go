package enginetest

import (
	"gorgonia.org/tensor"

	"github.com/easel-go/easel/internal/engine"
)

// Operand is a place an Op reads or writes: Len numbers of a dtype.
type Operand struct {
	Name  string
	Len   int
	Dtype tensor.Dtype
}

// Bytes returns the operand's size.
func (o Operand) Bytes() int64 { return int64(o.Len) * int64(o.Dtype.Size()) }

// operands collects the operands that an Op has.
type operands []Operand

func (s *operands) f32(name string, n int) { *s = append(*s, Operand{name, n, engine.Float32}) }

func (s *operands) f32If(have bool, name string, n int) {
	if have {
		s.f32(name, n)
	}
}

func (s *operands) typed(name string, n int, d tensor.Dtype) { *s = append(*s, Operand{name, n, d}) }

// Operands returns the inputs and outputs of op in order, or nil, nil for an Op
// that is not known.
func Operands(op engine.Op) (in, out []Operand) {
	for _, f := range []func(engine.Op) (i, o operands){matrixOperands, attentionOperands, normOperands, pointOperands, moveOperands, trainOperands} {
		if i, o := f(op); o != nil {
			return i, o
		}
	}
	return nil, nil
}

func matrixOperands(op engine.Op) (in, out operands) {
	switch op := op.(type) {
	case engine.Linear:
		width := op.Out
		if op.GLU != engine.NoGLU {
			width /= 2
		}
		in.f32("x", op.Batch*op.Rows*op.In)
		in.typed("w", op.Out*op.In, op.Weight)
		in.f32If(op.Bias, "bias", op.Out)
		in.f32If(op.Residual, "residual", op.Batch*op.Rows*width)
		out.f32("y", op.Batch*op.Rows*width)
	case engine.MatMul:
		in.f32("a", op.M*op.K)
		in.f32("b", op.K*op.N)
		in.f32If(op.Add, "y0", op.M*op.N)
		out.f32("y", op.M*op.N)
	case engine.Conv2D:
		h, w := op.OutSize()
		in.f32("x", op.Batch*op.H*op.W*op.In)
		in.typed("w", op.Out*op.In*op.KH*op.KW, op.Weight)
		in.f32If(op.Bias, "bias", op.Out)
		in.f32If(op.Item, "item", op.Batch*op.Out)
		in.f32If(op.Residual, "residual", op.Batch*h*w*op.Out)
		out.f32("y", op.Batch*h*w*op.Out)
	case engine.Conv2DInputGrad:
		h, w := op.OutSize()
		in.f32("dy", op.Batch*h*w*op.Out)
		in.typed("w", op.Out*op.In*op.KH*op.KW, op.Weight)
		out.f32("dx", op.Batch*op.H*op.W*op.In)
	case engine.Conv2DWeightGrad:
		h, w := op.OutSize()
		in.f32("x", op.Batch*op.H*op.W*op.In)
		in.f32("dy", op.Batch*h*w*op.Out)
		out.f32("dw", op.Out*op.In*op.KH*op.KW)
	}
	return in, out
}

func attentionOperands(op engine.Op) (in, out operands) {
	qkv := func(a engine.Attention) {
		in.f32("q", a.Batch*a.N*a.Heads*a.Dim)
		in.f32("k", a.Batch*a.M*a.KVHeads*a.Dim)
		in.f32("v", a.Batch*a.M*a.KVHeads*a.Dim)
		in.f32If(a.KeyBias, "keyBias", a.Batch*a.M)
		in.f32If(a.Mask, "mask", a.Batch*a.N*a.M)
	}
	switch op := op.(type) {
	case engine.Attention:
		qkv(op)
		out.f32("y", op.Batch*op.N*op.Heads*op.Dim)
		out.f32If(op.LSE, "lse", op.Batch*op.Heads*op.N)
	case engine.AttentionGrad:
		qkv(op.Attention)
		in.f32("y", op.Batch*op.N*op.Heads*op.Dim)
		in.f32("lse", op.Batch*op.Heads*op.N)
		in.f32("dy", op.Batch*op.N*op.Heads*op.Dim)
		out.f32("dq", op.Batch*op.N*op.Heads*op.Dim)
		out.f32("dk", op.Batch*op.M*op.KVHeads*op.Dim)
		out.f32("dv", op.Batch*op.M*op.KVHeads*op.Dim)
	}
	return in, out
}

func normOperands(op engine.Op) (in, out operands) {
	switch op := op.(type) {
	case engine.GroupNorm:
		in.f32("x", op.Batch*op.Pixels*op.C)
		in.f32("gamma", op.C)
		in.f32("beta", op.C)
		out.f32("y", op.Batch*op.Pixels*op.C)
	case engine.GroupNormGrad:
		in.f32("x", op.Batch*op.Pixels*op.C)
		in.f32("gamma", op.C)
		in.f32("beta", op.C)
		in.f32("dy", op.Batch*op.Pixels*op.C)
		out.f32("dx", op.Batch*op.Pixels*op.C)
		out.f32If(op.Params, "dgamma", op.C)
		out.f32If(op.Params, "dbeta", op.C)
	case engine.LayerNorm:
		in.f32("x", op.Rows*op.C)
		in.f32If(op.Gamma, "gamma", op.C)
		in.f32If(op.Beta, "beta", op.C)
		out.f32("y", op.Rows*op.C)
	case engine.LayerNormGrad:
		in.f32("x", op.Rows*op.C)
		in.f32If(op.Gamma, "gamma", op.C)
		in.f32("dy", op.Rows*op.C)
		out.f32("dx", op.Rows*op.C)
		out.f32If(op.Params && op.Gamma, "dgamma", op.C)
		out.f32If(op.Params && op.Beta, "dbeta", op.C)
	case engine.Softmax:
		in.f32("x", op.Rows*op.C)
		out.f32("y", op.Rows*op.C)
	case engine.SoftmaxGrad:
		in.f32("y", op.Rows*op.C)
		in.f32("dy", op.Rows*op.C)
		out.f32("dx", op.Rows*op.C)
	}
	return in, out
}

func pointOperands(op engine.Op) (in, out operands) {
	switch op := op.(type) {
	case engine.Unary:
		in.f32("x", op.Len)
		out.f32("y", op.Len)
	case engine.UnaryGrad:
		in.f32("x", op.Len)
		in.f32("dy", op.Len)
		out.f32("dx", op.Len)
	case engine.Gate:
		in.f32("x", op.Rows*2*op.C)
		out.f32("y", op.Rows*op.C)
	case engine.GateGrad:
		in.f32("x", op.Rows*2*op.C)
		in.f32("dy", op.Rows*op.C)
		out.f32("dx", op.Rows*2*op.C)
	case engine.Binary:
		in.f32("a", op.Outer*op.Rows*op.Inner)
		in.f32("b", spreadLen(op.B, op.Outer, op.Rows, op.Inner))
		out.f32("y", op.Outer*op.Rows*op.Inner)
	case engine.Sum:
		in.f32("x", op.Outer*op.Rows*op.Inner)
		out.f32("y", spreadLen(op.To, op.Outer, op.Rows, op.Inner))
	case engine.LinComb:
		for range op.Coef {
			in.f32("x", op.Len)
		}
		out.f32("y", op.Len)
	}
	return in, out
}

func moveOperands(op engine.Op) (in, out operands) {
	switch op := op.(type) {
	case engine.Concat:
		total := 0
		for _, n := range op.Sizes {
			in.f32("x", op.Outer*n*op.Inner)
			total += n
		}
		out.f32("y", op.Outer*total*op.Inner)
	case engine.Cut:
		in.f32("x", op.Outer*op.Size*op.Inner)
		out.f32("y", op.Outer*(op.To-op.From)*op.Inner)
	case engine.CutGrad:
		in.f32("dy", op.Outer*(op.To-op.From)*op.Inner)
		out.f32("dx", op.Outer*op.Size*op.Inner)
	case engine.Permute:
		n := 1
		for _, s := range op.Shape {
			n *= s
		}
		in.f32("x", n)
		out.f32("y", n)
	case engine.Upsample:
		in.f32("x", op.Batch*op.H*op.W*op.C)
		out.f32("y", op.Batch*op.OutH*op.OutW*op.C)
	case engine.UpsampleGrad:
		in.f32("dy", op.Batch*op.OutH*op.OutW*op.C)
		out.f32("dx", op.Batch*op.H*op.W*op.C)
	case engine.Rope:
		tables := 1
		if op.PerItem {
			tables = op.Batch
		}
		in.f32("x", op.Batch*op.N*op.Heads*op.Dim)
		in.f32("table", tables*op.N*(op.Rot/2)*2)
		out.f32("y", op.Batch*op.N*op.Heads*op.Dim)
	case engine.Cast:
		in.typed("x", op.Len, op.From)
		out.typed("y", op.Len, op.To)
	}
	return in, out
}

func trainOperands(op engine.Op) (in, out operands) {
	switch op := op.(type) {
	case engine.Embed:
		in.typed("table", op.Vocab*op.C, op.Weight)
		in.typed("ids", op.Rows, engine.Int32)
		out.f32("y", op.Rows*op.C)
	case engine.EmbedGrad:
		in.typed("ids", op.Rows, engine.Int32)
		in.f32("dy", op.Rows*op.C)
		out.f32("dtable", op.Vocab*op.C)
	case engine.MSE:
		in.f32("x", op.Batch*op.Len)
		in.f32("target", op.Batch*op.Len)
		in.f32If(op.Weighted, "weight", op.Batch)
		out.f32("loss", 1)
	case engine.MSEGrad:
		in.f32("x", op.Batch*op.Len)
		in.f32("target", op.Batch*op.Len)
		in.f32If(op.Weighted, "weight", op.Batch)
		in.f32("dloss", 1)
		out.f32("dx", op.Batch*op.Len)
	case engine.SumSquares:
		in.f32("x", op.Len)
		out.f32("y", 1)
	case engine.AdamW:
		for _, name := range []string{"p", "m", "v"} {
			in.f32(name, op.Len)
			out.f32(name, op.Len)
		}
		in.f32("g", op.Len)
		in.f32("h", 8)
	}
	return in, out
}

// spreadLen returns how many numbers an operand of shape s holds.
func spreadLen(s engine.Spread, outer, rows, inner int) int {
	switch s {
	case engine.Scalar:
		return 1
	case engine.Inner:
		return inner
	case engine.PerRow:
		return outer * rows
	case engine.Item:
		return outer * inner
	case engine.Outer:
		return outer
	}
	return outer * rows * inner
}

// spreadAt returns which of them stands at [o, r, i].
func spreadAt(s engine.Spread, rows, inner, o, r, i int) int {
	switch s {
	case engine.Scalar:
		return 0
	case engine.Inner:
		return i
	case engine.PerRow:
		return o*rows + r
	case engine.Item:
		return o*inner + i
	case engine.Outer:
		return o
	}
	return (o*rows+r)*inner + i
}
