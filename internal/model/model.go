// Package model puts the networks of one text-to-picture model together: what a
// pipeline folder or a single file holds, opened, bound and ready to be run shape by
// shape.
//
// A [Bundle] has the four calls that painting and training are made of: Encode
// (texts to what the UNet attends to), Denoiser (the UNet), Decode and EncodeImage
// (the autoencoder). Stable Diffusion 1.x, SDXL and Kolors differ in one table,
// family.go.
//
// Pictures and latents are [batch, height, width, channels], float32.
package model

import (
	"sync"

	"github.com/easel-go/easel/internal/engine"
	"github.com/easel-go/easel/internal/fault"
	"github.com/easel-go/easel/internal/model/chatglm"
	"github.com/easel-go/easel/internal/model/cliptext"
	"github.com/easel-go/easel/internal/model/unet"
	"github.com/easel-go/easel/internal/model/vae"
	"github.com/easel-go/easel/internal/tokenizer/bpe"
	"github.com/easel-go/easel/internal/tokenizer/spm"
	"github.com/easel-go/easel/internal/weights"

	"gorgonia.org/tensor"
)

// Numerics says whose arithmetic is followed where two programs differ on the same
// weights.
type Numerics string

// The numerics. DiffSynth is DiffSynth-Studio of August 2024 (b1709fcb), whose SDXL
// and Kolors have other epsilons in two norms, and other rules for text.
const (
	LikeDiffusers Numerics = "diffusers"
	LikeDiffSynth Numerics = "diffsynth"
)

// Bundle is the parts of one model. Its methods may be called by one goroutine at a
// time.
type Bundle struct {
	UNet *unet.UNet
	VAE  *vae.VAE
	Text []*TextEncoder // one, or SDXL's two

	// Scheduler is the model's scheduler_config.json, or its family's.
	Scheduler []byte

	// ZeroNegative says that a negative prompt that is not given stands for embeddings
	// of zeros (force_zeros_for_empty_prompt of model_index.json).
	ZeroNegative bool

	// Scales are the values of inputs that adapters added, by name.
	Scales map[string]float32

	family   *family
	numerics Numerics
	compute  tensor.Dtype
	engine   engine.Engine
	limit    int64
	programs programs
	sources  []*weights.Source

	mu     sync.Mutex // guards closed
	closed bool
}

// TextEncoder is a tokenizer and the network behind it: CLIP's or ChatGLM.
type TextEncoder struct {
	CLIP *cliptext.Model
	BPE  *bpe.Tokenizer

	GLM *chatglm.Model
	SPM *spm.ChatGLM
}

// Family returns which line of models the bundle is of.
func (b *Bundle) Family() weights.Family { return b.family.name }

// Numerics returns whose arithmetic the bundle follows.
func (b *Bundle) Numerics() Numerics { return b.numerics }

// Engine returns the device that the bundle runs on.
func (b *Bundle) Engine() engine.Engine { return b.engine }

// Compute returns the arithmetic of matrix products: float32, or bfloat16.
func (b *Bundle) Compute() tensor.Dtype { return b.compute }

// Mapped returns how many bytes of files are mapped.
func (b *Bundle) Mapped() int64 {
	var n int64
	for _, s := range b.sources {
		n += s.Mapped()
	}
	return n
}

// SlabBytes returns the memory that compiled programs hold.
func (b *Bundle) SlabBytes() int64 { return b.programs.bytes() }

// Changed tells the bundle that layers have other weights or adapters now: programs
// are built anew on their next use.
func (b *Bundle) Changed() { b.programs.drop() }

// Close frees programs, device and files. Closing twice is no error.
func (b *Bundle) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil
	}
	b.closed = true
	b.programs.drop()
	err := b.engine.Close()
	for _, s := range b.sources {
		if e := s.Close(); err == nil {
			err = e
		}
	}
	return err
}

// check returns an error if the bundle is closed.
func (b *Bundle) check() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return &fault.Error{Kind: fault.Closed, Op: "model", What: "pipeline"}
	}
	return nil
}
