package engine

import "gorgonia.org/tensor"

// Op describes a kernel. Each Op is a struct of sizes and choices; its comment
// names inputs and outputs in order, with their shapes. Optional inputs that an Op
// does not ask for are left out of the order.
type Op interface{ op() }

// Func is a function of one number.
type Func uint8

// The functions. GELU is the exact one, x·Φ(x) with erf; GELUTanh its tanh
// approximation; QuickGELU is x·σ(1.702x) as OpenAI's CLIP has it.
const (
	Identity Func = iota
	SiLU
	GELU
	GELUTanh
	QuickGELU
	Sigmoid
	Tanh
	ReLU
)

// GLU says how the two halves of a row are joined: out = value · fn(gate).
type GLU uint8

// The gated units. GEGLU is diffusers': the value is the first half of a row, the
// gate the second, fn GELU. SwiGLU is ChatGLM's: the gate is the first half, fn
// SiLU.
const (
	NoGLU GLU = iota
	GEGLU
	SwiGLU
)

// Linear is y = f(x·wᵀ + bias) + residual.
//
//	in:  x [Batch·Rows, In], w [Out, In] of dtype Weight, bias [Out]?, residual [Batch·Rows, Out']?
//	out: y [Batch·Rows, Out']      may be the residual's memory
//
// With a GLU, Out counts the rows of w, f joins the halves and Out' = Out/2;
// otherwise f is Act and Out' = Out. With Transposed, w is [In, Out], as an input
// gradient needs it.
type Linear struct {
	Batch, Rows, In, Out int
	Weight               tensor.Dtype
	Transposed           bool
	Bias, Residual       bool
	Act                  Func
	GLU                  GLU
	Compute              tensor.Dtype // Float32, or Bfloat16 for factors rounded to bfloat16 with float32 sums
}

// MatMul is the product of two float32 matrices: y = op(a)·op(b) (+ y0).
//
//	in:  a [M, K] or [K, M] with TransA, b [K, N] or [N, K] with TransB, y0 [M, N]?
//	out: y [M, N]                  may be y0's memory
//
// It is what gradients of weights are made of: K counts rows of all pictures.
type MatMul struct {
	M, N, K        int
	TransA, TransB bool
	Add            bool
}

// Conv2D is a two-dimensional convolution.
//
//	in:  x [Batch, H, W, In], w [Out, In, KH, KW] of dtype Weight, bias [Out]?, item [Batch, Out]?, residual [Batch, OutH, OutW, Out]?
//	out: y [Batch, OutH, OutW, Out] = f(x∗w + bias + item) + residual     may be the residual's memory
//
// With UpH×UpW > 0 the picture is first enlarged to that size, nearest neighbour:
// row y of it is row ⌊y·H/UpH⌋ of x. Pad is zeros at top, left, bottom, right.
type Conv2D struct {
	Batch, H, W, In, Out int
	KH, KW, Stride       int
	Pad                  [4]int
	UpH, UpW             int
	Weight               tensor.Dtype
	Bias, Item, Residual bool
	Act                  Func
	Compute              tensor.Dtype
}

// OutSize returns the height and width of the result.
func (c Conv2D) OutSize() (h, w int) {
	h, w = c.H, c.W
	if c.UpH > 0 {
		h, w = c.UpH, c.UpW
	}
	return (h+c.Pad[0]+c.Pad[2]-c.KH)/c.Stride + 1, (w+c.Pad[1]+c.Pad[3]-c.KW)/c.Stride + 1
}

// Conv2DInputGrad is the gradient of a Conv2D (its sizes; no Act, no UpH) for its
// input.
//
//	in:  dy [Batch, OutH, OutW, Out], w
//	out: dx [Batch, H, W, In]
type Conv2DInputGrad struct{ Conv2D }

// Conv2DWeightGrad is the gradient of a Conv2D for its weight, in float32.
//
//	in:  x [Batch, H, W, In], dy [Batch, OutH, OutW, Out]
//	out: dw [Out, In, KH, KW]
type Conv2DWeightGrad struct{ Conv2D }

// Attention is softmax(Scale·q·kᵀ + bias)·v for every head, computed without
// keeping the scores.
//
//	in:  q [Batch, N, Heads·Dim], k [Batch, M, KVHeads·Dim], v like k, keyBias [Batch, M]?, mask [Batch, N, M]?
//	out: y [Batch, N, Heads·Dim], lse [Batch, Heads, N] with LSE
//
// Head h reads key/value head h·KVHeads/Heads. keyBias and mask are added to the
// scores; −Inf hides a key. Causal hides key j from row i where j > i + M − N. A row
// that sees no key is zero, its lse −Inf. lse is the logarithm of the sum of the
// row's exponentials.
type Attention struct {
	Batch, N, M, Heads, KVHeads, Dim int
	Scale                            float32
	Causal, KeyBias, Mask            bool
	LSE                              bool
}

// AttentionGrad is the gradient of an Attention.
//
//	in:  q, k, v, keyBias?, mask?, y, lse, dy [Batch, N, Heads·Dim]
//	out: dq, dk, dv
type AttentionGrad struct{ Attention }

// GroupNorm normalises groups of channels over a picture: γ·(x−mean)/√(var+Eps)+β,
// then Act. The variance is the biased one.
//
//	in:  x [Batch, Pixels, C], gamma [C], beta [C]
//	out: y like x
type GroupNorm struct {
	Batch, Pixels, C, Groups int
	Eps                      float32
	Act                      Func // Identity or SiLU
}

// GroupNormGrad is the gradient of a GroupNorm.
//
//	in:  x, gamma, beta, dy
//	out: dx, and dgamma [C], dbeta [C] with Params
type GroupNormGrad struct {
	GroupNorm
	Params bool
}

// LayerNorm normalises rows: γ·(x−mean)/√(var+Eps)+β; with RMS, γ·x/√(mean x²+Eps).
//
//	in:  x [Rows, C], gamma [C] if Gamma, beta [C] if Beta
//	out: y like x
type LayerNorm struct {
	Rows, C          int
	Eps              float32
	RMS, Gamma, Beta bool
}

// LayerNormGrad is the gradient of a LayerNorm.
//
//	in:  x, gamma?, dy
//	out: dx, and with Params dgamma? dbeta?, each if the LayerNorm has it
type LayerNormGrad struct {
	LayerNorm
	Params bool
}

// Softmax is the softmax of every row.
//
//	in:  x [Rows, C]
//	out: y like x
type Softmax struct{ Rows, C int }

// SoftmaxGrad is the gradient of a Softmax.
//
//	in:  y, dy [Rows, C]
//	out: dx
type SoftmaxGrad struct{ Rows, C int }

// Unary applies Fn to every number.
//
//	in:  x [Len]
//	out: y [Len]                   may be x's memory
type Unary struct {
	Fn  Func
	Len int
}

// UnaryGrad is dy·Fn′(x).
//
//	in:  x, dy [Len]
//	out: dx [Len]                  may be the memory of x or dy
type UnaryGrad struct {
	Fn  Func
	Len int
}

// Gate joins the halves of every row as a GLU does.
//
//	in:  x [Rows, 2·C]
//	out: y [Rows, C]
type Gate struct {
	GLU     GLU
	Rows, C int
}

// GateGrad is the gradient of a Gate.
//
//	in:  x [Rows, 2·C], dy [Rows, C]
//	out: dx [Rows, 2·C]
type GateGrad struct {
	GLU     GLU
	Rows, C int
}

// Spread says which parts of a [Outer, Rows, Inner] array an operand of fewer
// numbers stands for.
type Spread uint8

// The spreads: what the smaller operand's shape is.
const (
	Full   Spread = iota // [Outer, Rows, Inner]
	Scalar               // [1]
	Inner                // [Inner]: a number per channel
	PerRow               // [Outer, Rows]: a number per row
	Item                 // [Outer, Inner]: a vector per picture
	Outer                // [Outer]: a number per picture
)

// BinaryFunc is an arithmetic operation on two numbers.
type BinaryFunc uint8

// The binary functions.
const (
	Add BinaryFunc = iota
	Sub
	Mul
)

// Binary is y = a Fn b with b spread over a's shape.
//
//	in:  a [Outer, Rows, Inner], b of shape B
//	out: y like a                  may be a's memory, and b's if B is Full
type Binary struct {
	Fn                 BinaryFunc
	Outer, Rows, Inner int
	B                  Spread
}

// Sum adds up what a Spread spreads: its gradient.
//
//	in:  x [Outer, Rows, Inner]
//	out: y of shape To
type Sum struct {
	Outer, Rows, Inner int
	To                 Spread
}

// LinComb is the sum of its inputs, each times its coefficient, added from left to
// right.
//
//	in:  x₀ … xₙ₋₁ [Len], one for each of Coef
//	out: y [Len]                   may be the memory of x₀
type LinComb struct {
	Coef []float32
	Len  int
}

// Concat joins arrays along their middle axis.
//
//	in:  xᵢ [Outer, Sizes[i], Inner]
//	out: y [Outer, ΣSizes, Inner]
type Concat struct {
	Outer, Inner int
	Sizes        []int
}

// Cut takes a range of the middle axis.
//
//	in:  x [Outer, Size, Inner]
//	out: y [Outer, To−From, Inner] = x[:, From:To, :]
type Cut struct{ Outer, Size, Inner, From, To int }

// CutGrad puts dy back into zeros.
//
//	in:  dy [Outer, To−From, Inner]
//	out: dx [Outer, Size, Inner]
type CutGrad struct{ Outer, Size, Inner, From, To int }

// Permute reorders axes: axis i of the result is axis Perm[i] of x.
//
//	in:  x [Shape…]
//	out: y
type Permute struct{ Shape, Perm []int }

// Upsample enlarges pictures, nearest neighbour: row y of the result is row
// ⌊y·H/OutH⌋ of x.
//
//	in:  x [Batch, H, W, C]
//	out: y [Batch, OutH, OutW, C]
type Upsample struct{ Batch, H, W, C, OutH, OutW int }

// UpsampleGrad adds dy up into the pixels it came from.
//
//	in:  dy [Batch, OutH, OutW, C]
//	out: dx [Batch, H, W, C]
type UpsampleGrad struct{ Batch, H, W, C, OutH, OutW int }

// Rope rotates pairs of neighbouring channels, (x₂ᵢ, x₂ᵢ₊₁), of the first Rot of each
// head by the angles of a table of cosines and sines; the rest passes. Inverse turns
// back, which is the gradient.
//
//	in:  x [Batch, N, Heads, Dim], table [N, Rot/2, 2], or [Batch, N, Rot/2, 2] with PerItem
//	out: y like x                  may be x's memory
type Rope struct {
	Batch, N, Heads, Dim, Rot int
	PerItem, Inverse          bool
}

// Embed looks up rows of a table.
//
//	in:  table [Vocab, C] of dtype Weight, ids [Rows] int32, each below Vocab
//	out: y [Rows, C]
type Embed struct {
	Rows, Vocab, C int
	Weight         tensor.Dtype
}

// EmbedGrad adds dy up into the rows it came from.
//
//	in:  ids [Rows] int32, dy [Rows, C]
//	out: dtable [Vocab, C]
type EmbedGrad struct{ Rows, Vocab, C int }

// Cast changes the dtype: float32, Float16 and Bfloat16, rounding to nearest even.
//
//	in:  x [Len] of From
//	out: y [Len] of To
type Cast struct {
	Len      int
	From, To tensor.Dtype
}

// MSE is the mean over all numbers of weight·(x−target)².
//
//	in:  x, target [Batch, Len], weight [Batch] if Weighted
//	out: loss [1]
type MSE struct {
	Batch, Len int
	Weighted   bool
}

// MSEGrad is the gradient of an MSE for x.
//
//	in:  x, target, weight?, dloss [1]
//	out: dx [Batch, Len]
type MSEGrad struct{ MSE }

// SumSquares is Σx², summed in float64.
//
//	in:  x [Len]
//	out: y [1]
type SumSquares struct{ Len int }

// AdamW is one step of Adam with decoupled weight decay (Loshchilov and Hutter 2019,
// algorithm 2) as torch.optim.AdamW computes it.
//
//	in:  p, m, v, g [Len], h [8] = {lr, β₁, β₂, ε, weight decay, 1−β₁ᵗ, √(1−β₂ᵗ), factor on g}
//	out: p, m, v [Len]             the same memory as the inputs
type AdamW struct{ Len int }

func (Linear) op()           {}
func (MatMul) op()           {}
func (Conv2D) op()           {}
func (Conv2DInputGrad) op()  {}
func (Conv2DWeightGrad) op() {}
func (Attention) op()        {}
func (AttentionGrad) op()    {}
func (GroupNorm) op()        {}
func (GroupNormGrad) op()    {}
func (LayerNorm) op()        {}
func (LayerNormGrad) op()    {}
func (Softmax) op()          {}
func (SoftmaxGrad) op()      {}
func (Unary) op()            {}
func (UnaryGrad) op()        {}
func (Gate) op()             {}
func (GateGrad) op()         {}
func (Binary) op()           {}
func (Sum) op()              {}
func (LinComb) op()          {}
func (Concat) op()           {}
func (Cut) op()              {}
func (CutGrad) op()          {}
func (Permute) op()          {}
func (Upsample) op()         {}
func (UpsampleGrad) op()     {}
func (Rope) op()             {}
func (Embed) op()            {}
func (EmbedGrad) op()        {}
func (Cast) op()             {}
func (MSE) op()              {}
func (MSEGrad) op()          {}
func (SumSquares) op()       {}
func (AdamW) op()            {}
