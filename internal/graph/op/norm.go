package op

import (
	"github.com/easel-go/easel/internal/engine"
	"github.com/easel-go/easel/internal/graph"
)

// GroupNorm normalises groups of channels over each picture to mean 0 and variance 1,
// then scales and shifts (Wu and He 2018).
//
//	x [B, …, C], gamma [C], beta [C] → like x
//
// groups must divide C.
func GroupNorm(b *graph.Builder, x, gamma, beta *graph.Node, groups int, eps float32) *graph.Node {
	return b.Apply(groupNorm{groups, eps}, x, gamma, beta)
}

type groupNorm struct {
	groups int
	eps    float32
}

func (o groupNorm) Name() string { return "groupnorm" }

func (o groupNorm) Infer(in []graph.Desc) (graph.Desc, error) {
	x := in[0]
	if float32s(x) != nil || len(x.Shape) < 2 {
		return want("x float32 [B, …, C]")
	}
	c := last(x)
	if o.groups < 1 || c%o.groups != 0 {
		return want("channels that %d groups divide", o.groups)
	}
	if !vector(in[1], c) || !vector(in[2], c) {
		return want("gamma and beta [%d]", c)
	}
	return x, nil
}

func (o groupNorm) kernel(x graph.Desc) engine.GroupNorm {
	batch, pixels := items(x.Shape)
	return engine.GroupNorm{Batch: batch, Pixels: pixels, C: last(x), Groups: o.groups, Eps: o.eps}
}

func (o groupNorm) Kernel(in []graph.Desc, _ []bool) engine.Op { return o.kernel(in[0]) }

func (o groupNorm) Grad(d *graph.Diff) []*graph.Node {
	g := d.B.Apply(groupNormGrad{o}, d.In[0], d.In[1], d.In[2], d.Grad[0])
	return parts(d, g, 0, 1, 2)
}

type groupNormGrad struct{ groupNorm }

func (o groupNormGrad) Name() string { return "groupnorm gradient" }

func (o groupNormGrad) Parts(in []graph.Desc) []graph.Desc { return in[:3] }

func (o groupNormGrad) Infer(in []graph.Desc) (graph.Desc, error) {
	return of(graph.PackedShape(o.Parts(in))...)
}

func (o groupNormGrad) Written(used []bool) []int {
	if used[1] || used[2] {
		return []int{0, 1, 2}
	}
	return []int{0}
}

func (o groupNormGrad) Kernel(in []graph.Desc, used []bool) engine.Op {
	return engine.GroupNormGrad{GroupNorm: o.kernel(in[0]), Params: used[1] || used[2]}
}

func (o groupNormGrad) Grad(*graph.Diff) []*graph.Node { return noSecond(o) }

// LayerNorm normalises the last axis to mean 0 and variance 1, then scales and shifts
// (Ba, Kiros and Hinton 2016).
//
//	x […, C], gamma [C] or nil, beta [C] or nil → like x
func LayerNorm(b *graph.Builder, x, gamma, beta *graph.Node, eps float32) *graph.Node {
	return b.Apply(layerNorm{eps, false, gamma != nil, beta != nil}, with([]*graph.Node{x}, gamma, beta)...)
}

// RMSNorm divides the last axis by its root mean square, then scales (Zhang and
// Sennrich 2019).
//
//	x […, C], gamma [C] or nil → like x
func RMSNorm(b *graph.Builder, x, gamma *graph.Node, eps float32) *graph.Node {
	return b.Apply(layerNorm{eps, true, gamma != nil, false}, with([]*graph.Node{x}, gamma)...)
}

type layerNorm struct {
	eps              float32
	rms, gamma, beta bool
}

func (o layerNorm) Name() string {
	if o.rms {
		return "rmsnorm"
	}
	return "layernorm"
}

func (o layerNorm) Infer(in []graph.Desc) (graph.Desc, error) {
	if float32s(in[0]) != nil {
		return want("x float32 […, C]")
	}
	for _, v := range in[1:] {
		if !vector(v, last(in[0])) {
			return want("gamma and beta [%d]", last(in[0]))
		}
	}
	return in[0], nil
}

func (o layerNorm) kernel(x graph.Desc) engine.LayerNorm {
	return engine.LayerNorm{Rows: x.Size() / last(x), C: last(x), Eps: o.eps, RMS: o.rms, Gamma: o.gamma, Beta: o.beta}
}

func (o layerNorm) Kernel(in []graph.Desc, _ []bool) engine.Op { return o.kernel(in[0]) }

// Grad leaves out beta, which the gradients do not depend on.
func (o layerNorm) Grad(d *graph.Diff) []*graph.Node {
	in := []*graph.Node{d.In[0]}
	if o.gamma {
		in = append(in, d.In[1])
	}
	g := d.B.Apply(layerNormGrad{o}, append(in, d.Grad[0])...)
	return parts(d, g, 0, 1, 2)
}

// layerNormGrad takes x, gamma if there is one, and dy.
type layerNormGrad struct{ layerNorm }

func (o layerNormGrad) Name() string { return o.layerNorm.Name() + " gradient" }

func (o layerNormGrad) Parts(in []graph.Desc) []graph.Desc {
	ps := []graph.Desc{in[0]}
	v, _ := of(last(in[0]))
	for _, has := range []bool{o.gamma, o.beta} {
		if has {
			ps = append(ps, v)
		}
	}
	return ps
}

func (o layerNormGrad) Infer(in []graph.Desc) (graph.Desc, error) {
	return of(graph.PackedShape(o.Parts(in))...)
}

func (o layerNormGrad) params(used []bool) bool {
	for _, u := range used[1:] {
		if u {
			return true
		}
	}
	return false
}

func (o layerNormGrad) Written(used []bool) []int {
	all := []int{0, 1, 2}[:len(used)]
	if !o.params(used) {
		return all[:1]
	}
	return all
}

func (o layerNormGrad) Kernel(in []graph.Desc, used []bool) engine.Op {
	return engine.LayerNormGrad{LayerNorm: o.kernel(in[0]), Params: o.params(used)}
}

func (o layerNormGrad) Grad(*graph.Diff) []*graph.Node { return noSecond(o) }

// parts returns for each input whose gradient is wanted the part of a packed
// gradient that is listed for it.
func parts(d *graph.Diff, packed *graph.Node, which ...int) []*graph.Node {
	gs := make([]*graph.Node, len(d.In))
	for i := range min(len(gs), len(which)) {
		if d.Need[i] {
			gs[i] = d.B.Part(packed, which[i])
		}
	}
	return gs
}
