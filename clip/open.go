package clip

import (
	"encoding/json"
	"math"

	"github.com/easel-go/easel/internal/fault"
	"github.com/easel-go/easel/internal/model/cliptext"
	"github.com/easel-go/easel/internal/model/clipvision"
	"github.com/easel-go/easel/internal/nn"
	"github.com/easel-go/easel/internal/tokenizer/bpe"
	"github.com/easel-go/easel/internal/weights"
)

// Open opens a CLIP model. path is a folder in transformers' layout (config.json,
// preprocessor_config.json, the tokenizer's files, and weights as safetensors or
// torch files) or in open_clip's (open_clip_config.json); a single file of OpenAI
// (a TorchScript archive) or open_clip; or a name on Hugging Face, "owner/name" or
// "hf:owner/name", or on ModelScope, "ms:owner/name", that [Fetch] brought to the
// disk: Open never downloads. Weights are mapped, so that opening takes milliseconds.
//
// Errors: Missing for what is not there, Invalid for a model of another kind, Shape for
// weights that do not fit, Truncated for a file that ends early, NotFinite for a logit
// scale that is no number, Unsupported for what this build cannot do.
func Open(path string, opts ...Option) (*Model, error) {
	o, err := newOptions(opts)
	if err != nil {
		return nil, err
	}
	m := &Model{runner: o.newRunner()}
	if err := m.open(path, o); err != nil {
		m.Close()
		return nil, err
	}
	return m, nil
}

func (m *Model) open(name string, o *options) error {
	f := files{o.fsys}
	at, folder, err := f.find(name)
	if err != nil {
		return err
	}
	src, err := f.weights(at, o.variant)
	if err != nil {
		return err
	}
	m.runner.sources = append(m.runner.sources, src)
	both, err := part(src, weights.CLIP, "a CLIP model with both towers")
	if err != nil {
		return err
	}
	dir := at
	if !folder {
		dir = f.dir(at)
	}
	c, err := f.clipConfig(dir, folder, o, both, src)
	if err != nil {
		return err
	}
	if err := m.bind(c, both); err != nil {
		return err
	}
	if m.tokens, err = f.tokenizer(dir, folder, o); err != nil {
		return err
	}
	return m.check()
}

// bind makes the towers of a config and gives them their weights.
func (m *Model) bind(c clipConfig, src *weights.Source) error {
	m.pair = &pair{cliptext.New(c.text), clipvision.New(c.vision), nn.NewParam()}
	if err := weights.Bind(m.pair, src, ""); err != nil {
		return err
	}
	scale, _, err := floats(src, "logit_scale")
	if err != nil {
		return err
	}
	m.scale = float32(math.Exp(float64(scale[0])))
	if m.scale != m.scale || math.IsInf(float64(m.scale), 0) {
		return &fault.Error{Kind: fault.NotFinite, Op: "clip", Where: src.Path(), What: "logit_scale", Have: "is not finite"}
	}
	m.look, err = newLook(m.runner, m.pair.Vision, c.prepare)
	return err
}

// check compares the tokenizer with the text tower.
func (m *Model) check() error {
	c := m.pair.Config()
	if m.tokens.Size() > c.Vocab {
		return fault.Newf(fault.Shape, "clip", "tokenizer of %d ids, want at most the text tower's %d", m.tokens.Size(), c.Vocab)
	}
	m.limit = c.Positions
	if n := m.tokens.MaxLength(); n > 0 {
		m.limit = min(m.limit, n)
	}
	return nil
}

// clipConfig is what the files beside the weights say.
type clipConfig struct {
	text    cliptext.Config
	vision  clipvision.Config
	prepare *preparation
}

// clipConfig reads the configs of a model, or for a single file without any reads
// them off its tensors.
func (f files) clipConfig(dir string, folder bool, o *options, both, src *weights.Source) (clipConfig, error) {
	if o.config != "" {
		dir, folder = o.config, true
	}
	if f.has(f.join(dir, "open_clip_config.json")) && !f.has(f.join(dir, "config.json")) {
		return f.openCLIPConfig(f.join(dir, "open_clip_config.json"), both)
	}
	if folder {
		return f.transformersConfig(dir)
	}
	return bareConfig(both, src)
}

// transformersConfig reads the config.json of a CLIPModel and what is beside it.
func (f files) transformersConfig(dir string) (c clipConfig, err error) {
	name := f.join(dir, "config.json")
	text, err := f.read(name)
	if err != nil {
		return c, err
	}
	var both struct {
		ModelType string           `json:"model_type"`
		Text      *json.RawMessage `json:"text_config"`
		Vision    *json.RawMessage `json:"vision_config"`
		Dim       int              `json:"projection_dim"`
	}
	both.Dim = 512 // CLIPConfig's default
	if err := json.Unmarshal(text, &both); err != nil {
		return c, &fault.Error{Kind: fault.Invalid, Op: "clip", Where: name, Err: err}
	}
	if both.ModelType != "clip" && both.ModelType != "" {
		return c, &fault.Error{Kind: fault.Unsupported, Op: "clip", Where: name, What: "model_type", Have: both.ModelType, Want: "clip"}
	}
	if both.Text == nil || both.Vision == nil {
		return c, &fault.Error{Kind: fault.Missing, Op: "clip", Where: name, What: "text_config and vision_config", Have: "are not both there", Want: "those of a CLIPModel"}
	}
	if c.text, err = cliptext.Parse(*both.Text, true); err != nil {
		return c, err
	}
	if c.vision, err = clipvision.Parse(*both.Vision); err != nil {
		return c, err
	}
	if both.Dim <= 0 {
		return c, fault.Newf(fault.Invalid, "clip", "%s: projection_dim %d, want a positive number", name, both.Dim)
	}
	c.text.ProjectionDim, c.vision.ProjectionDim = both.Dim, both.Dim
	c.prepare, err = f.preparation(dir, likeCLIP, c.vision.Image)
	return c, err
}

// tokenizer opens the tokenizer that the options name, or that of the folder. A
// single file, and a folder of open_clip without one, has CLIP's own.
func (f files) tokenizer(dir string, folder bool, o *options) (*bpe.Tokenizer, error) {
	if o.tokenizer != "" {
		dir, folder = o.tokenizer, true
	}
	own := f.has(f.join(dir, "vocab.json")) || f.has(f.join(dir, "tokenizer.json"))
	if !folder || !own && f.has(f.join(dir, "open_clip_config.json")) {
		return bpe.Standard(bpe.Options{})
	}
	fsys, err := f.sub(dir)
	if err != nil {
		return nil, &fault.Error{Kind: fault.Missing, Op: "clip", Where: dir, What: "tokenizer", Err: err}
	}
	return bpe.Open(fsys, bpe.Options{})
}
