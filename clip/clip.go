package clip

import (
	"github.com/easel-go/easel/internal/fault"
	"github.com/easel-go/easel/internal/model/cliptext"
	"github.com/easel-go/easel/internal/model/clipvision"
	"github.com/easel-go/easel/internal/nn"
	"github.com/easel-go/easel/internal/tokenizer/bpe"
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

func invalid(what, have, want string) error {
	return &fault.Error{Kind: fault.Invalid, Op: "clip", What: what, Have: have, Want: want}
}

// Model is a CLIP model with both its towers. Its methods may be called from several
// goroutines; the towers run for one of them at a time.
type Model struct {
	runner *runner
	pair   *pair
	tokens *bpe.Tokenizer
	look   *look
	limit  int     // tokens that the text tower reads
	scale  float32 // e to the model's logit scale
}

// pair is both towers, under transformers' names for CLIPModel.
type pair struct {
	*cliptext.Model
	Vision *clipvision.Model `weight:""`
	Scale  *nn.Param         `weight:"logit_scale"`
}

// Close frees the model once no call runs. Calls that come later end with an error of
// kind Closed; closing twice is no error.
func (m *Model) Close() error { return m.runner.close() }

// Info describes an open model.
type Info struct {
	ImageSize  int     // side of the square that the picture tower sees, in pixels
	PatchSize  int     // side of a patch, in pixels
	Tokens     int     // the longest text that is read, begin and end included
	Dim        int     // numbers in an embedding
	LogitScale float32 // what cosines are multiplied by to make logits: 100 in OpenAI's models

	Device    string // "cpu"
	Precision Precision
	Mapped    int64 // bytes of files that are mapped
	Slab      int64 // bytes that compiled programs hold
}

// Info says what was opened and what it takes.
func (m *Model) Info() Info {
	c := m.pair.Vision.Config()
	i := Info{ImageSize: c.Image, PatchSize: c.Patch, Tokens: m.limit, Dim: c.ProjectionDim, LogitScale: m.scale}
	i.Device, i.Precision, i.Mapped, i.Slab = m.runner.info()
	return i
}
