package diffusion

import (
	"context"
	"image"

	"github.com/easel-go/easel/internal/fault"
	"github.com/easel-go/easel/internal/model"
	"github.com/easel-go/easel/internal/sampler"
)

// Error is what every call of this package returns: what, where, have and want.
// errors.Is finds the Kind in it.
type (
	Error = fault.Error
	Kind  = fault.Kind
)

// The kinds of error.
const (
	Truncated   = fault.Truncated
	Unsupported = fault.Unsupported
	Missing     = fault.Missing
	Shape       = fault.Shape
	Closed      = fault.Closed
	NotFinite   = fault.NotFinite
	Limit       = fault.Limit
	Invalid     = fault.Invalid
)

// Pipeline is a loaded model. Its methods may be called from several goroutines; one
// run goes on at a time, and further calls wait for their turn or their context.
type Pipeline struct {
	bundle *model.Bundle
	config sampler.Config // the model's own sampler
	opts   options
	turn   chan struct{} // holds a token while nobody runs
}

// Bundle returns the networks behind p, for the other packages of this module: its
// type is internal, so that no other program comes to depend on it. Whoever uses it
// must hold the pipeline: see Exclusive.
func (p *Pipeline) Bundle() *model.Bundle { return p.bundle }

// Exclusive calls f while no picture is being painted, and keeps runs waiting until
// it returns. It is for the other packages of this module.
func (p *Pipeline) Exclusive(ctx context.Context, f func(*model.Bundle) error) error {
	select {
	case <-p.turn:
		defer func() { p.turn <- struct{}{} }()
		return f(p.bundle)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Close frees the model after the run in progress. Calls that come later end with an
// error of kind Closed; closing twice is no error.
func (p *Pipeline) Close() error {
	<-p.turn
	defer func() { p.turn <- struct{}{} }()
	return p.bundle.Close()
}

// Info describes a loaded pipeline.
type Info struct {
	Family    string    // "sd1", "sdxl" or "kolors"
	Device    string    // "cpu"
	Precision Precision // of matrix products
	Sampler   string    // the model's own, diffusers' name of its class
	Width     int       // the size the model was trained on, in pixels
	Height    int

	Mapped int64 // bytes of files that are mapped
	Slab   int64 // bytes that compiled programs hold
	Cache  int64 // bytes of derived forms of weights
}

// Info says what was loaded and what it takes.
func (p *Pipeline) Info() Info {
	i := Info{
		Family: string(p.bundle.Family()), Device: p.bundle.Engine().Name(), Precision: p.opts.precision,
		Sampler: p.config.Class(), Mapped: p.bundle.Mapped(), Slab: p.bundle.SlabBytes(),
	}
	i.Width = p.bundle.UNet.Config().SampleSize * p.bundle.VAE.Config().Factor()
	i.Height = i.Width
	if c, ok := p.bundle.Engine().(interface{ CacheBytes() int64 }); ok {
		i.Cache = c.CacheBytes()
	}
	return i
}

// Result is what a request painted.
type Result struct {
	Images  []*image.RGBA
	Latents []Latents // what the pictures were decoded from
	Seeds   []uint64  // of each picture; equal ones where N pictures came from one Seed
	Request Request   // as it was run, its zero fields filled in

	// Cut is how many tokens of the longer of the two prompts did not fit the text
	// encoder and were left out; 0 when all were read.
	Cut int
}

// Latents are the numbers that stand for a picture, [Height, Width, Channels].
type Latents struct {
	Height, Width, Channels int
	Values                  []float32
}

// Generate paints the pictures that r describes. Equal requests give equal pictures
// on one kind of device.
//
// Errors: Invalid for a request that makes no sense, naming the field; Closed;
// NotFinite, naming where the first NaN or infinity appeared, instead of a black
// picture; Limit when a memory limit does not allow the size; ctx's; and whatever
// OnStep returned. After any of them the pipeline is as it was.
func (p *Pipeline) Generate(ctx context.Context, r Request) (*Result, error) {
	results, err := p.Batch(ctx, r)
	if err != nil {
		return nil, err
	}
	return results[0], nil
}

// Batch paints several requests. Those of one size and one course, sampler, steps
// and strength, share calls of the UNet; every picture has the bits it has when its
// request is run alone. OnStep of each request is called for its own pictures.
func (p *Pipeline) Batch(ctx context.Context, requests ...Request) ([]*Result, error) {
	var results []*Result
	err := p.Exclusive(ctx, func(*model.Bundle) (err error) {
		results, err = p.paint(ctx, requests)
		return err
	})
	if err != nil {
		return nil, err
	}
	return results, nil
}
