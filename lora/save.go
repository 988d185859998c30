package lora

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"gorgonia.org/tensor"

	"github.com/easel-go/easel/diffusion"
	"github.com/easel-go/easel/internal/fault"
	"github.com/easel-go/easel/internal/model"
	"github.com/easel-go/easel/internal/weights"
	"github.com/easel-go/easel/internal/weights/pickle"
)

// SaveOption changes how Save writes.
type SaveOption func(*saveOptions)

type saveOptions struct{ pipe *diffusion.Pipeline }

// For names the model that the adapter is for, which tells how its layers are called in
// other dialects. Without it Save recognises SD 1.x, SDXL and Kolors by names and
// shapes; other sizes need it.
func For(p *diffusion.Pipeline) SaveOption { return func(o *saveOptions) { o.pipe = p } }

// Save writes the adapter:
//
//	Diffusers   a .safetensors file of diffusers' names, rank and alpha in its metadata
//	PEFT        a folder, adapter_config.json and adapter_model.safetensors; with text encoders
//	            folders unet, text_encoder and text_encoder_2 of these two
//	Kohya       a .safetensors file of kohya's or, for SDXL and Kolors, CompVis' names, alpha beside each layer
//	DiffSynth   a .ckpt file of DiffSynth-Studio's numbered blocks, which has no place for
//	            alpha: whoever loads it must give Info().Alpha
//
// A file whose name ends in .ckpt, .bin or .pt is torch's. It appears under its name
// only when it is whole.
//
// Errors: Unsupported for kinds of change that the dialect has no form for: only Kohya
// takes LoHa, LoKr, Tucker and whole differences, and DiffSynth no text encoders. Missing for layers that no model has.
func (a *Adapter) Save(path string, d Dialect, opts ...SaveOption) error {
	var o saveOptions
	for _, opt := range opts {
		opt(&o)
	}
	n, targets, err := a.locate(o.pipe)
	if err != nil {
		return err
	}
	return newWriter(a, n, targets).save(path, d)
}

func newWriter(a *Adapter, n *names, targets []*target) *writer {
	c := *a
	c.layers = slices.Clone(a.layers)
	return &writer{adapter: &c, names: n, targets: targets}
}

func (w *writer) save(path string, d Dialect) (err error) {
	w.tensors, w.meta = map[string]*tensor.Dense{}, map[string]string{}
	switch d {
	case Diffusers:
		err = w.diffusers()
	case PEFT:
		return w.peft(path)
	case Kohya:
		err = w.kohya()
	case DiffSynth:
		err = w.diffsynth()
	default:
		return &fault.Error{Kind: fault.Unsupported, Op: "lora", What: "dialect to write", Have: string(d), Want: "diffusers, peft, kohya or diffsynth"}
	}
	if err != nil {
		return err
	}
	return w.write(path)
}

// locate finds the layers of the adapter in the pipeline, or in one of the published
// models.
func (a *Adapter) locate(p *diffusion.Pipeline) (*names, []*target, error) {
	if p != nil {
		return a.locateIn(p.Bundle())
	}
	var first error
	for _, f := range []weights.Family{weights.SD1, weights.SDXL, weights.Kolors} {
		b, err := model.Layout(f)
		if err != nil {
			return nil, nil, err
		}
		n, targets, err := a.locateIn(b)
		if err == nil {
			return n, targets, nil
		}
		if first == nil {
			first = err
		}
	}
	return nil, nil, &fault.Error{Kind: fault.Missing, Op: "lora", Where: a.path, What: "model", Have: "is none of SD 1.x, SDXL and Kolors", Want: "the pipeline that the adapter is for", Err: first}
}

func (a *Adapter) locateIn(b *model.Bundle) (*names, []*target, error) {
	n, err := namesOf(b)
	if err != nil {
		return nil, nil, err
	}
	return a.locateNames(n)
}

func (a *Adapter) locateNames(n *names) (*names, []*target, error) {
	targets, absent, err := n.resolve(a)
	if err == nil && len(absent) > 0 {
		err = &fault.Error{Kind: fault.Missing, Op: "lora", Where: a.path, What: fmt.Sprintf("%d of %d layers", len(absent), len(a.layers)), Have: "are not in the model: " + few(absent)}
	}
	for i, t := range targets {
		if err == nil {
			err = a.layers[i].fits(t.weight().Shape)
		}
	}
	return n, targets, err
}

// writer gathers what a file is to hold.
type writer struct {
	adapter *Adapter
	names   *names
	targets []*target
	whole   bool // DiffSynth's file takes text encoders too, in diffusers' names
	tensors map[string]*tensor.Dense
	meta    map[string]string
}

func (w *writer) unsupported(l *layer, d Dialect) error {
	return &fault.Error{Kind: fault.Unsupported, Op: "lora", Where: w.adapter.path, What: "layer " + l.name, Have: "of kind " + l.kind(), Want: "one that " + string(d) + " has a form for"}
}

// pairs writes the layers that are pairs of matrices as prefix.lora_A.weight and so on.
func (w *writer) pairs(d Dialect, name func(*target) (string, error), adapter string) error {
	for i, l := range w.adapter.layers {
		if l.parts[down] == nil || l.parts[mid] != nil || d == DiffSynth && (l.parts[magnitude] != nil || l.parts[upBias] != nil) {
			return w.unsupported(l, d)
		}
		key, err := name(w.targets[i])
		if err != nil {
			return err
		}
		w.tensors[key+".lora_A"+adapter+".weight"] = l.parts[down]
		w.tensors[key+".lora_B"+adapter+".weight"] = l.parts[up]
		if l.parts[upBias] != nil {
			w.tensors[key+".lora_B"+adapter+".bias"] = l.parts[upBias]
		}
		if m := l.parts[magnitude]; m != nil {
			if l.perInput(w.targets[i].weight().Shape) {
				return w.unsupported(l, d)
			}
			w.tensors[key+".lora_magnitude_vector"] = dense(tensor.Shape{m.DataSize()}, numbers(m))
		}
	}
	return nil
}

func (w *writer) diffusers() error {
	if err := w.pairs(Diffusers, func(t *target) (string, error) { return t.String(), nil }, ""); err != nil {
		return err
	}
	all := map[string]any{}
	for _, part := range parts {
		for k, v := range w.config(part) {
			all[part+"."+k] = v
		}
	}
	text, err := json.MarshalIndent(all, "", "  ")
	w.meta["format"], w.meta[metadataKey] = "pt", string(text)
	return err
}

// config is what PEFT needs to know of a part's layers; nil without any.
func (w *writer) config(part string) map[string]any {
	var at []int
	ranks, alphas := map[int]int{}, map[float64]int{}
	dora, bias := false, false
	for i, l := range w.adapter.layers {
		if w.targets[i].part == part {
			at = append(at, i)
			ranks[l.rank]++
			alphas[l.peftAlpha()]++
			dora, bias = dora || l.parts[magnitude] != nil, bias || l.parts[upBias] != nil
		}
	}
	if at == nil {
		return nil
	}
	rank, alpha := mostOften(ranks), mostOften(alphas)
	rankPattern, alphaPattern := map[string]int{}, map[string]float64{}
	var names []string
	for _, i := range at {
		l, name := w.adapter.layers[i], w.targets[i].name
		names = append(names, name)
		if l.rank != rank {
			rankPattern[name] = l.rank
		}
		if l.peftAlpha() != alpha {
			alphaPattern[name] = l.peftAlpha()
		}
	}
	return map[string]any{
		"peft_type": "LORA", "r": rank, "lora_alpha": alpha, "rank_pattern": rankPattern, "alpha_pattern": alphaPattern,
		"target_modules": shortest(names), "bias": "none", "lora_bias": bias, "use_dora": dora, "use_rslora": false,
		"init_lora_weights": true, "lora_dropout": 0.0, "fan_in_fan_out": false, "inference_mode": true,
	}
}

// peftAlpha is alpha where the factor is alpha/rank.
func (l *layer) peftAlpha() float64 { return l.factor() * float64(l.rank) }

// shortest returns the names as they are: PEFT matches them whole.
func shortest(names []string) []string {
	slices.Sort(names)
	return slices.Compact(names)
}

// peft writes a folder; one below it for each network where there are several, as peft's
// example lora_dreambooth does.
func (w *writer) peft(dir string) error {
	writers := map[string]*writer{}
	for i, t := range w.targets {
		p := writers[t.part]
		if p == nil {
			p = &writer{adapter: &Adapter{path: w.adapter.path}, names: w.names, tensors: map[string]*tensor.Dense{}, meta: map[string]string{}}
			writers[t.part] = p
		}
		p.adapter.layers, p.targets = append(p.adapter.layers, w.adapter.layers[i]), append(p.targets, t)
	}
	for part, p := range writers {
		to := dir
		if len(writers) > 1 || part != "unet" {
			to = filepath.Join(dir, part)
		}
		if err := p.peftPart(to, part); err != nil {
			return err
		}
	}
	return nil
}

func (w *writer) peftPart(dir, part string) error {
	if err := w.pairs(PEFT, func(t *target) (string, error) { return "base_model.model." + t.name, nil }, ""); err != nil {
		return err
	}
	text, err := json.MarshalIndent(w.config(part), "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return &fault.Error{Op: "lora", Where: dir, Err: err}
	}
	w.meta["format"] = "pt"
	if err := w.write(filepath.Join(dir, "adapter_model.safetensors")); err != nil {
		return err
	}
	return writeFile(filepath.Join(dir, "adapter_config.json"), append(text, '\n'))
}

func (w *writer) kohya() error {
	for i, l := range w.adapter.layers {
		if l.parts[upBias] != nil {
			return w.unsupported(l, Kohya)
		}
		key := w.kohyaName(w.targets[i])
		for r, t := range l.parts {
			if r == lokr1 && l.parts[lokr2] != nil {
				t = times(t, l.factor()) // whole factors are not scaled there
			}
			ending := string(r)
			if r == down || r == up || r == mid {
				ending += ".weight"
			}
			w.tensors[key+"."+ending] = t
		}
		if m := l.parts[magnitude]; m != nil && m.Dims() == 1 { // PEFT's has no trailing axes
			shape := slices.Repeat([]int{1}, len(w.targets[i].weight().Shape))
			shape[0] = m.DataSize()
			w.tensors[key+"."+string(magnitude)] = dense(shape, numbers(m))
		}
		if l.rank > 0 {
			w.tensors[key+".alpha"] = tensor.New(tensor.FromScalar(float32(l.peftAlpha())))
		}
	}
	i := w.adapter.Info()
	w.meta["ss_network_module"] = "networks.lora"
	w.meta["ss_network_dim"], w.meta["ss_network_alpha"] = fmt.Sprint(i.Rank), fmt.Sprint(w.adapter.layers[0].peftAlpha())
	return nil
}

// kohyaName is the layer's name with underscores: for SDXL and Kolors, whose
// adapters sd-scripts trains on the network of the single file, CompVis' name.
func (w *writer) kohyaName(t *target) string {
	prefix, name := "lora_unet_", t.name
	_, two := w.names.dotted["unet.add_embedding.linear_1"]
	switch {
	case t.part == "text_encoder_2":
		prefix = "lora_te2_"
	case t.part == "text_encoder" && two:
		prefix = "lora_te1_"
	case t.part == "text_encoder":
		prefix = "lora_te_"
	case two:
		if ldm, ok := w.names.unet.Translate(name, weights.Diffusers, weights.LDM); ok {
			name = ldm
		}
	}
	return prefix + strings.ReplaceAll(name, ".", "_")
}

// diffsynth writes layers of one rank. Alphas that differ from the first go into B.
func (w *writer) diffsynth() error {
	first := w.adapter.layers[0]
	for i, l := range w.adapter.layers {
		if l.rank != first.rank {
			return w.unsupported(l, DiffSynth)
		}
		if l.factor() != first.factor() && l.parts[up] != nil {
			c := *l
			c.parts = maps.Clone(l.parts)
			c.parts[up] = times(l.parts[up], l.factor()/first.factor())
			w.adapter.layers[i] = &c
		}
	}
	return w.pairs(DiffSynth, func(t *target) (string, error) {
		if w.whole && t.part != "unet" {
			return t.String(), nil
		}
		name, ok := w.names.unet.Translate(t.name, weights.Diffusers, weights.DiffSynth)
		if t.part != "unet" || !ok {
			return "", &fault.Error{Kind: fault.Unsupported, Op: "lora", Where: w.adapter.path, What: "layer " + t.String(), Have: "has no name in DiffSynth-Studio"}
		}
		return name, nil
	}, ".default")
}

// times is t·f.
func times(t *tensor.Dense, f float64) *tensor.Dense {
	if f == 1 {
		return t
	}
	v := slices.Clone(numbers(t))
	for i := range v {
		v[i] = float32(float64(v[i]) * f)
	}
	return dense(t.Shape().Clone(), v)
}

func (w *writer) write(path string) error {
	switch strings.ToLower(filepath.Ext(path)) {
	case ".ckpt", ".bin", ".pt", ".pth":
		d := &pickle.Dict{}
		for _, name := range slices.Sorted(maps.Keys(w.tensors)) {
			d.Set(name, w.tensors[name])
		}
		return weights.SaveTorch(path, d)
	}
	return weights.SaveSafetensors(path, w.tensors, w.meta)
}

// writeFile replaces a file; it appears under its name only when it is whole.
func writeFile(path string, text []byte) error {
	return weights.Replace(path, func(w io.Writer) error {
		_, err := w.Write(text)
		return err
	})
}
