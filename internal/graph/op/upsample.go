package op

import (
	"github.com/easel-go/easel/internal/engine"
	"github.com/easel-go/easel/internal/graph"
)

// Upsample enlarges pictures to h×w, nearest neighbour.
//
//	x [B, H, W, C] → [B, h, w, C]
func Upsample(b *graph.Builder, x *graph.Node, h, w int) *graph.Node {
	return b.Apply(upsample{h, w}, x)
}

type upsample struct{ h, w int }

func (o upsample) Name() string { return "upsample" }

func (o upsample) Infer(in []graph.Desc) (graph.Desc, error) {
	s := in[0].Shape
	if float32s(in[0]) != nil || len(s) != 4 || o.h < s[1] || o.w < s[2] {
		return want("a picture float32 [B, H, W, C] not larger than %d×%d", o.h, o.w)
	}
	return of(s[0], o.h, o.w, s[3])
}

func (o upsample) Grad(d *graph.Diff) []*graph.Node {
	s := d.B.Desc(d.In[0]).Shape
	return []*graph.Node{d.B.Apply(upsampleGrad{s[1], s[2]}, d.Grad[0])}
}

func (o upsample) Kernel(in []graph.Desc, _ []bool) engine.Op {
	s := in[0].Shape
	return engine.Upsample{Batch: s[0], H: s[1], W: s[2], C: s[3], OutH: o.h, OutW: o.w}
}

// upsampleGrad takes dy; h and w are the size before.
type upsampleGrad struct{ h, w int }

func (o upsampleGrad) Name() string { return "upsample gradient" }

func (o upsampleGrad) Infer(in []graph.Desc) (graph.Desc, error) {
	return of(in[0].Shape[0], o.h, o.w, in[0].Shape[3])
}

func (o upsampleGrad) Kernel(in []graph.Desc, _ []bool) engine.Op {
	s := in[0].Shape
	return engine.UpsampleGrad{Batch: s[0], H: o.h, W: o.w, C: s[3], OutH: s[1], OutW: s[2]}
}

func (o upsampleGrad) Grad(d *graph.Diff) []*graph.Node {
	s := d.B.Desc(d.In[0]).Shape
	return []*graph.Node{Upsample(d.B, d.Grad[0], s[1], s[2])}
}
