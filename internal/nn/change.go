package nn

import (
	"github.com/easel-go/easel/internal/graph"
	"github.com/easel-go/easel/internal/graph/op"
)

// LowRank is ΔW = Up·Down, or with Mid the Tucker form Up·Mid·Down.
//
//	of a linear layer:  Down [r, in], Up [out, r]
//	of a convolution:   Down [r, in, k, k], Up [out, r, 1, 1]
//	Tucker:             Down [r, in, 1, 1], Mid [r, r, k, k], Up [out, r, 1, 1]
//
// The trailing 1×1 of a filter may be left out, or be there for a linear layer. The
// filter with k×k moves with the layer's stride and padding.
type LowRank struct{ Down, Mid, Up *Param }

func (l *LowRank) size() (in, out int) { return l.Down.Shape[1], l.Up.Shape[0] }

func (l *LowRank) linear(a applier, x *graph.Node) *graph.Node {
	x = pointwise(a, x, l.Down)
	if l.Mid != nil {
		x = pointwise(a, x, l.Mid)
	}
	return pointwise(a, a.scale(x), l.Up)
}

func (l *LowRank) conv(a applier, x *graph.Node, c op.Conv) *graph.Node {
	if l.Mid != nil {
		x = pointwise(a, x, l.Down)
		x = filter(a, x, l.Mid, c)
	} else {
		x = filter(a, x, l.Down, c)
	}
	return pointwise(a, a.scale(x), l.Up)
}

// Full is ΔW itself, of the layer's shape.
type Full struct{ Weight *Param }

func (f *Full) size() (in, out int) { return f.Weight.Shape[1], f.Weight.Shape[0] }

func (f *Full) linear(a applier, x *graph.Node) *graph.Node {
	return a.scale(pointwise(a, x, f.Weight))
}

func (f *Full) conv(a applier, x *graph.Node, c op.Conv) *graph.Node {
	return a.scale(filter(a, x, f.Weight, c))
}

// Kronecker is ΔW = W1 ⊗ W2 (LoKr; Yeh and others 2023): with W1 [a₁, b₁] and W2
// [a₂, b₂] or [a₂, b₂, k, k], element (i₁a₂+i₂, j₁b₂+j₂) is W1[i₁, j₁]·W2[i₂, j₂]. Each
// factor may be low-rank itself; only W2 may have filters.
type Kronecker struct{ W1, W2 Change }

func (k *Kronecker) size() (in, out int) {
	in1, out1 := k.W1.size()
	in2, out2 := k.W2.size()
	return in1 * in2, out1 * out2
}

func (k *Kronecker) linear(a applier, x *graph.Node) *graph.Node {
	shape := a.Desc(x).Shape
	batch, rows := shape[0], a.Desc(x).Size()/shape[0]/shape[len(shape)-1]
	y := k.apply(a, op.Reshape(a.Builder, x, batch, rows, 1, k.checked(a, x)),
		func(a applier, x *graph.Node) *graph.Node { return k.W2.linear(a, x) })
	_, out := k.size()
	return op.Reshape(a.Builder, y, append(shape[:len(shape)-1:len(shape)-1], out)...)
}

func (k *Kronecker) conv(a applier, x *graph.Node, c op.Conv) *graph.Node {
	k.checked(a, x)
	return k.apply(a, x, func(a applier, x *graph.Node) *graph.Node { return k.W2.conv(a, x, c) })
}

// checked returns the number of channels of x, which must be the inputs of ΔW.
func (k *Kronecker) checked(a applier, x *graph.Node) int {
	shape := a.Desc(x).Shape
	in, _ := k.size()
	if have := shape[len(shape)-1]; have != in {
		Fail("nn: %s: %d channels for a Kronecker product of %d inputs", a.Path(), have, in)
	}
	return in
}

// apply takes a picture apart into b₁ pictures of b₂ channels, applies W2 to each and
// mixes them by W1.
//
//	x [B, H, W, b₁·b₂] → [B, H', W', a₁·a₂]
func (k *Kronecker) apply(a applier, x *graph.Node, w2 func(applier, *graph.Node) *graph.Node) *graph.Node {
	b, s := a.Builder, a.Desc(x).Shape
	in1, out1 := k.W1.size()
	in2, out2 := k.W2.size()
	x = op.Permute(b, op.Reshape(b, x, s[0], s[1], s[2], in1, in2), 0, 3, 1, 2, 4)
	x = w2(a, op.Reshape(b, x, s[0]*in1, s[1], s[2], in2))
	h, w := b.Desc(x).Shape[1], b.Desc(x).Shape[2]
	x = op.Permute(b, op.Reshape(b, x, s[0], in1, h, w, out2), 0, 2, 3, 4, 1)
	once := a
	once.scale = func(n *graph.Node) *graph.Node { return n } // W2 has multiplied by s
	x = k.W1.linear(once, x)
	return op.Reshape(b, op.Permute(b, x, 0, 1, 2, 4, 3), s[0], h, w, out1*out2)
}

// pointwise applies a matrix, or a filter of 1×1, to every row of x.
func pointwise(a applier, x *graph.Node, p *Param) *graph.Node {
	w := a.node(p)
	if s := a.Desc(w).Shape; len(s) == 4 && s[2] == 1 && s[3] == 1 {
		w = op.Reshape(a.Builder, w, s[0], s[1])
	}
	return op.Linear(a.Builder, x, w, nil)
}

// filter applies a filter to a picture; a matrix is a filter of 1×1.
func filter(a applier, x *graph.Node, p *Param, c op.Conv) *graph.Node {
	w := a.node(p)
	s := a.Desc(w).Shape
	point := len(s) == 2 || len(s) == 4 && s[2] == 1 && s[3] == 1
	if point && c.Stride <= 1 && c.Pad == [4]int{} && c.UpH == 0 {
		return pointwise(a, x, p)
	}
	if len(s) == 2 {
		w = op.Reshape(a.Builder, w, s[0], s[1], 1, 1)
	}
	return op.Conv2D(a.Builder, x, w, nil, c)
}
