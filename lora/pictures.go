package lora

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"

	"gorgonia.org/tensor"

	"github.com/easel-go/easel/dataset"
	"github.com/easel-go/easel/internal/fault"
	"github.com/easel-go/easel/internal/imageio"
	"github.com/easel-go/easel/internal/model"
	"github.com/easel-go/easel/internal/nn"
	"github.com/easel-go/easel/internal/train"
)

// pictures is the training set: the samples whose picture can be read. Latents and text
// embeddings are made when they are first asked for.
type pictures struct {
	items   []item
	prepare train.Prepare
	kept    *kept
	vae     string // what tells the autoencoder and the text encoders from others
	text    string
}

// item is a picture and its caption.
type item struct {
	image         dataset.Image
	caption       string
	width, height int
}

// openPictures finds the samples that have a picture, and reports the others.
func (t *training) openPictures(ctx context.Context, b *model.Bundle, data *dataset.Dataset) (*pictures, error) {
	if b.VAE == nil || len(b.Text) == 0 {
		return nil, &fault.Error{Kind: fault.Missing, Op: "lora", What: "pipeline", Have: "lacks an autoencoder or text encoder", Want: "a whole one"}
	}
	p := &pictures{
		prepare: train.Prepare{Height: t.Height, Width: t.Width, Center: t.CenterCrop, Flip: t.Flip},
		vae:     fingerprint(b.VAE),
	}
	var nets []any
	for _, te := range b.Text {
		nets = append(nets, te.CLIP, te.GLM)
	}
	p.text = fingerprint(nets...)
	dir := t.Cache
	if dir == "" && t.Dir != "" {
		dir = filepath.Join(t.Dir, "cache")
	}
	p.kept = newKept(dir)
	for _, r := range readAll(ctx, data) {
		if r.err != nil {
			t.result.Skipped = append(t.result.Skipped, fmt.Sprintf("%s: %v", r.id, r.err))
			t.Log.Warn("picture skipped", "sample", r.id, "err", r.err)
			continue
		}
		p.items = append(p.items, r.item)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if len(p.items) == 0 {
		return nil, &fault.Error{Kind: fault.Missing, Op: "lora", Where: data.Dir(), What: "pictures", Have: fmt.Sprintf("none of %d samples can be read", data.Len()), Want: "one or more"}
	}
	return p, nil
}

// read is what became of a sample.
type read struct {
	item
	id  string
	err error
}

// readAll decodes every picture once, on all processors, so that damage is found before
// the training begins.
func readAll(ctx context.Context, data *dataset.Dataset) []read {
	all := make([]read, data.Len())
	var next atomic.Int64
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for i := int(next.Add(1) - 1); i < len(all) && ctx.Err() == nil; i = int(next.Add(1) - 1) {
				s, err := data.At(i)
				all[i].id = s.ID
				if err == nil {
					all[i].item, err = readable(s)
				}
				all[i].err = err
			}
		})
	}
	wg.Wait()
	return all
}

// readable decodes a sample's picture.
func readable(s *dataset.Sample) (item, error) {
	images := s.Images()
	if len(images) == 0 {
		return item{}, fault.Newf(fault.Missing, "lora", "no picture")
	}
	pic, err := decodePicture(images[0])
	if err != nil {
		return item{}, err
	}
	return item{images[0], s.Text(), pic.Width, pic.Height}, nil
}

func decodePicture(m dataset.Image) (*imageio.Picture, error) {
	b, err := m.Bytes()
	if err != nil {
		return nil, err
	}
	return imageio.DecodeRGB(b, imageio.Strict)
}

// encodePicture returns the distribution of a picture's latents. Those of crops of the
// middle are kept on disk, others, which hardly come again, in memory alone.
func (p *pictures) encodePicture(ctx context.Context, b *model.Bundle, it item, cut train.Cut) (m model.Picture, err error) {
	encoded, err := it.image.Bytes()
	if err != nil {
		return m, err
	}
	key := hash("latents", p.vae, fmt.Sprint(p.prepare.Height, p.prepare.Width, cut), string(encoded))
	set, err := p.kept.get(key, p.prepare.Center, func() (arrays, error) {
		pic, err := imageio.DecodeRGB(encoded, imageio.Strict)
		if err != nil {
			return nil, err
		}
		if pic, err = p.prepare.Bytes(pic, cut); err != nil {
			return nil, err
		}
		m, err := b.EncodeImage(ctx, train.Tensor(pic))
		if err != nil {
			return nil, err
		}
		return arrays{"moments": {tensor.Shape{m.H, m.W, m.C}, m.Pix}}, nil
	})
	if err != nil {
		return m, err
	}
	a := set["moments"]
	return model.Picture{H: a.shape[0], W: a.shape[1], C: a.shape[2], Pix: a.v}, nil
}

// encodeText returns what a caption is to the network.
func (p *pictures) encodeText(ctx context.Context, b *model.Bundle, caption string) (c model.Cond, err error) {
	set, err := p.kept.get(hash("text", p.text, string(b.Numerics()), caption), true, func() (arrays, error) {
		e, err := b.Encode(ctx, model.Prompt{Text: caption})
		if err != nil {
			return nil, err
		}
		set := arrays{"context": {tensor.Shape{e[0].Rows, len(e[0].Context) / e[0].Rows}, e[0].Context}}
		for name, v := range map[string][]float32{"key_bias": e[0].KeyBias, "pooled": e[0].Pooled} {
			if v != nil {
				set[name] = array{tensor.Shape{len(v)}, v}
			}
		}
		return set, nil
	})
	if err != nil {
		return c, err
	}
	return model.Cond{Rows: set["context"].shape[0], Context: set["context"].v, KeyBias: set["key_bias"].v, Pooled: set["pooled"].v}, nil
}

// fingerprint tells networks apart: the names, types and shapes of their weights, the
// first numbers of each, and whether adapters change them.
func fingerprint(roots ...any) string {
	h := sha256.New()
	const most = 1024
	for _, root := range roots {
		for name, p := range nn.Walk[*nn.Param](root) {
			if p.Value == nil {
				continue
			}
			raw := p.Value.Raw
			fmt.Fprintln(h, name, p.Value.Dtype(), p.Shape, len(raw))
			h.Write(raw[:min(len(raw), most)])
		}
		for name, l := range nn.Walk[*nn.Linear](root) {
			for _, d := range l.Deltas {
				fmt.Fprintf(h, "%s %p", name, d) // valid in this process alone
			}
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

// hash is the name of what parts, each of any length, stand for.
func hash(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d ", len(p))
		h.Write([]byte(p))
	}
	return hex.EncodeToString(h.Sum(nil))
}
