package op

import (
	"errors"
	"fmt"

	"github.com/easel-go/easel/internal/engine"
	"github.com/easel-go/easel/internal/graph"
)

// Conv says how a filter moves over a picture.
type Conv struct {
	Stride   int    // 0 means 1
	Pad      [4]int // zeros at top, left, bottom, right
	UpH, UpW int    // size the picture is enlarged to before, nearest neighbour; 0 means as it is
}

// Conv2D is a two-dimensional convolution.
//
//	x [B, H, W, in], w [out, in, kh, kw], bias [out] or nil → [B, H', W', out]
//
// H' is (H + top + bottom − kh)/Stride + 1, H being UpH if that is given.
func Conv2D(b *graph.Builder, x, w, bias *graph.Node, c Conv) *graph.Node {
	c.Stride = max(c.Stride, 1)
	return b.Apply(conv2D{c, bias != nil}, with([]*graph.Node{x, w}, bias)...)
}

type conv2D struct {
	Conv
	bias bool
}

func (o conv2D) Name() string { return "conv2d" }

func (o conv2D) Infer(in []graph.Desc) (graph.Desc, error) {
	if err := o.check(in[0], in[1]); err != nil {
		return graph.Desc{}, err
	}
	k := o.kernel(in)
	if o.bias && !vector(in[2], k.Out) {
		return want("bias [%d]", k.Out)
	}
	h, w := k.OutSize()
	return of(k.Batch, h, w, k.Out)
}

func (o conv2D) check(x, w graph.Desc) error {
	if float32s(x) != nil || len(x.Shape) != 4 || !weight(w, 4) {
		return errors.New("x float32 [B, H, W, in] and w [out, in, kh, kw]")
	}
	if w.Shape[1] != x.Shape[3] {
		return fmt.Errorf("w [out, %d, kh, kw]", x.Shape[3])
	}
	h, wd := o.enlarged(x.Shape)
	top, left, bottom, right := o.Pad[0], o.Pad[1], o.Pad[2], o.Pad[3]
	switch {
	case h < x.Shape[1] || wd < x.Shape[2]:
		return fmt.Errorf("a size to enlarge to of at least %d×%d, not %d×%d", x.Shape[1], x.Shape[2], h, wd)
	case min(top, left, bottom, right) < 0:
		return fmt.Errorf("padding that is not negative, not %v", o.Pad)
	case h+top+bottom < w.Shape[2] || wd+left+right < w.Shape[3]:
		return fmt.Errorf("a padded picture of at least %d×%d", w.Shape[2], w.Shape[3])
	}
	return nil
}

// enlarged returns the size of the picture that the filter moves over, before padding.
func (o conv2D) enlarged(x []int) (h, w int) {
	if o.UpH != 0 || o.UpW != 0 {
		return o.UpH, o.UpW
	}
	return x[1], x[2]
}

func (o conv2D) kernel(in []graph.Desc) engine.Conv2D {
	x, w := in[0].Shape, in[1].Shape
	return engine.Conv2D{
		Batch: x[0], H: x[1], W: x[2], In: x[3], Out: w[0], KH: w[2], KW: w[3],
		Stride: o.Stride, Pad: o.Pad, UpH: o.UpH, UpW: o.UpW,
		Weight: in[1].Dtype, Bias: o.bias, Compute: engine.Float32,
	}
}

func (o conv2D) Kernel(in []graph.Desc, _ []bool) engine.Op { return o.kernel(in) }

// Grad goes by the enlarged picture where there is one.
func (o conv2D) Grad(d *graph.Diff) []*graph.Node {
	b, x, w, dy := d.B, d.In[0], d.In[1], d.Grad[0]
	gs := make([]*graph.Node, len(d.In))
	xs := b.Desc(x).Shape
	plain, up := o.Conv, o.UpH > 0
	plain.UpH, plain.UpW = 0, 0
	h, wd := o.enlarged(xs)
	if d.Need[0] {
		g := b.Apply(convInputGrad{plain, h, wd}, dy, w)
		if up {
			g = b.Apply(upsampleGrad{xs[1], xs[2]}, g)
		}
		gs[0] = g
	}
	if d.Need[1] {
		if up {
			x = Upsample(b, x, h, wd)
		}
		ws := b.Desc(w).Shape
		gs[1] = b.Apply(convWeightGrad{plain, ws[2], ws[3]}, x, dy)
	}
	if o.bias && d.Need[2] {
		gs[2] = spreadSum(b, dy, d.In[2])
	}
	return gs
}

// convInputGrad takes dy and w; h and w are the size of the convolution's input.
type convInputGrad struct {
	Conv
	h, w int
}

func (o convInputGrad) Name() string { return "conv2d input gradient" }

func (o convInputGrad) Infer(in []graph.Desc) (graph.Desc, error) {
	dy, w := in[0].Shape, in[1].Shape
	return of(dy[0], o.h, o.w, w[1])
}

func (o convInputGrad) Kernel(in []graph.Desc, _ []bool) engine.Op {
	dy, w := in[0].Shape, in[1].Shape
	return engine.Conv2DInputGrad{Conv2D: engine.Conv2D{
		Batch: dy[0], H: o.h, W: o.w, In: w[1], Out: w[0], KH: w[2], KW: w[3],
		Stride: o.Stride, Pad: o.Pad, Weight: in[1].Dtype, Compute: engine.Float32,
	}}
}

func (o convInputGrad) Grad(*graph.Diff) []*graph.Node { return noSecond(o) }

// convWeightGrad takes x and dy.
type convWeightGrad struct {
	Conv
	kh, kw int
}

func (o convWeightGrad) Name() string { return "conv2d weight gradient" }

func (o convWeightGrad) Infer(in []graph.Desc) (graph.Desc, error) {
	return of(in[1].Shape[3], in[0].Shape[3], o.kh, o.kw)
}

func (o convWeightGrad) Kernel(in []graph.Desc, _ []bool) engine.Op {
	x, dy := in[0].Shape, in[1].Shape
	return engine.Conv2DWeightGrad{Conv2D: engine.Conv2D{
		Batch: x[0], H: x[1], W: x[2], In: x[3], Out: dy[3], KH: o.kh, KW: o.kw,
		Stride: o.Stride, Pad: o.Pad, Weight: engine.Float32, Compute: engine.Float32,
	}}
}

func (o convWeightGrad) Grad(*graph.Diff) []*graph.Node { return noSecond(o) }

// noSecond ends the taking of a gradient's gradient, which no op here has.
func noSecond(o graph.Op) []*graph.Node {
	graph.Fail("%s: has no gradient of its own", o.Name())
	return nil
}
