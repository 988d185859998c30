package model

import (
	"io/fs"
	"path"

	"github.com/easel-go/easel/internal/fault"
	"github.com/easel-go/easel/internal/tokenizer/bpe"
	"github.com/easel-go/easel/internal/weights"
)

// single opens a file that holds all networks of a model.
func (o *opener) single(file string) error {
	src, err := o.weights(file)
	if err != nil {
		return err
	}
	o.b.sources = append(o.b.sources, src)
	cp, err := weights.Identify(src)
	if err != nil {
		return err
	}
	f := familyOf(cp.Family)
	if f == nil || f.config == "" {
		return &fault.Error{Kind: fault.Unsupported, Op: "model", Where: file, What: "single file", Have: "of no known family", Want: "Stable Diffusion 1.x or SDXL"}
	}
	if err := o.singleNets(file, f, cp); err != nil {
		return err
	}
	o.b.Scheduler = []byte(f.scheduler)
	return nil
}

func (o *opener) singleNets(file string, f *family, cp *weights.Checkpoint) error {
	if err := o.whole(file, f, cp); err != nil {
		return err
	}
	config, err := o.singleConfig(f, "unet")
	if err != nil {
		return err
	}
	if err := o.bindUNet(config, cp.Parts[weights.UNet], file); err != nil {
		return err
	}
	if o.VAE != "" {
		err = o.openVAE(o.VAE, o.VAE)
	} else if config, err = o.singleConfig(f, "vae"); err == nil {
		err = o.bindVAE(config, cp.Parts[weights.VAE])
	}
	if err != nil {
		return err
	}
	for i, t := range f.texts {
		if err := o.singleText(i, f, t, cp); err != nil {
			return err
		}
	}
	return nil
}

// whole reports parts that a single file lacks.
func (o *opener) whole(file string, f *family, cp *weights.Checkpoint) error {
	want := []weights.Part{weights.UNet}
	if o.VAE == "" {
		want = append(want, weights.VAE)
	}
	for _, t := range f.texts {
		want = append(want, t.single)
	}
	for _, p := range want {
		if cp.Parts[p] == nil {
			return &fault.Error{Kind: fault.Missing, Op: "model", Where: file, What: string(p), Have: "is not in the file", Want: "a whole " + f.title + " model"}
		}
	}
	return nil
}

func (o *opener) singleText(i int, f *family, t text, cp *weights.Checkpoint) error {
	config, err := o.singleConfig(f, t.part)
	if err != nil {
		return err
	}
	te, err := o.bindText(config, cp.Parts[t.single], t)
	if err != nil {
		return err
	}
	o.b.Text = append(o.b.Text, te)
	if o.Tokenizer != "" {
		return o.openTokenizer(te, i, t, o.Tokenizer)
	}
	te.BPE, err = bpe.Standard(bpe.Options{Mode: bpe.Slow, Pad: t.pad})
	if err != nil {
		return err
	}
	return te.checkVocabulary("the standard vocabulary")
}

// singleConfig is the config of a part, from the folder the user named or the
// published model.
func (o *opener) singleConfig(f *family, part string) ([]byte, error) {
	if o.Config != "" {
		where := o.join(o.Config, part)
		text, err := o.read(o.join(where, "config.json"))
		return text, missing(err, where, part)
	}
	return fs.ReadFile(configs, path.Join("config", f.config, part, "config.json"))
}
