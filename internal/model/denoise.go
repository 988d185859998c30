package model

import (
	"context"

	"gorgonia.org/tensor"

	"github.com/easel-go/easel/internal/fault"
	"github.com/easel-go/easel/internal/graph"
	"github.com/easel-go/easel/internal/graph/plan"
	"github.com/easel-go/easel/internal/model/unet"
)

// Cond is what the UNet is told of one picture: its text and, in SDXL and Kolors,
// its size and crop.
type Cond struct {
	Rows    int       // rows of Context
	Context []float32 // [Rows, ContextDim]
	KeyBias []float32 // [Rows], added to the logits of attention to Context; nil for none
	Pooled  []float32 // [PooledDim]; nil in SD 1.x
	TimeIDs []float64 // original height and width, crop top and left, target height and width; nil in SD 1.x
}

// Denoiser is the UNet for pictures of one size under given conditions.
type Denoiser struct {
	b     *Bundle
	vm    *plan.VM
	conds []Cond
	size  int // numbers of a picture's input
	out   int // numbers of a picture's output
	batch int // pictures a call of the program takes
	set   int // index of the first condition the program is set to, −1 for none

	// What a call sets, as the VM takes it: made once, so that calls do not allocate.
	sample, time   []float32
	sampleV, timeV any
}

// Denoiser returns the UNet for latents of h×w under conds, one a picture. The rows
// of all conditions must be equal in number. Pictures go through the program side by
// side as far as the memory limit allows; what comes out does not depend on that.
func (b *Bundle) Denoiser(h, w int, conds []Cond) (*Denoiser, error) {
	c := b.UNet.Config()
	for i := range conds {
		if err := b.checkCond(&conds[i], conds[0].Rows); err != nil {
			return nil, err
		}
	}
	if len(conds) == 0 || h <= 0 || w <= 0 {
		return nil, fault.Newf(fault.Invalid, "model", "%d pictures of %d×%d latents", len(conds), w, h)
	}
	d := &Denoiser{b: b, conds: conds, size: h * w * c.InChannels, out: h * w * c.OutChannels, batch: len(conds), set: -1}
	for {
		vm, err := b.denoiserVM(h, w, d.batch, conds[0].Rows, conds[0].KeyBias != nil)
		if err == nil {
			d.vm = vm
			d.sample, d.time = make([]float32, d.batch*d.size), make([]float32, d.batch*c.BlockOutChannels[0])
			d.sampleV, d.timeV = d.sample, d.time
			return d, nil
		}
		if fault.KindOf(err) != fault.Limit || d.batch == 1 {
			return nil, err
		}
		d.batch = (d.batch + 1) / 2
	}
}

func (b *Bundle) checkCond(c *Cond, rows int) error {
	u := b.UNet.Config()
	ok := c.Rows == rows && rows > 0 && len(c.Context) == rows*u.ContextDim() && (c.KeyBias == nil || len(c.KeyBias) == rows)
	if u.AddEmbeddingIn > 0 {
		ok = ok && len(c.Pooled) == u.PooledDim() && len(c.TimeIDs) == 6
	}
	if !ok {
		return fault.Newf(fault.Shape, "model", "condition of %d rows, %d numbers, %d pooled, %d time ids; want %d rows of %d, %d pooled",
			c.Rows, len(c.Context), len(c.Pooled), len(c.TimeIDs), rows, u.ContextDim(), u.PooledDim())
	}
	return nil
}

func (b *Bundle) denoiserVM(h, w, batch, rows int, bias bool) (*plan.VM, error) {
	s := shape{part: "unet", batch: batch, h: h, w: w, rows: rows}
	if bias {
		s.variant = 1
	}
	return b.vm(s, func(g *graph.Builder) []*graph.Node {
		return []*graph.Node{b.UNet.Forward(g, UNetInputs(g, b.UNet.Config(), batch, h, w, rows, bias))}
	})
}

// UNetInputs declares the inputs of a UNet under the names that Denoiser and
// training set: sample, time, context, key_bias, pooled, time_ids.
func UNetInputs(g *graph.Builder, c unet.Config, batch, h, w, rows int, bias bool) unet.Inputs {
	in := unet.Inputs{
		Sample:  g.Input("sample", tensor.Float32, batch, h, w, c.InChannels),
		Time:    g.Input("time", tensor.Float32, batch, c.BlockOutChannels[0]),
		Context: g.Input("context", tensor.Float32, batch, rows, c.ContextDim()),
	}
	if bias {
		in.KeyBias = g.Input("key_bias", tensor.Float32, batch, rows)
	}
	if c.AddEmbeddingIn > 0 {
		in.Pooled = g.Input("pooled", tensor.Float32, batch, c.PooledDim())
		in.TimeIDs = g.Input("time_ids", tensor.Float32, batch, 6*c.TimeIDDim)
	}
	return in
}

// Run predicts for latents x at timestep t, which is one number for all pictures.
//
//	x [len(conds), h, w, InChannels] → dst [len(conds), h, w, OutChannels]
func (d *Denoiser) Run(ctx context.Context, dst, x []float32, t float64) error {
	n := len(d.conds)
	if len(x) != n*d.size || len(dst) != n*d.out {
		return fault.Newf(fault.Shape, "model", "latents of %d numbers to %d, want %d and %d", len(x), len(dst), n*d.size, n*d.out)
	}
	d.b.UNet.FillTime(d.time, t)
	if err := d.vm.Set("time", d.timeV); err != nil {
		return err
	}
	for from := 0; from < n; from += d.batch {
		from := min(from, n-d.batch) // the last call takes pictures again, rather than fewer
		if err := d.setConds(from); err != nil {
			return err
		}
		copy(d.sample, x[from*d.size:])
		if err := d.vm.Set("sample", d.sampleV); err != nil {
			return err
		}
		if err := d.vm.Run(ctx); err != nil {
			return err
		}
		copy(dst[from*d.out:], d.vm.Output(0))
	}
	return finite("the UNet's output", dst)
}

// setConds gives the program the conditions from index from on.
func (d *Denoiser) setConds(from int) error {
	if d.set == from {
		return nil
	}
	for _, in := range CondInputs(d.b.UNet, d.conds[from:][:d.batch]) {
		if err := d.vm.Set(in.Name, in.Values); err != nil {
			return err
		}
	}
	d.set = from
	return nil
}

// Input is an input's name and values.
type Input struct {
	Name   string
	Values any
}

// CondInputs returns what conditions set the inputs of UNetInputs to.
func CondInputs(u *unet.UNet, conds []Cond) []Input {
	var text, bias, pooled []float32
	var ids []float64
	for _, c := range conds {
		text = append(text, c.Context...)
		bias = append(bias, c.KeyBias...)
		pooled = append(pooled, c.Pooled...)
		ids = append(ids, c.TimeIDs...)
	}
	ins := []Input{{"context", text}}
	if bias != nil {
		ins = append(ins, Input{"key_bias", bias})
	}
	if u.Config().AddEmbeddingIn > 0 {
		ins = append(ins, Input{"pooled", pooled}, Input{"time_ids", u.TimeIDFeatures(ids)})
	}
	return ins
}
