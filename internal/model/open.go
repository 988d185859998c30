package model

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"gorgonia.org/tensor"

	"github.com/easel-go/easel/internal/engine"
	"github.com/easel-go/easel/internal/fault"
	"github.com/easel-go/easel/internal/model/chatglm"
	"github.com/easel-go/easel/internal/model/cliptext"
	"github.com/easel-go/easel/internal/model/unet"
	"github.com/easel-go/easel/internal/model/vae"
	"github.com/easel-go/easel/internal/tokenizer/bpe"
	"github.com/easel-go/easel/internal/tokenizer/spm"
	"github.com/easel-go/easel/internal/weights"
)

// Options say what Open opens and how it runs.
type Options struct {
	Engine      engine.Engine // closed with the bundle
	Compute     tensor.Dtype  // of matrix products: float32 or bfloat16
	MemoryLimit int64         // bytes for the slabs of programs; 0 for none
	Numerics    Numerics      // "" means LikeDiffusers

	FS        fs.FS  // where all paths lie; nil means the operating system
	Variant   string // of the weights' files, "fp16" for one; "" means the plain files, or fp16 where only that is there
	VAE       string // a folder or file with another autoencoder; "" for the model's own
	Tokenizer string // a folder with another tokenizer, with the subfolder tokenizer_2 for SDXL's second; "" for the model's own
	Config    string // a folder with unet/config.json and so on, for single files of unusual sizes; "" for the published ones

	// Partial opens a folder that lacks an autoencoder, text encoders or tokenizers:
	// their fields stay nil, and calls that need them must not be made.
	Partial bool
}

// Open opens a model: a folder in diffusers' layout, or a single file in CompVis'
// (SD 1.x) or SGM's (SDXL) names. Errors are *fault.Error and close nothing but what
// Open itself opened.
func Open(path string, o Options) (*Bundle, error) {
	if o.Numerics == "" {
		o.Numerics = LikeDiffusers
	}
	if o.Numerics != LikeDiffusers && o.Numerics != LikeDiffSynth {
		return nil, &fault.Error{Kind: fault.Invalid, Op: "model", What: "numerics", Have: string(o.Numerics), Want: "diffusers or diffsynth"}
	}
	op := &opener{Options: o, b: &Bundle{
		Scales: map[string]float32{}, numerics: o.Numerics, compute: o.Compute, engine: o.Engine, limit: o.MemoryLimit,
	}}
	info, err := op.stat(path)
	if err == nil {
		if info.IsDir() {
			err = op.folder(path)
		} else {
			err = op.single(path)
		}
	}
	if err == nil && !o.Partial {
		err = op.b.fit(path)
	}
	if err != nil {
		for _, s := range op.b.sources {
			s.Close()
		}
		return nil, err
	}
	return op.b, nil
}

// opener fills in a bundle.
type opener struct {
	Options
	b *Bundle
}

// folder opens a pipeline folder.
func (o *opener) folder(dir string) error {
	if err := o.index(dir); err != nil {
		return err
	}
	if err := o.openUNet(o.join(dir, "unet"), o.join(dir, "unet")); err != nil {
		return err
	}
	if vae := o.or(o.VAE, o.join(dir, "vae")); !o.absent(vae) {
		if err := o.openVAE(vae, o.join(dir, "vae")); err != nil {
			return err
		}
	}
	for i, t := range o.b.family.texts {
		if o.absent(o.join(dir, t.part)) {
			continue
		}
		if err := o.openText(i, t, dir); err != nil {
			return err
		}
	}
	text, err := o.read(o.join(dir, "scheduler/scheduler_config.json"))
	if errors.Is(err, fs.ErrNotExist) {
		text, err = []byte(o.b.family.scheduler), nil
	}
	o.b.Scheduler = text
	return err
}

// absent reports whether a part is not there and need not be.
func (o *opener) absent(where string) bool {
	_, err := o.statPlain(where)
	return o.Partial && errors.Is(err, fs.ErrNotExist)
}

// index reads model_index.json, if there is one.
func (o *opener) index(dir string) error {
	text, err := o.read(o.join(dir, "model_index.json"))
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := o.stat(o.join(dir, "unet")); err == nil {
			return nil
		}
		return &fault.Error{Kind: fault.Missing, Op: "model", Where: dir, What: "model_index.json and unet", Have: "are not there",
			Want: "a pipeline folder in diffusers' layout"}
	}
	if err != nil {
		return err
	}
	var index struct {
		ForceZeros *bool `json:"force_zeros_for_empty_prompt"`
	}
	if err := json.Unmarshal(text, &index); err != nil {
		return &fault.Error{Kind: fault.Invalid, Op: "model", Where: o.join(dir, "model_index.json"), Err: err}
	}
	o.b.ZeroNegative = index.ForceZeros != nil && *index.ForceZeros
	return nil
}

// openUNet opens the network, and with it decides the family.
func (o *opener) openUNet(where, configDir string) error {
	text, err := o.read(o.join(configDir, "config.json"))
	if err != nil {
		return missing(err, configDir, "unet")
	}
	src, err := o.part(where, weights.UNet)
	if err != nil {
		return err
	}
	return o.bindUNet(text, src, where)
}

func (o *opener) bindUNet(config []byte, src *weights.Source, where string) error {
	c, err := unet.Parse(config)
	if err != nil {
		return err
	}
	switch {
	case c.HidDim > 0:
		o.b.family = familyOf(weights.Kolors)
	case c.AddEmbeddingIn > 0:
		o.b.family = familyOf(weights.SDXL)
	default:
		o.b.family = familyOf(weights.SD1)
	}
	if o.Numerics == LikeDiffSynth {
		c.TransformerEps = o.b.family.diffSynthEps
	}
	if o.b.family.name == weights.Kolors && !src.Has("encoder_hid_proj.weight") {
		return &fault.Error{Kind: fault.Missing, Op: "model", Where: where, What: "encoder_hid_proj", Have: "is not there",
			Want: "a Kolors UNet; this is an SDXL UNet, or an early broken upload"}
	}
	o.b.UNet = unet.New(c)
	return weights.Bind(o.b.UNet, src, "")
}

func (o *opener) openVAE(where, own string) error {
	text, err := o.vaeConfig(where, own)
	if err != nil {
		return err
	}
	src, err := o.part(where, weights.VAE)
	if err != nil {
		return err
	}
	return o.bindVAE(text, src)
}

// vaeConfig is the config beside an autoencoder, or the model's own for a file that
// has none.
func (o *opener) vaeConfig(where, own string) ([]byte, error) {
	for _, dir := range []string{where, o.dir(where), own} {
		if text, err := o.read(o.join(dir, "config.json")); err == nil {
			if _, err := vae.Parse(text); err == nil {
				return text, nil
			}
		}
	}
	text, err := o.read(o.join(own, "config.json"))
	return text, missing(err, own, "vae")
}

func (o *opener) bindVAE(config []byte, src *weights.Source) error {
	c, err := vae.Parse(config)
	if err != nil {
		return err
	}
	if o.Numerics == LikeDiffSynth {
		c.DecoderNormEps = 1e-5
	}
	o.b.VAE = vae.New(c)
	return weights.Bind(o.b.VAE, src, "")
}

// openText opens the i-th text encoder of a folder and its tokenizer.
func (o *opener) openText(i int, t text, dir string) error {
	where := o.join(dir, t.part)
	config, err := o.read(o.join(where, "config.json"))
	if err != nil {
		return missing(err, where, t.part)
	}
	if err := o.wantText(config, t, where); err != nil {
		return err
	}
	single := t.single
	if single == weights.TextEncoder2 {
		single = weights.TextEncoder // in a file of its own
	}
	src, err := o.part(where, single)
	if err != nil {
		return err
	}
	te, err := o.bindText(config, src, t)
	if err != nil {
		return err
	}
	o.b.Text = append(o.b.Text, te)
	return o.openTokenizer(te, i, t, dir)
}

// wantText names an encoder that belongs to another family.
func (o *opener) wantText(config []byte, t text, where string) error {
	var c struct {
		ModelType     string   `json:"model_type"`
		Architectures []string `json:"architectures"`
	}
	if err := json.Unmarshal(config, &c); err != nil {
		return &fault.Error{Kind: fault.Invalid, Op: "model", Where: where, What: "config.json", Err: err}
	}
	isGLM := c.ModelType == "chatglm" || strings.Contains(strings.Join(c.Architectures, " "), "ChatGLM")
	if isGLM == (t.single == weights.ChatGLM) {
		return nil
	}
	have := "CLIP"
	if isGLM {
		have = "ChatGLM"
	}
	return &fault.Error{Kind: fault.Invalid, Op: "model", Where: where, What: "text encoder", Have: "is " + have,
		Want: "one for a " + o.b.family.title + " UNet, which this folder has"}
}

func (o *opener) bindText(config []byte, src *weights.Source, t text) (*TextEncoder, error) {
	if t.single == weights.ChatGLM {
		c, err := chatglm.Parse(config)
		if err != nil {
			return nil, err
		}
		te := &TextEncoder{GLM: chatglm.New(c)}
		return te, weights.Bind(te.GLM, src, "")
	}
	c, err := cliptext.Parse(config, src.Has("text_projection.weight"))
	if err != nil {
		return nil, err
	}
	te := &TextEncoder{CLIP: cliptext.New(c)}
	return te, weights.Bind(te.CLIP, src, "")
}

// openTokenizer looks in the folder the user named, in the model's own, and, for
// ChatGLM, beside the encoder, where Kolors' first upload has it.
func (o *opener) openTokenizer(te *TextEncoder, i int, t text, dir string) error {
	folders := []string{o.join(dir, t.tokenizer), o.join(dir, t.part)}
	if o.Tokenizer != "" {
		folders = []string{o.Tokenizer}
		if i > 0 {
			folders = []string{o.join(o.Tokenizer, t.tokenizer), o.Tokenizer}
		}
	}
	var first error
	for _, f := range folders {
		if o.absent(f) {
			continue
		}
		fsys, err := o.sub(f)
		if err == nil {
			err = te.tokenizer(fsys)
		}
		if err == nil {
			return te.checkVocabulary(f)
		}
		if first == nil && !(o.Partial && errors.Is(err, fs.ErrNotExist)) {
			first = err
		}
	}
	return first
}

func (te *TextEncoder) tokenizer(fsys fs.FS) (err error) {
	if te.GLM != nil {
		te.SPM, err = spm.OpenChatGLM(fsys)
	} else {
		te.BPE, err = bpe.Open(fsys, bpe.Options{Mode: bpe.Slow})
	}
	return err
}

// checkVocabulary compares the ids a tokenizer gives with the rows of the embedding.
func (te *TextEncoder) checkVocabulary(where string) error {
	have, want := 0, 0
	if te.GLM != nil {
		have, want = te.SPM.Size(), te.GLM.Config().Vocab
	} else {
		have, want = te.BPE.Size(), te.CLIP.Config().Vocab
	}
	if have > want {
		return fault.Newf(fault.Shape, "model", "%s: tokenizer of %d ids, want at most the text encoder's %d", where, have, want)
	}
	return nil
}

// part opens a network's weights in a folder or file and gives them diffusers' names.
func (o *opener) part(where string, want weights.Part) (*weights.Source, error) {
	src, err := o.weights(where)
	if err != nil {
		return nil, err
	}
	o.b.sources = append(o.b.sources, src)
	cp, err := weights.Identify(src)
	if err != nil {
		return nil, err
	}
	return cp.Part(want, "model", where, string(want))
}

func (o *opener) weights(where string) (*weights.Source, error) {
	var opts []weights.Option
	if o.FS != nil {
		opts = append(opts, weights.WithFS(o.FS))
	}
	if o.Variant != "" {
		opts = append(opts, weights.WithVariant(o.Variant))
	}
	src, err := weights.Open(where, opts...)
	if o.Variant == "" && errors.Is(err, fault.Missing) {
		if src, e := weights.Open(where, append(opts, weights.WithVariant("fp16"))...); e == nil {
			return src, nil
		}
	}
	return src, err
}

// missing turns the error of a file that is not there into one that names the part.
func missing(err error, where, what string) error {
	if !errors.Is(err, fs.ErrNotExist) {
		return unreadable(err, where)
	}
	return &fault.Error{Kind: fault.Missing, Op: "model", Where: where, What: what, Have: "is not there", Err: err}
}

// unreadable gives the system's errors a kind, but for those of files that are not
// there, which callers ask for.
func unreadable(err error, where string) error {
	if err == nil || errors.Is(err, fs.ErrNotExist) || fault.KindOf(err) != "" {
		return err
	}
	return &fault.Error{Kind: fault.Invalid, Op: "model", Where: where, What: "file", Have: "cannot be read", Err: err}
}

func (o *opener) or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

func (o *opener) stat(name string) (fs.FileInfo, error) {
	if o.FS == nil {
		info, err := os.Stat(name)
		return info, missing(err, name, "model")
	}
	info, err := fs.Stat(o.FS, name)
	return info, missing(err, name, "model")
}

// maxConfig bounds the size of a JSON file.
const maxConfig = 4 << 20

func (o *opener) read(name string) ([]byte, error) {
	info, err := o.statPlain(name)
	if err != nil {
		return nil, unreadable(err, name)
	}
	if !info.Mode().IsRegular() {
		return nil, &fault.Error{Kind: fault.Invalid, Op: "model", Where: name, Have: "is no file", Want: "one"}
	}
	if info.Size() > maxConfig {
		return nil, fault.Newf(fault.Limit, "model", "%s: %d bytes, want at most %d", name, info.Size(), maxConfig)
	}
	var text []byte
	if o.FS == nil {
		text, err = os.ReadFile(name)
	} else {
		text, err = fs.ReadFile(o.FS, name)
	}
	return text, unreadable(err, name)
}

func (o *opener) statPlain(name string) (fs.FileInfo, error) {
	if o.FS == nil {
		return os.Stat(name)
	}
	return fs.Stat(o.FS, name)
}

func (o *opener) sub(dir string) (fs.FS, error) {
	if o.FS == nil {
		return os.DirFS(dir), nil
	}
	return fs.Sub(o.FS, dir)
}

func (o *opener) join(dir, name string) string {
	if o.FS == nil {
		return filepath.Join(dir, filepath.FromSlash(name))
	}
	return path.Join(dir, name)
}

func (o *opener) dir(name string) string {
	if o.FS == nil {
		return filepath.Dir(name)
	}
	return path.Dir(name)
}
